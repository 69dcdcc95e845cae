"""What a ListOrders call asks for, as far as it decides whether a kept listing may answer it."""

from datetime import datetime, timedelta

import orjson

from bridge.endpoint.kept import Window
from bridge.endpoint.reads import Request
from mws_compat.schema import Record
from mws_compat.validation import Arguments

__all__ = ["key_of", "meets", "recognisable", "window_of"]


def window_of(arguments: Arguments) -> Window:
    """The time that a call asks for, of validated arguments."""
    family = "Created" if "CreatedAfter" in arguments else "LastUpdated"
    after, before = arguments[f"{family}After"], arguments.get(f"{family}Before")
    assert isinstance(after, datetime)  # noqa: S101 - validation has typed them
    return Window(after, before if isinstance(before, datetime) else None)


#: Parameters that decide, beside the window, which orders Amazon lists.
_SELECTING = ("MarketplaceId", "OrderStatus", "FulfillmentChannel")


def key_of(request: Request, arguments: Arguments) -> str:
    """What a listing is of, beside its window and what is filtered here, and whose: each program has ways of its own
    to walk through time. It begins with the family of its dates."""
    family = "Created" if "CreatedAfter" in arguments else "LastUpdated"
    values = [sorted(value) if isinstance(value := arguments.get(name), tuple) else None for name in _SELECTING]
    return f"{family} {orjson.dumps([request.caller.access_key_id, *values]).decode()}"


def meets(record: Record, arguments: Arguments) -> bool:
    """Whether an order is still one of those that were listed: it may have been read again since."""
    return all(
        record.get(name) in values
        for name in _SELECTING
        if isinstance(values := arguments.get(name), tuple) and name in record
    )


def recognisable(bound: datetime, window: Window) -> datetime | None:
    """The bound with milliseconds that no clock of whole seconds gives; a little earlier where it has none. None
    where that would leave nothing of the window."""
    if window.before is not None or bound.microsecond // 1000:
        return bound
    earlier = bound - timedelta(milliseconds=_MARK)
    return earlier if earlier > window.after else None


#: Taken off a bound without milliseconds; any number but 0 would do.
_MARK = 417
