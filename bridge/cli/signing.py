"""A small MWS client: what a legacy program does before it sends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

from mws_compat.schema import format_instant
from mws_compat.signature import canonical_query, sign, string_to_sign

__all__ = ["Account", "SignedRequest", "sign_request"]


@dataclass(frozen=True, slots=True)
class Account:
    """A legacy program's key pair, the seller that it calls for and, where one is asked for, its MWSAuthToken."""

    access_key: str
    secret: str = field(repr=False)
    seller: str
    auth_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request ready to be sent. ``body`` is '' for a GET; ``url`` then holds the parameters."""

    method: str
    url: str
    body: str
    parameters: Mapping[str, str]
    string_to_sign: str


def sign_request(
    origin: str,
    operation: str,
    parameters: Mapping[str, str],
    account: Account,
    *,
    now: datetime,
    method: str = "POST",
    section: str = "Orders",
    version: str = "2013-09-01",
    algorithm: str = "HmacSHA256",
) -> SignedRequest:
    """Sign ``operation`` with ``parameters`` for the endpoint at ``origin`` (scheme, host and port)."""
    path = f"/{section}/{version}"
    signed = {
        "AWSAccessKeyId": account.access_key,
        "Action": operation,
        "SellerId": account.seller,
        "SignatureMethod": algorithm,
        "SignatureVersion": "2",
        "Timestamp": format_instant(now),
        "Version": version,
        **({"MWSAuthToken": account.auth_token} if account.auth_token else {}),
        **parameters,
    }
    query = canonical_query(signed.items())
    text = string_to_sign(method, urlsplit(origin).netloc.lower(), path, query)
    signature = sign(account.secret, text, algorithm)
    wire = f"{query}&Signature={quote(signature, safe='')}"
    url = origin.rstrip("/") + path
    return SignedRequest(
        method,
        url if method == "POST" else f"{url}?{wire}",
        wire if method == "POST" else "",
        {**signed, "Signature": signature},
        text,
    )
