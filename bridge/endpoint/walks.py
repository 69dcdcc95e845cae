"""A walk through the pages of searchOrders, with the filters that v2026 has lost applied on the way."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from bridge.endpoint.reads import Following
from bridge.mapping import calls_v2026 as v2026
from mws_compat.schema import Record, format_instant, parse_instant

__all__ = ["PAGE_SIZE", "Walk", "words_of"]

#: Orders on the largest page.
PAGE_SIZE = 100

_TOKEN = "paginationToken"  # noqa: S105 - the name of a parameter
_SIZE = "maxResultsPerPage"
#: How far SP-API's clock may be behind ours without a refusal of the latest possible bound.
_CLOCKS_APART = timedelta(seconds=5)


class Walk(NamedTuple):
    """A listing under way: the query of its first page, the token of the page at hand ('' for the first), the last
    order of that page which has been handed out, the bound to tell, the size of a page, and the filters that are
    ours to apply."""

    query: v2026.Query
    token: str
    passed: str
    before: str
    size: int
    filters: dict[str, list[str]]

    def __repr__(self) -> str:
        return f"<Walk filtered by {', '.join(self.filters) or 'nothing'}>"  # what for may be a buyer's address

    @classmethod
    def of(cls, following: Following) -> "Walk":
        query, filters = following["query"], following["filters"]
        assert isinstance(query, list)  # noqa: S101 - we sealed it ourselves
        assert isinstance(filters, dict)  # noqa: S101
        return cls(
            [(str(name), str(value)) for name, value in query],
            str(following["token"]),
            str(following["passed"]),
            str(following["before"]),
            int(str(following["size"])),
            filters,
        )

    @property
    def asks(self) -> v2026.Query:
        """The query for the page at hand."""
        return [*self.query, *([(_TOKEN, self.token)] if self.token else [])]

    def in_search(self, bound: str) -> "Walk":
        """For orders that Amazon cannot filter out: by the largest pages, and of a window that stands still, because
        a page of it may have to be asked for twice."""
        query = [pair for pair in self.query if pair[0] != _SIZE]
        before = self.before
        if all(name != bound for name, _ in query):
            before = format_instant(parse_instant(before) - _CLOCKS_APART, milliseconds=True)
            query.append((bound, before))
        return self._replace(query=[*query, (_SIZE, str(PAGE_SIZE))], before=before)

    def matching(self, orders: list[Record]) -> tuple[list[Record], str]:
        """The orders of a page that are to be handed out, and the id of the last one when more follow on it."""
        ids = [str(order.get("AmazonOrderId")) for order in orders]
        # When the last one is not on the page any more, all are handed out again: better twice than not at all.
        start = ids.index(self.passed) + 1 if self.passed in ids else 0
        found = [
            order
            for order in orders[start:]
            if all(str(order.get(name, "")) in words for name, words in self.filters.items())
        ]
        if len(found) > self.size:
            return found[: self.size], str(found[self.size - 1].get("AmazonOrderId"))
        return found, ""

    def at(self, token: str) -> "Walk":
        """On the next page."""
        return self._replace(token=token, passed="")

    def after(self, order_id: str) -> Following:
        """What the rest of this page needs."""
        return self._replace(passed=order_id).following()

    def following(self) -> Following:
        """As it travels in the NextToken."""
        return self._asdict()


def words_of(filters: Mapping[str, object]) -> dict[str, list[str]]:
    """Parameters as a walk's filters: the texts that the element of the same name may have."""
    return {
        name: [str(text) for text in (value if isinstance(value, tuple) else (value,))]
        for name, value in filters.items()
    }
