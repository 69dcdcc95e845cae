"""Elements of an MWS order item that Orders v2026-01-01 tells by another member's presence."""

from datetime import timedelta, timezone

from bridge.mapping.amounts_v2026 import text_at
from bridge.mapping.links import Derived, Link, LinkMap
from bridge.mapping.order_parts_v2026 import PROGRAMS, write_into
from bridge.mapping.paths import parse_path
from bridge.mapping.rows import JsonObject, nested_struct
from bridge.mapping.ways import as_second
from bridge.mapping.words_v2026 import EASY_SHIP_PROGRAM
from mws_compat.orders import ORDER_ITEM
from mws_compat.schema import Node, format_instant, parse_instant

__all__ = ["CANCEL_MAP", "CANCEL_REQUEST", "IS_GIFT", "SERIAL_NUMBER_REQUIRED", "scheduled"]

_REQUESTER = parse_path("cancellation.cancellationRequest.requester")


def _read_is_cancel_requested(source: JsonObject, _: JsonObject) -> Node | None:
    return "true" if text_at(_REQUESTER, source) == "BUYER" else "false"


def _write_is_cancel_requested(node: Node, target: JsonObject) -> None:
    if node == "true":
        _REQUESTER.put(target, "BUYER")


CANCEL_MAP = LinkMap(
    nested_struct(ORDER_ITEM, "BuyerRequestedCancel"),
    (
        Link(
            "IsBuyerRequestedCancel",
            "cancellation.cancellationRequest.requester",
            Derived(_read_is_cancel_requested, _write_is_cancel_requested),
            note="it is BUYER",
        ),
        Link("BuyerCancelReason", "cancellation.cancellationRequest.cancelReason"),
    ),
)

CANCEL_REQUEST = Derived(CANCEL_MAP.read, write_into(CANCEL_MAP))

_GIFT_OPTION = parse_path("fulfillment.packing.giftOption")


def _read_is_gift(source: JsonObject, _: JsonObject) -> Node | None:
    return "true" if _GIFT_OPTION.find(source) else "false"


def _write_is_gift(node: Node, target: JsonObject) -> None:
    if node == "true":
        _GIFT_OPTION.put(target, {})


IS_GIFT = Derived(_read_is_gift, _write_is_gift)

_SERIAL_NUMBERS = parse_path("fulfillment.packing.serialNumberRequirement.requirementType")


def _read_serial_number_required(source: JsonObject, whole: JsonObject) -> Node | None:
    if text_at(_SERIAL_NUMBERS, source) == "REQUIRED":
        return "true"
    return "false" if EASY_SHIP_PROGRAM in PROGRAMS.find(whole) else None


def _write_serial_number_required(node: Node, target: JsonObject) -> None:
    if node == "true":
        _SERIAL_NUMBERS.put(target, "REQUIRED")


SERIAL_NUMBER_REQUIRED = Derived(_read_serial_number_required, _write_serial_number_required)

_JAPAN = "A1VC38T7YXB528"
_JAPAN_TIME = timezone(timedelta(hours=9))
_MARKETPLACE = parse_path("salesChannel.marketplaceId")


def scheduled(end: str) -> Derived:
    """An end of the scheduled delivery, which v0 wrote in the time of the destination."""
    path = parse_path(f"fulfillment.shipping.scheduledDeliveryWindow.{end}")

    def read(source: JsonObject, whole: JsonObject) -> Node | None:
        text = text_at(path, source)
        if text is None or text_at(_MARKETPLACE, whole) != _JAPAN:
            return text
        second = as_second(text)
        try:
            return None if second is None else parse_instant(second).astimezone(_JAPAN_TIME).isoformat()
        except OverflowError:  # the last hours of the calendar
            return second

    def write(node: Node, target: JsonObject) -> None:
        try:
            text = format_instant(parse_instant(str(node)))
        except ValueError:
            text = str(node)
        path.put(target, text)

    return Derived(read, write)
