"""The catalogue of faults against the wire reference, and what an error carries."""

import pytest

from mws_compat import errors
from mws_compat.errors import ACCESS_DENIED, Fault, MwsError, ReadError

# Wire reference 6.2, typed again by hand: code, HTTP status, Type, spelling of the request id.
REFERENCE = {
    "ACCESS_DENIED": ("AccessDenied", 401, "Sender", "RequestID"),
    "INTERNAL_ERROR": ("InternalError", 500, "Receiver", "RequestId"),
    "INVALID_ACCESS_KEY_ID": ("InvalidAccessKeyId", 403, "Sender", "RequestID"),
    "INVALID_ADDRESS": ("InvalidAddress", 404, "Sender", "RequestID"),
    "INVALID_PARAMETER_VALUE": ("InvalidParameterValue", 400, "Sender", "RequestId"),
    "UNREADABLE_PARAMETER": ("InvalidParameterValue", 400, "Sender", "RequestID"),
    "NEXT_TOKEN_CORRUPTED": ("NextTokenCorrupted", 400, "Sender", "RequestId"),
    "REQUEST_EXPIRED": ("RequestExpired", 400, "Sender", "RequestID"),
    "REQUEST_THROTTLED": ("RequestThrottled", 503, "", "RequestID"),
    "SERVICE_UNAVAILABLE": ("ServiceUnavailable", 503, "Receiver", "RequestId"),
    "SIGNATURE_DOES_NOT_MATCH": ("SignatureDoesNotMatch", 403, "Sender", "RequestID"),
    "INVALID_REQUEST": ("InvalidRequest", 400, "Sender", "RequestID"),
    "METHOD_NOT_ALLOWED": ("InvalidRequest", 405, "Sender", "RequestID"),
    "REQUEST_TOO_LARGE": ("InvalidRequest", 413, "Sender", "RequestID"),
    "REQUEST_HEADERS_TOO_LARGE": ("InvalidRequest", 431, "Sender", "RequestID"),
}
CATALOGUE = {name: value for name, value in vars(errors).items() if isinstance(value, Fault)}


@pytest.mark.parametrize("name", CATALOGUE)
def test_fault(name: str) -> None:
    """Each fault has the reference's code, status, Type and spelling, and a text of its own."""
    fault = CATALOGUE[name]
    assert (fault.code, fault.status, fault.type, fault.id_element) == REFERENCE[name]
    assert fault.message
    # peddler names an exception class after the code, so it has to be a constant's name
    assert fault.code.isascii()
    assert fault.code.isalpha()
    assert fault.code[0].isupper()


def test_catalogue_is_complete() -> None:
    """The catalogue and the reference have the same faults."""
    assert set(CATALOGUE) == set(REFERENCE)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ACCESS_DENIED", "Access denied"),
        ("INVALID_ACCESS_KEY_ID", "The AWS Access Key Id you provided does not exist in our records."),
        ("REQUEST_THROTTLED", "Request is throttled"),
        (
            "SIGNATURE_DOES_NOT_MATCH",
            (
                "The request signature we calculated does not match the signature you provided. Check your AWS "
                "Secret Access Key and signing method. Consult the service documentation for details."
            ),
        ),
        (
            "NEXT_TOKEN_CORRUPTED",
            (
                "We could not decode your NextToken. Possible reasons include: a transmission error, improper "
                "quoting or a truncation problem."
            ),
        ),
    ],
)
def test_texts_that_clients_match(name: str, message: str) -> None:
    """The texts that programs compare are Amazon's to the letter."""
    assert CATALOGUE[name].message == message


def test_mws_error_carries_its_evidence() -> None:
    """Fault and message for the caller; reason, faults and the upstream's id for the log."""
    error = MwsError(ACCESS_DENIED)
    assert (error.fault, error.message) == (ACCESS_DENIED, "Access denied")
    assert (error.reason, error.faults, error.upstream_request_id) == ("", (), "")
    assert str(error) == "AccessDenied: Access denied"
    error = MwsError(ACCESS_DENIED, "No.", reason="why", faults=("No.", "Never."), upstream_request_id="u-1")
    assert (error.message, error.reason, error.faults, error.upstream_request_id) == (
        "No.",
        "why",
        ("No.", "Never."),
        "u-1",
    )
    assert str(error) == "AccessDenied: No."
    assert MwsError(ACCESS_DENIED, "").message == ""


def test_read_error_names_its_place() -> None:
    """Line and column lead the text where there is a place, and are left out where there is none."""
    error = ReadError("odd", line=3, column=7)
    assert (str(error), error.problem, error.line, error.column) == ("line 3, column 7: odd", "odd", 3, 7)
    error = ReadError("too long")
    assert (str(error), error.problem, error.line, error.column) == ("too long", "too long", 0, 0)
    assert isinstance(error, ValueError)
