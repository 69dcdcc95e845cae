"""SP-API Orders v2026-01-01 JSON to MWS XML: what ``XmlWriter`` writes of it."""

from bridge.mapping.cells import Typing
from bridge.mapping.documents import NAMESPACE, as_object
from bridge.mapping.documents_v0 import MEMBER_MAPS
from bridge.mapping.documents_v2026 import (
    ITEMS,
    ITEMS_KEY,
    ORDER_ID,
    ORDERS,
    is_item_list,
    items_head,
    read_document,
    read_item,
    read_order,
    refuse_floats,
    strangers_around,
    write_item,
    write_order,
)
from bridge.mapping.rows import JsonObject, MappingError
from bridge.mapping.versions import OLD
from bridge.mapping.whole import Taken
from bridge.offline.to_xml import HOLDERS, XmlWriter
from bridge.offline.xml_documents import Document, Member, fitting, member_writer, version_of
from mws_compat.documents import DOCUMENTS
from mws_compat.orders import LATEST_VERSION
from mws_compat.schema import Record

__all__ = ["prepare", "prepare_order", "refuse_unreadable"]

_ITEMS = DOCUMENTS[HOLDERS["OrderItem"]]
_ORDERS = DOCUMENTS[HOLDERS["Order"]]


def prepare(writer: XmlWriter, source: JsonObject) -> list[Document | Member]:
    """An answer, an order or an item, ready to be written: an order and its items are two documents. Raises
    MappingError, and InexactError for a float anywhere: numbers are kept as they are written."""
    refuse_floats(source)
    document = read_document(source)
    if document is None:
        return [_prepare_member(writer, source)]
    kind, head = document.kind, document.record
    version = version_of(document.namespace)
    result = head[kind.path[0]]
    assert isinstance(result, dict)  # noqa: S101 - read_document made it
    writer.judge(head, list(strangers_around(source, kind)))
    writer.judge(result, [])
    ready = Document(kind, document.namespace, head, [])
    for number, member in enumerate(document.members):
        place = document.place if document.place == "order" else f"{document.place}[{number}]"
        try:
            inner = as_object(member, "")
            if kind.member == "OrderItem":
                ready.texts.append(_text(writer, inner, read_item(inner), version))
                continue
            text, behind = prepare_order(writer, inner, version)
        except MappingError as error:
            raise error.inside(place) from None
        ready.texts.append(text)
        if behind is not None:
            ready.behind[number] = behind
    fitting("".join(ready.frame("")))  # a head that cannot be written must not be found out half-way
    return [ready]


def prepare_order(
    writer: XmlWriter, source: JsonObject, version: str = LATEST_VERSION
) -> tuple[str, Document | None]:
    """The XML of an order, and the document that has its items. Raises MappingError, and InexactError."""
    parts = read_order(source)
    order = {name: value for name, value in source.items() if name != ITEMS_KEY}
    record = _judged(writer, parts.taken, list(ORDERS.strangers(order)))
    if OLD in source:
        MEMBER_MAPS["Order"].write(record, Typing())  # raises where that is no place for it
    text = fitting(member_writer(_ORDERS, version)(record))
    if parts.items is None:
        return text, None
    order_id = record.get("AmazonOrderId")
    return text, _items(writer, parts.items, order_id if isinstance(order_id, str) else "", parts.around)


def _prepare_member(writer: XmlWriter, source: JsonObject) -> Document | Member:
    if is_item_list(source):
        return _items(writer, read_order(source).items or [], str(source.get(ORDER_ID, "")), {})
    if ORDER_ID in source or ITEMS_KEY in source:
        text, behind = prepare_order(writer, source)
        return Member(_ORDERS, text, "", behind=behind)
    return Member(_ITEMS, _text(writer, source, read_item(source), LATEST_VERSION), "")


def _items(writer: XmlWriter, items: list[JsonObject], order_id: str, around: JsonObject) -> Document:
    texts = []
    for number, item in enumerate(items):
        try:
            texts.append(_text(writer, item, read_item(item, around), LATEST_VERSION))
        except MappingError as error:
            raise error.inside(f"{ITEMS_KEY}[{number}]") from None
    ready = Document(_ITEMS, NAMESPACE, items_head(order_id), texts)
    ready.frame("")
    return ready


def _text(writer: XmlWriter, source: JsonObject, taken: Taken, version: str) -> str:
    """The XML of an item."""
    record = _judged(writer, taken, list(ITEMS.strangers(source)))
    if OLD in source:
        MEMBER_MAPS["OrderItem"].write(record, Typing())  # as above
    return fitting(member_writer(_ITEMS, version)(record))


def refuse_unreadable(member: str, record: Record) -> None:
    """Raise MappingError when what a record keeps of an object of v2026-01-01 is none of one."""
    if member == "OrderItem":
        write_item(record, Typing())
    elif member == "Order":
        write_order(record, Typing())


def _judged(writer: XmlWriter, taken: Taken, strangers: list[str]) -> Record:
    record = dict(taken.whole())
    writer.judge(record, strangers)
    return record
