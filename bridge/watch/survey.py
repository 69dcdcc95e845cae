"""What a worker process is like at a moment: the gauges that go with its counters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["SellerState", "StoreKind", "Survey"]

#: ``memory``: there is one process, and its memory is the store; ``shared``: a store that all workers share;
#: ``alone``: there should be a shared store, but it cannot be reached, and each worker goes on with its own share.
StoreKind = Literal["memory", "shared", "alone"]


@dataclass(frozen=True, slots=True)
class SellerState:
    """A seller as a worker sees it. ``upstream``: the version of the Orders API in force, ``why`` in words;
    ``buckets``: tokens left by name of the upstream operation, below zero when calls wait for theirs; ``token_age``:
    seconds since the access token was fetched, None when there is none."""

    seller_id: str
    upstream: str
    why: str
    buckets: Mapping[str, float] = field(default_factory=dict)
    token_age: float | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """A worker's gauges. ``sellers`` are those seen in the last hour; ``store_since``: since when the store is what
    it is, in unix seconds; ``in_flight``: requests at this moment; ``configuration_faults``: what is wrong with which
    file, one text each, without secrets; ``draining``: the worker is about to stop."""

    sellers: tuple[SellerState, ...] = ()
    store: StoreKind = "memory"
    store_since: float = 0.0
    in_flight: int = 0
    configuration_faults: tuple[str, ...] = ()
    draining: bool = False
