"""What an error means and what to do about it, in plain words: MWS code and a part of the reason → meaning, remedy.

The first row that fits holds; each code ends with a row for whatever reason. The reasons are those of our own log,
written in ``endpoint``, ``upstream`` and ``mws_compat``; a test makes each of them.
"""

import re
from typing import Literal, NamedTuple

__all__ = ["MEANINGS", "Meaning", "Urgency", "meaning_of"]

#: Who can end it: ``operator``; ``amazon``, and waiting helps; ``caller``: whoever runs the legacy program.
Urgency = Literal["operator", "amazon", "caller"]


class Meaning(NamedTuple):
    """A row. ``reason`` is searched for in the reason; '' fits every one."""

    code: str
    reason: str
    urgency: Urgency
    meaning: str
    remedy: str


MEANINGS = (
    Meaning(
        "AccessDenied",
        r"refresh token is not valid any more",
        "operator",
        "Amazon no longer accepts the seller’s authorisation.",
        "Have the seller authorise the application again in Seller Central, and put the new refresh token into the "
        "seller’s settings.",
    ),
    Meaning(
        "AccessDenied",
        r"client id or secret is wrong",
        "operator",
        "Amazon does not accept the application’s credentials; all of its sellers are cut off.",
        "Make a new client secret in Amazon’s developer console (they end after 180 days) and put it into "
        "[[application]].",
    ),
    Meaning(
        "AccessDenied",
        r"may not use this grant|Login with Amazon refused",
        "operator",
        "Login with Amazon refuses the application.",
        "Look at the application’s registration in Amazon’s developer console.",
    ),
    Meaning(
        "AccessDenied",
        r"SP-API answered HTTP 40[13].*token",
        "operator",
        "Amazon does not accept the access token, not even a new one.",
        "Check that the seller’s marketplaces are of the region that authorised the application, and that the "
        "authorisation still stands; then run: mws-bridge check",
    ),
    Meaning(
        "AccessDenied",
        r"SP-API answered",
        "operator",
        "Amazon refuses the application what was asked for: a role is missing, or the seller has not authorised it "
        "for this marketplace.",
        "Run mws-bridge check, which names the missing role; request it in Amazon’s developer console.",
    ),
    Meaning(
        "AccessDenied",
        r"is not configured for the seller",
        "operator",
        "A program asks for a seller that its access key may not reach.",
        "Add the seller to sellers of that [[access_key]], or correct SellerId in the program.",
    ),
    Meaning(
        "AccessDenied",
        r"AuthToken",
        "caller",
        "A program sends no MWSAuthToken, or a wrong one.",
        "Compare MWSAuthToken in the program with mws_auth_tokens of its [[access_key]].",
    ),
    Meaning(
        "AccessDenied",
        "",
        "operator",
        "Access was refused.",
        "Look for the request’s id in the log.",
    ),
    Meaning(
        "InvalidAccessKeyId",
        "",
        "caller",
        "A program, or a stranger, uses an access key that is not configured, or is revoked.",
        "If it is one of yours: give it a key of [[access_key]]. Otherwise nothing has to be done.",
    ),
    Meaning(
        "SignatureDoesNotMatch",
        "",
        "caller",
        "A program signs with a wrong secret, or a proxy changes the host or the path that it has signed.",
        "Compare the secret in the program with that of its [[access_key]]; behind a proxy, name the public host in "
        "[server] hosts.",
    ),
    Meaning(
        "RequestExpired",
        "",
        "caller",
        "A program’s clock is wrong by more than fifteen minutes. If all programs are told so, ours is.",
        "Set the clock of the program’s machine; let it be kept right (NTP).",
    ),
    Meaning(
        "InvalidParameterValue",
        r"SP-API answered",
        "caller",
        "Amazon refuses a value that a program asks with.",
        "The reason repeats Amazon’s words: correct it in the program.",
    ),
    Meaning(
        "InvalidParameterValue",
        r"query string|Missing required parameter (AWSAccessKeyId|Signature|Timestamp|SellerId|Action|Version)",
        "caller",
        "A request is no complete MWS request: something common to all of them is missing or cannot be read.",
        "The reason names it. If no program of yours sends this, it is a stranger looking around.",
    ),
    Meaning(
        "InvalidParameterValue",
        "",
        "caller",
        "A program asks with a value that MWS would have refused too.",
        "The reason names the parameter: correct it in the program.",
    ),
    Meaning(
        "NextTokenCorrupted",
        r"has left the key ring",
        "operator",
        "A listing was begun under another key for NextTokens.",
        "Set [server] token_keys, the same for all processes; when a key is replaced, keep the old one behind the "
        "new one for a day. The program begins its listing anew.",
    ),
    Meaning(
        "NextTokenCorrupted",
        r"is older than|has ended",
        "caller",
        "A program goes on with a listing that was begun too long ago.",
        "Nothing, if it happens once: the program begins anew. A program that keeps tokens for days must not.",
    ),
    Meaning(
        "NextTokenCorrupted",
        r"was altered",
        "caller",
        "A program uses a NextToken for another seller, access key or operation than it was given for.",
        "Let the program use each token once, for the listing that it came with.",
    ),
    Meaning(
        "NextTokenCorrupted",
        "",
        "caller",
        "A program sends back a NextToken that is cut off or changed, or one from Amazon’s days.",
        "Look at where the program keeps it: our tokens can be longer than a column of its database.",
    ),
    Meaning(
        "InvalidAddress",
        "",
        "caller",
        "Somebody asks for a path that is none of MWS Orders.",
        "If it is a program of yours: its address ends with /Orders/2013-09-01. Otherwise it is a stranger looking "
        "around.",
    ),
    Meaning(
        "InvalidRequest",
        "",
        "caller",
        "Somebody sends what no MWS program sends: another method, too large a request, or no HTTP at all.",
        "Nothing, unless it is a program of yours: then look at its address, port and proxy.",
    ),
    Meaning(
        "InternalError",
        r"SP-API answered|that is not a JSON object|cannot be unpacked|without a token",
        "amazon",
        "Amazon fails: it answers with an error of its own, or with something that is no answer.",
        "Wait: programs ask again. If it stays, look at Amazon’s SP-API status page and give support the request id.",
    ),
    Meaning(
        "InternalError",
        "",
        "operator",
        "mws-bridge itself failed: this is a bug.",
        "Report it with the log line of the request’s id, which names the place. Other requests are not affected.",
    ),
    Meaning(
        "ServiceUnavailable",
        r"server\.in_flight|request bodies hold",
        "operator",
        "More requests at once than mws-bridge takes on.",
        "If they are your programs, raise [server] in_flight or add workers; if not, close the port to strangers.",
    ),
    Meaning(
        "ServiceUnavailable",
        r"server stopped",
        "operator",
        "A request was cut off because the server was stopped.",
        "Nothing: the program asks again.",
    ),
    Meaning(
        "ServiceUnavailable",
        r"Connect(Error|Timeout)|ProxyError|PoolTimeout",
        "operator",
        "Amazon cannot be reached from this machine.",
        "Look at its network: DNS, firewall, proxy, certificates. Try: curl -v https://sellingpartnerapi-na.amazon.com",
    ),
    Meaning(
        "ServiceUnavailable",
        "",
        "amazon",
        "Amazon does not answer, or not in time.",
        "Wait: programs ask again. If it stays, look at Amazon’s SP-API status page.",
    ),
)

_UNKNOWN = Meaning("", "", "operator", "This page does not know the error.", "Look for the request’s id in the log.")


def meaning_of(code: str, reason: str) -> Meaning:
    """The row that explains an error."""
    for row in MEANINGS:
        if row.code == code and re.search(row.reason, reason):
            return row
    return _UNKNOWN
