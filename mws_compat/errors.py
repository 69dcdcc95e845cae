"""Every way a request can fail, as Amazon MWS told it.

::

    Exception
    └── MwsError            what an MWS caller is told: a fault of the catalogue and a message
        (its ``reason``, ``faults`` and ``upstream_request_id`` go to the operator's log, never to the caller)
    └── ReadError           a document that is not, or must not be, read as XML; names line and column

The catalogue restates section 6 of the wire reference: code, HTTP status, ``Type`` and the spelling of the request
id's element. Front-door faults (authentication, addressing, throttling) spelled it ``RequestID``; faults of the
service behind the door ``RequestId``. ``Type`` is empty for throttling: that is what was recorded.
"""

from typing import NamedTuple

__all__ = [
    "ACCESS_DENIED",
    "INTERNAL_ERROR",
    "INVALID_ACCESS_KEY_ID",
    "INVALID_ADDRESS",
    "INVALID_PARAMETER_VALUE",
    "INVALID_REQUEST",
    "METHOD_NOT_ALLOWED",
    "NEXT_TOKEN_CORRUPTED",
    "REQUEST_EXPIRED",
    "REQUEST_HEADERS_TOO_LARGE",
    "REQUEST_THROTTLED",
    "REQUEST_TOO_LARGE",
    "SERVICE_UNAVAILABLE",
    "SIGNATURE_DOES_NOT_MATCH",
    "UNREADABLE_PARAMETER",
    "Fault",
    "MwsError",
    "ReadError",
]


class Fault(NamedTuple):
    """One row of the catalogue. ``id_element`` is ``RequestID`` or ``RequestId``; ``message`` the text sent when
    the place of failure has none of its own."""

    code: str
    status: int
    type: str
    id_element: str
    message: str


ACCESS_DENIED = Fault("AccessDenied", 401, "Sender", "RequestID", "Access denied")
INTERNAL_ERROR = Fault("InternalError", 500, "Receiver", "RequestId", "An internal error occurred. Please retry.")
INVALID_ACCESS_KEY_ID = Fault(
    "InvalidAccessKeyId",
    403,
    "Sender",
    "RequestID",
    "The AWS Access Key Id you provided does not exist in our records.",
)
INVALID_ADDRESS = Fault("InvalidAddress", 404, "Sender", "RequestID", "The requested address does not exist.")
INVALID_PARAMETER_VALUE = Fault("InvalidParameterValue", 400, "Sender", "RequestId", "Invalid parameter value.")
#: Parameters that failed before the service saw them: unreadable, missing from the common set, given twice.
UNREADABLE_PARAMETER = Fault("InvalidParameterValue", 400, "Sender", "RequestID", "Invalid query string provided.")
NEXT_TOKEN_CORRUPTED = Fault(
    "NextTokenCorrupted",
    400,
    "Sender",
    "RequestId",
    "We could not decode your NextToken. Possible reasons include: a transmission error, improper quoting or a "
    "truncation problem.",
)
REQUEST_EXPIRED = Fault("RequestExpired", 400, "Sender", "RequestID", "Request has expired.")
REQUEST_THROTTLED = Fault("RequestThrottled", 503, "", "RequestID", "Request is throttled")
SERVICE_UNAVAILABLE = Fault(
    "ServiceUnavailable",
    503,
    "Receiver",
    "RequestId",
    "The service is temporarily unavailable. Please retry.",
)
SIGNATURE_DOES_NOT_MATCH = Fault(
    "SignatureDoesNotMatch",
    403,
    "Sender",
    "RequestID",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
    "Key and signing method. Consult the service documentation for details.",
)
# The four below have no recorded MWS counterpart; code InvalidRequest is from the older MWS error lists, so that a
# client which names its exception after the code gets a name that it may know.
INVALID_REQUEST = Fault("InvalidRequest", 400, "Sender", "RequestID", "The request could not be read as HTTP.")
METHOD_NOT_ALLOWED = Fault("InvalidRequest", 405, "Sender", "RequestID", "Use GET or POST.")
REQUEST_TOO_LARGE = Fault("InvalidRequest", 413, "Sender", "RequestID", "The request body is too large.")
REQUEST_HEADERS_TOO_LARGE = Fault(
    "InvalidRequest", 431, "Sender", "RequestID", "The request line and headers are too large."
)


class MwsError(Exception):
    """A request that ends in an MWS error document.

    ``message`` goes to the caller, and may repeat what that has sent, so a message that does needs a ``reason``: the
    plain-words cause for the operator's log, without secrets or personal data. ``faults`` holds every fault that
    validation found, of which the caller is told the first, as MWS did. ``upstream_request_id`` is SP-API's id, if
    one was met.
    """

    def __init__(
        self,
        fault: Fault,
        message: str | None = None,
        *,
        reason: str = "",
        faults: tuple[str, ...] = (),
        upstream_request_id: str = "",
    ) -> None:
        self.fault = fault
        self.message = fault.message if message is None else message
        self.reason = reason
        self.faults = faults
        self.upstream_request_id = upstream_request_id
        super().__init__(f"{fault.code}: {self.message}")


class ReadError(ValueError):
    """XML that cannot be read, or that is refused. ``line`` and ``column`` count from 1; 0 where there is no place
    to name (an oversized or empty document). ``excerpt`` is the line of the document around the place, its letters
    and digits outside tags made unrecognisable because they can be personal; '' when it is not known."""

    def __init__(self, problem: str, *, line: int = 0, column: int = 0, excerpt: str = "") -> None:
        self.problem = problem
        self.line = line
        self.column = column
        self.excerpt = excerpt
        place = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{place}{problem}")
