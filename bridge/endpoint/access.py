"""Who may call for whom: access keys, the sellers that each may reach, and the check of a call against them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import NamedTuple

from bridge.upstream.accounts import Seller
from mws_compat import signature
from mws_compat.errors import ACCESS_DENIED, INVALID_ACCESS_KEY_ID, UNREADABLE_PARAMETER, MwsError
from mws_compat.query import Call
from mws_compat.validation import check_timestamp

__all__ = ["AccessBook", "AccessKey", "Caller", "SellerAccess"]


@dataclass(frozen=True, slots=True)
class SellerAccess:
    """A seller as one access key sees it. ``auth_token``: the MWSAuthToken that the caller must send; '' when none is
    asked for."""

    seller: Seller
    auth_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A legacy program's key pair and the sellers that it may reach."""

    id: str
    secret: str = field(repr=False)
    sellers: Mapping[str, SellerAccess]


class Caller(NamedTuple):
    """A caller whose signature was right, and the seller it calls for."""

    access_key_id: str
    seller: Seller


#: Signed with when the key is unknown, so that an unknown key costs what a wrong signature costs.
_NO_SECRET = "no access key has this secret"  # noqa: S105


class AccessBook:
    """All access keys. ``aliases`` are host names that clients may have signed beside the one they connect to;
    ``deviant_encodings`` names the wrong encodings that are accepted as well; ``ends`` says from when on a key is
    unknown."""

    def __init__(
        self,
        keys: Iterable[AccessKey],
        *,
        aliases: Sequence[str] = signature.AMAZON_HOSTS,
        deviant_encodings: Sequence[str] = (),
        ends: Mapping[str, datetime] | None = None,
    ) -> None:
        self._keys = {key.id: key for key in keys}
        self._ends = dict(ends or {})
        self._aliases = tuple(aliases)
        self._encodings = tuple(deviant_encodings)

    def authenticate(self, call: Call, *, section: str, now: datetime) -> Caller:
        """The caller of ``call``. Raises MwsError: InvalidParameterValue (a common parameter is missing or unusable),
        InvalidAccessKeyId, SignatureDoesNotMatch, RequestExpired, AccessDenied (the key may not reach that seller, or
        the MWSAuthToken is wrong)."""
        key_id = _required(call, "AWSAccessKeyId")
        key = self._keys.get(key_id)
        if key is not None and key_id in self._ends and now >= self._ends[key_id]:
            key = None
        try:
            signature.verify(
                call.parameters,
                secret=key.secret if key else _NO_SECRET,
                method=call.method,
                path=call.path,
                hosts=signature.hosts_to_try(call.host, self._aliases),
                pairs=call.values.items(),
                canonical=call.canonical,
                encodings=self._encodings,
            )
        except MwsError as error:
            if key is None and error.fault.status == 403:
                raise MwsError(INVALID_ACCESS_KEY_ID) from None
            raise
        if key is None:
            raise MwsError(INVALID_ACCESS_KEY_ID, reason="the request is signed with our stand-in for unknown keys")
        check_timestamp(call.parameters, now)
        return Caller(key.id, _seller_of(call, key, section))


def _required(call: Call, name: str) -> str:
    value = call.parameters.get(name)
    if value is None:
        raise MwsError(UNREADABLE_PARAMETER, f"Missing required parameter {name}.")
    return value


def _seller_of(call: Call, key: AccessKey, section: str) -> Seller:
    seller_id = call.parameters.get("SellerId") or call.parameters.get("Merchant") or _required(call, "SellerId")
    access = key.sellers.get(seller_id)
    if access is None:
        reason = f"access key {key.id} is not configured for the seller that was asked for"
        raise MwsError(ACCESS_DENIED, f"Access to {section}.{call.action} is denied", reason=reason)
    if access.auth_token:
        given = call.parameters.get("MWSAuthToken")
        if given is None:
            raise MwsError(ACCESS_DENIED, "Missing required MWSAuthToken for Seller.")
        if not compare_digest(given.encode(), access.auth_token.encode()):
            raise MwsError(ACCESS_DENIED, "AuthToken is not valid for SellerId and AWSAccountId")
    return access.seller
