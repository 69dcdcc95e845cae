"""Elements of an MWS order that Orders v2026-01-01 tells by a word in a list, by several members, or by the items."""

from collections.abc import Callable
from decimal import Decimal

from bridge.mapping.amounts_v2026 import STATUS, money_at, number_of, text_at, texts_at, write_money
from bridge.mapping.choices_v2026 import DISTRICT_COUNTRIES
from bridge.mapping.links import Derived, Link, LinkMap
from bridge.mapping.paths import parse_path
from bridge.mapping.rows import JsonObject, MappingError, Unused, nested_struct
from bridge.mapping.ways import Money, Words
from bridge.mapping.words_v2026 import (
    EASY_SHIP,
    EASY_SHIP_PROGRAM,
    PICKUP_POINT,
    REGISTRATION_TYPES,
    SERVICE_LEVELS,
)
from mws_compat.orders import ORDER
from mws_compat.schema import Node

__all__ = [
    "ACCESS_POINT",
    "EASY_SHIP_STATUS",
    "EXECUTIONS",
    "IS_REPLACEMENT",
    "ITEMS",
    "ORDER_TYPE",
    "PAYMENT_DETAILS",
    "PAYMENT_MAP",
    "PAYMENT_METHOD",
    "PROGRAMS",
    "REPLACED",
    "SALES_CHANNEL",
    "SELLER_ORDER_ID",
    "TAX_INFO",
    "TAX_MAP",
    "TOTAL",
    "district",
    "invoiced_by_amazon",
    "service_level",
    "shipped_by_amazon_tfm",
    "write_into",
]

_COUNTRY = parse_path("countryCode")
_DISTRICT = parse_path("districtOrCounty")


def district(*, here: bool) -> Derived:
    """``districtOrCounty`` in countries that have districts, or in the others."""

    def read(source: JsonObject, _: JsonObject) -> Node | None:
        return text_at(_DISTRICT, source) if (text_at(_COUNTRY, source) in DISTRICT_COUNTRIES) is here else None

    def write(node: Node, target: JsonObject) -> None:
        target.setdefault("districtOrCounty", node)

    return Derived(read, write)


PROGRAMS = parse_path("programs[]")
_ORDER_ID = parse_path("orderId")
_SERVICE_LEVEL = parse_path("fulfillment.fulfillmentServiceLevel")
_FULFILLED_BY = parse_path("fulfillment.fulfilledBy")


def _add_program(word: str, target: JsonObject) -> None:
    if word not in PROGRAMS.find(target):
        PROGRAMS.put(target, word)


_ALIAS = parse_path("orderAliases[aliasType=SELLER_ORDER_ID].aliasId")


def _read_seller_order_id(source: JsonObject, _: JsonObject) -> Node | None:
    return text_at(_ALIAS, source) or text_at(_ORDER_ID, source)


SELLER_ORDER_ID = Derived(_read_seller_order_id, lambda node, target: _ALIAS.put(target, node))

_CHANNEL_NAME = parse_path("salesChannel.channelName")
_MARKETPLACE_NAME = parse_path("salesChannel.marketplaceName")
_NON_AMAZON = "Non-Amazon"


def _read_sales_channel(source: JsonObject, _: JsonObject) -> Node | None:
    name = text_at(_MARKETPLACE_NAME, source)
    return name or (_NON_AMAZON if text_at(_CHANNEL_NAME, source) == "NON_AMAZON" else None)


def _write_sales_channel(node: Node, target: JsonObject) -> None:
    _CHANNEL_NAME.put(target, "NON_AMAZON" if str(node).startswith(_NON_AMAZON) else "AMAZON")
    _MARKETPLACE_NAME.put(target, node)


SALES_CHANNEL = Derived(_read_sales_channel, _write_sales_channel)

_GRAND_TOTAL = parse_path("proceeds.grandTotal")
_ITEM_TOTALS = parse_path("orderItems[].proceeds.proceedsTotal")
ITEMS = parse_path("orderItems[]")


def _read_order_total(source: JsonObject, _: JsonObject) -> Node | None:
    total = money_at(_GRAND_TOTAL, source)
    if total is not None:
        return total
    found = _ITEM_TOTALS.find(source)
    amounts = [Money().read([value]) for value in found]
    if not amounts or len(amounts) != len(ITEMS.find(source)):
        return None
    currencies = {amount.get("CurrencyCode") for amount in amounts if isinstance(amount, dict)}
    numbers = [number_of(amount) for amount in amounts]
    currency = next(iter(currencies), None)
    if len(currencies) != 1 or not isinstance(currency, str) or None in numbers:
        return None
    return {"CurrencyCode": currency, "Amount": f"{sum(filter(None, numbers), Decimal(0)):f}"}


TOTAL = Derived(_read_order_total, write_money(_GRAND_TOTAL))

_EXECUTIONS = parse_path("payment.paymentExecutions[]")
_METHODS = parse_path("payment.paymentExecutions[].paymentMethod")
_ACQUIRERS = parse_path("payment.paymentExecutions[].acquirerId")
_CASH, _STORE = "CashOnDelivery", "ConvenienceStore"
#: v2026's open list of long names → v0's in PaymentExecutionDetail and, where another, in PaymentMethodDetails.
_PAYMENT_WORDS = Words({_CASH: "COD", _STORE: "CVS", "GiftCard": "GC"})
_DETAIL_WORDS = Words({_CASH: "COD", _STORE: "CVS", "GiftCard": "GiftCertificate", "PointsAccount": "Other"})

PAYMENT_MAP = LinkMap(
    nested_struct(ORDER, "PaymentExecutionDetail"),
    (
        Link("Payment", "paymentAmount"),
        Link("PaymentMethod", "paymentMethod", _PAYMENT_WORDS),
    ),
    (
        Unused("acquirerId", "no MWS element (BR)"),
        Unused("cardBrand", "no MWS element (BR)"),
        Unused("authorizationCode", "no MWS element (BR)"),
    ),
)


def _read_executions(source: JsonObject, _: JsonObject) -> Node | None:
    if _CASH not in _METHODS.find(source) and not _ACQUIRERS.find(source):
        return None
    members: list[Node] = []
    for place, value in enumerate(_EXECUTIONS.find(source)):
        if not isinstance(value, dict):
            raise MappingError("object expected", f"{_EXECUTIONS.text[:-1]}{place}]")
        record = PAYMENT_MAP.read(value)
        if "Payment" in record:  # what is not paid yet has no amount
            members.append(record)
    return members or None


def _write_executions(node: Node, target: JsonObject) -> None:
    for member in node:
        if isinstance(member, dict):
            _EXECUTIONS.put(target, PAYMENT_MAP.write(member))


EXECUTIONS = Derived(_read_executions, _write_executions)


def _read_payment_method(source: JsonObject, _: JsonObject) -> Node | None:
    methods = _METHODS.find(source)
    return "COD" if _CASH in methods else "CVS" if _STORE in methods else "Other"


def _write_payment_method(node: Node, target: JsonObject) -> None:
    if node in ("COD", "CVS"):
        _add_execution(_DETAIL_WORDS.back(str(node)), target)


PAYMENT_METHOD = Derived(_read_payment_method, _write_payment_method)


def _read_payment_details(source: JsonObject, _: JsonObject) -> Node | None:
    words = [_DETAIL_WORDS.read([text]) for text in texts_at(_METHODS, source)]
    return list(dict.fromkeys(word for word in words if isinstance(word, str))) or ["Standard"]


def _write_payment_details(node: Node, target: JsonObject) -> None:
    for text in node:
        if isinstance(text, str) and text != "Standard":
            _add_execution(_DETAIL_WORDS.back(text), target)


PAYMENT_DETAILS = Derived(_read_payment_details, _write_payment_details)


def _add_execution(method: str, target: JsonObject) -> None:
    if method not in _METHODS.find(target):
        _EXECUTIONS.put(target, {"paymentMethod": method})


_REGISTRATIONS = parse_path("tax.taxRegistrations[entityType=BUYER]")

_CLASSIFICATION_MAP = LinkMap(
    nested_struct(nested_struct(ORDER, "BuyerTaxInfo"), "TaxClassifications"),
    (
        Link("Name", "taxRegistrationType", REGISTRATION_TYPES, note="VAT is VATNumber, CST is CSTNumber"),
        Link("Value", "taxRegistrationNumber"),
    ),
)


def _read_classifications(source: JsonObject, _: JsonObject) -> Node | None:
    members = [member for member in _REGISTRATIONS.find(source) if isinstance(member, dict)]
    records: list[Node] = [record for member in members if (record := _CLASSIFICATION_MAP.read(member))]
    return records or None


def _write_classifications(node: Node, target: JsonObject) -> None:
    everyone = parse_path("tax.taxRegistrations[]")
    shared = _REGISTRATIONS.find(target)
    for number, member in enumerate(node):
        if not isinstance(member, dict):
            continue
        written = _CLASSIFICATION_MAP.write(member)
        if number == 0 and shared and isinstance(shared[0], dict):
            shared[0].update(written)
            continue
        first = shared[0] if shared and isinstance(shared[0], dict) else {}
        kept = {name: first[name] for name in ("legalName", "taxRegistrationAddress") if name in first}
        everyone.put(target, {"entityType": "BUYER", **kept, **written})


TAX_MAP = LinkMap(
    nested_struct(ORDER, "BuyerTaxInfo"),
    (
        Link("CompanyLegalName", "tax.taxRegistrations[entityType=BUYER].legalName"),
        Link("TaxingRegion", "tax.taxRegistrations[entityType=BUYER].taxRegistrationAddress.countryCode"),
        Link(
            "TaxClassifications",
            "tax.taxRegistrations[entityType=BUYER]",
            Derived(_read_classifications, _write_classifications),
            _CLASSIFICATION_MAP,
        ),
    ),
)


def _read_tax_info(source: JsonObject, whole: JsonObject) -> Node | None:
    return TAX_MAP.read(source, whole) or None


def write_into(table: LinkMap) -> Callable[[Node, JsonObject], None]:
    """Writes a nested struct whose members stand in the outer object."""

    def write(node: Node, target: JsonObject) -> None:
        if isinstance(node, dict):
            table.write_into(node, target)

    return write


TAX_INFO = Derived(_read_tax_info, write_into(TAX_MAP))

REPLACED = "associatedOrders[associationType=REPLACEMENT_ORIGINAL_ID|EXCHANGE_ORIGINAL_ID]"
_ORIGINALS = parse_path(REPLACED)
_ASSOCIATIONS = parse_path("associatedOrders[]")


def _read_is_replacement(source: JsonObject, _: JsonObject) -> Node | None:
    return "true" if _ORIGINALS.find(source) else "false"


def _write_is_replacement(node: Node, target: JsonObject) -> None:
    if node == "true" and not _ORIGINALS.find(target):
        _ASSOCIATIONS.put(target, {"associationType": "REPLACEMENT_ORIGINAL_ID"})


IS_REPLACEMENT = Derived(_read_is_replacement, _write_is_replacement)

_DETAILED_STATUSES = parse_path("packages[].packageStatus.detailedStatus")
_PACKAGE = parse_path("packages[packageReferenceId=1].packageStatus")


def _read_easy_ship(source: JsonObject, _: JsonObject) -> Node | None:
    if EASY_SHIP_PROGRAM not in PROGRAMS.find(source):
        return None
    words = texts_at(_DETAILED_STATUSES, source)
    order = list(EASY_SHIP)
    word = min(words, key=lambda one: order.index(one) if one in order else len(order), default=None)
    return None if word is None else EASY_SHIP.get(word, (word, ""))[0]


def _write_easy_ship(node: Node, target: JsonObject) -> None:
    _add_program(EASY_SHIP_PROGRAM, target)
    word = next((word for word, (mws, _) in EASY_SHIP.items() if mws == node), str(node))
    _, status = EASY_SHIP.get(word, ("", "PENDING"))
    _PACKAGE.put(target, {"status": status, "detailedStatus": word})


EASY_SHIP_STATUS = Derived(_read_easy_ship, _write_easy_ship)


def _read_order_type(source: JsonObject, _: JsonObject) -> Node | None:
    return "Preorder" if "PREORDER" in PROGRAMS.find(source) else "StandardOrder"


def _write_order_type(node: Node, target: JsonObject) -> None:
    if node == "Preorder":
        _add_program("PREORDER", target)


ORDER_TYPE = Derived(_read_order_type, _write_order_type)

_DELIVERY = parse_path("recipient.deliveryAddress")
_DELIVERY_TYPE = parse_path("recipient.deliveryAddress.addressType")


def _read_access_point(source: JsonObject, _: JsonObject) -> Node | None:
    if not _DELIVERY.find(source):
        return None
    return "true" if text_at(_DELIVERY_TYPE, source) == PICKUP_POINT else "false"


def _write_access_point(node: Node, target: JsonObject) -> None:
    if node == "true" and not _DELIVERY_TYPE.find(target):
        _DELIVERY_TYPE.put(target, PICKUP_POINT)


ACCESS_POINT = Derived(_read_access_point, _write_access_point)


def service_level(source: JsonObject) -> str | None:
    """The service level category, in MWS's word."""
    text = text_at(_SERVICE_LEVEL, source)
    return None if text is None else SERVICE_LEVELS.get(text, text)


def shipped_by_amazon_tfm(order: JsonObject) -> str | None:
    """MWS wrote ``false`` on every merchant-fulfilled order recorded, and nothing on AFN and Canceled ones."""
    merchant = text_at(_FULFILLED_BY, order) == "MERCHANT"
    return "false" if merchant and text_at(STATUS, order) != "CANCELLED" else None


def invoiced_by_amazon(order: JsonObject) -> str | None:
    """Whether Amazon issues the invoice, as IsIBA says it."""
    return "true" if "INVOICE_BY_AMAZON" in PROGRAMS.find(order) else "false"
