"""Which version of the Orders API a seller is served from, and why."""

import logging
from collections.abc import Callable
from datetime import datetime

from bridge.upstream.accounts import Seller
from bridge.upstream.errors import RefusalError
from bridge.upstream.plans import V0, V0_REMOVED, V2026

__all__ = ["Versions"]

#: Seconds for which a refused v2026 is not tried again.
_REFUSED_FOR = 3600.0

_log = logging.getLogger("mws_bridge.versions")


class Versions:
    """``clock`` gives monotonic seconds; from ``v0_until`` on v0 is not called any more, whatever a seller wants."""

    def __init__(self, *, clock: Callable[[], float], v0_until: datetime = V0_REMOVED) -> None:
        self._clock = clock
        self._v0_until = v0_until
        self._refused: dict[tuple[str, str], float] = {}

    def in_force(self, seller: Seller, now: datetime) -> str:
        """``v0`` or ``v2026-01-01``."""
        if now >= self._v0_until or seller.upstream == V2026:
            return V2026
        return V0 if seller.upstream == V0 or self._is_refused(seller) else V2026

    def why(self, seller: Seller, now: datetime) -> str:
        """The reason, in words for an operator."""
        if now >= self._v0_until:
            return f"Orders v0 is not called since {self._v0_until:%Y-%m-%d}"
        if seller.upstream != "auto":
            return f'the settings say upstream = "{seller.upstream}"'
        if self._is_refused(seller):
            return f"Amazon refuses v2026-01-01 to this application; v0 ends on {self._v0_until:%Y-%m-%d}"
        return "the newest version that Amazon lets the application use"

    def is_open(self, version: str, now: datetime) -> bool:
        """Whether a listing that was begun with a version may be continued with it."""
        return version == V2026 or now < self._v0_until

    def falls_back(self, seller: Seller, now: datetime, refusal: RefusalError) -> bool:
        """Whether v0 may serve what v2026 refused; it is remembered for an hour."""
        if seller.upstream != "auto" or now >= self._v0_until:
            return False
        if not self._is_refused(seller):
            _log.warning(
                "seller %s: Amazon refuses Orders v2026-01-01 (%s); v0 serves until %s (see: mws-bridge check)",
                seller.seller_id,
                refusal.reason,
                f"{self._v0_until:%Y-%m-%d}",
            )
        self._refused[_key(seller)] = self._clock() + _REFUSED_FOR
        return True

    def _is_refused(self, seller: Seller) -> bool:
        return self._clock() < self._refused.get(_key(seller), float("-inf"))


def _key(seller: Seller) -> tuple[str, str]:
    return (seller.application.client_id, seller.seller_id)
