"""What a legacy request cost upstream."""

from dataclasses import dataclass, field

__all__ = ["UpstreamAnswer", "UpstreamCall", "UpstreamJournal"]


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One request that went upstream. ``status`` 0: no answer came; ``started`` is in unix seconds, 0.0 unknown."""

    operation: str
    status: int
    request_id: str
    seconds: float
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """What came back of one request: ``path`` and ``query`` as they were sent, ``status`` 0 and no ``content`` when
    nothing came. Query and content may be personal."""

    operation: str
    path: str
    query: str = field(repr=False)
    status: int
    content: bytes = field(repr=False)


@dataclass(slots=True)
class UpstreamJournal:
    """What one legacy request cost upstream: written by the client, read by whoever reports on the request.
    ``calls`` are for orders and items, ``token_calls`` for what these are called with. ``answers`` are kept as well
    when it is a list. ``hits`` counts orders that were answered from what is kept, ``misses`` those that had to be
    asked for."""

    calls: list[UpstreamCall] = field(default_factory=list)
    token_calls: list[UpstreamCall] = field(default_factory=list)
    waited: float = 0.0
    hits: int = 0
    misses: int = 0
    answers: list[UpstreamAnswer] | None = None
