"""Which datasets of Orders v2026-01-01 a seller's application may ask for: it has no token that says so, only 403."""

import logging
import re
from collections.abc import Callable

from bridge.upstream.accounts import Seller
from bridge.upstream.errors import UpstreamFault

__all__ = ["Datasets"]

#: Those that Amazon gives to applications with a role for personal data, the one that is missed most first.
_RESTRICTED = ("RECIPIENT", "BUYER")

#: Seconds for which a refused dataset is not asked for again: a role comes with a new authorisation of the seller.
_REFUSED_FOR = 24 * 3600.0

_WORD = re.compile(r"[A-Z][A-Z_]+")

_log = logging.getLogger("mws_bridge.datasets")


class Datasets:
    """Remembers refusals; ``clock`` gives monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._refused: dict[tuple[str, str], tuple[frozenset[str], float]] = {}

    def refused(self, seller: Seller) -> frozenset[str]:
        """The datasets that are not asked for."""
        names, until = self._refused.get(_key(seller), (frozenset[str](), 0.0))
        return names if self._clock() < until else frozenset()

    def narrow(self, seller: Seller, asked: frozenset[str], fault: UpstreamFault) -> bool:
        """Take down that Amazon refused a request for ``asked``. False when there is nothing left to leave out: then
        it was not about datasets, and all of them are asked for again next time.

        A refusal that names datasets is about those. One that names none could be about either of the two, so they
        are asked for one by one: both, then the address, then the buyer, then neither. It is learned once a day.
        """
        before = self.refused(seller)
        if not asked.isdisjoint(before):
            return True  # somebody else has learned it meanwhile
        named = asked.intersection(_WORD.findall(f"{fault.message} {fault.details}"))
        suspects = [name for name in _RESTRICTED if name in asked]
        if named:
            names = before | named
        elif len(suspects) > 1:
            names = before | {suspects[-1]}
        elif suspects == [_RESTRICTED[0]] and _RESTRICTED[1] in before:
            names = (before - {_RESTRICTED[1]}) | {_RESTRICTED[0]}
        elif suspects:
            names = before | {*_RESTRICTED}
        else:
            self._refused.pop(_key(seller), None)
            return False
        self._refused[_key(seller)] = (names, self._clock() + _REFUSED_FOR)
        _log.warning(
            "seller %s: Amazon refuses %s; without it from now on (see: mws-bridge check)",
            seller.seller_id,
            ", ".join(sorted(names)),
        )
        return True


def _key(seller: Seller) -> tuple[str, str]:
    return (seller.application.client_id, seller.seller_id)
