"""Texts and amounts of Orders v2026-01-01, and the breakdowns that the charges of an item stand in."""

from collections.abc import Callable
from decimal import Decimal

from bridge.mapping.choices_v2026 import DISCOUNTS_ARE_NEGATIVE, PROMOTION_IS_WHOLE_DISCOUNT
from bridge.mapping.links import Derived
from bridge.mapping.paths import Path, parse_path
from bridge.mapping.rows import JsonObject, MappingError, as_integer, as_text
from bridge.mapping.ways import Absolute, Money
from mws_compat.schema import DECIMAL, Node, Record

__all__ = [
    "ITEM_PRICE",
    "ITEM_TAX",
    "PROMOTION_DISCOUNT",
    "STATUS",
    "detail",
    "money_at",
    "number_of",
    "part_of",
    "subtotal",
    "sum_of",
    "text_at",
    "texts_at",
    "write_money",
]

STATUS = parse_path("fulfillment.fulfillmentStatus")


def texts_at(path: Path, source: JsonObject) -> list[str]:
    """The texts at a place. Raises MappingError where something else stands."""
    found = path.find(source)
    try:
        return [text for value in found if (text := as_text(value)) is not None]
    except MappingError as error:
        raise error.inside(path.text) from None


def text_at(path: Path, source: JsonObject) -> str | None:
    """The first text at a place. Raises MappingError where something else stands."""
    return next(iter(texts_at(path, source)), None)


def sum_of(text: str) -> Derived:
    """The sum of whole numbers; nothing is written: the items hold them."""
    path = parse_path(text)

    def read(source: JsonObject, _: JsonObject) -> Node | None:
        found = path.find(source)
        try:
            numbers = [as_integer(value) for value in found]
        except MappingError as error:
            raise error.inside(text) from None
        return str(sum(map(int, filter(None, numbers)))) if numbers else None

    return Derived(read, lambda _, __: None)


def money_at(path: Path, source: JsonObject) -> Record | None:
    """The amount at a place. Raises MappingError where something else stands."""
    found = path.find(source)
    try:
        node = Money().read(found)
    except MappingError as error:
        raise error.inside(path.text) from None
    return node if isinstance(node, dict) else None


def write_money(path: Path) -> Callable[[Node, JsonObject], None]:
    """Puts an amount at a place."""

    def write(node: Node, target: JsonObject) -> None:
        for value in Money().write(node):
            path.put(target, value)

    return write


def number_of(amount: Node | None) -> Decimal | None:
    """The number of an amount; None where it has none that can be reckoned with."""
    text = amount.get("Amount") if isinstance(amount, dict) else None
    try:
        return Decimal(text.strip()) if isinstance(text, str) and DECIMAL.canonical(text) else None
    except ValueError:  # Decimal itself takes exponents and underscores, which are no amounts on any wire
        return None


def subtotal(type_: str) -> Path:
    """Where a charge of an item stands."""
    return parse_path(f"proceeds.breakdowns[type={type_}].subtotal")


def detail(type_: str, subtype: str) -> Path:
    """Where a part of a charge of an item stands."""
    return parse_path(f"proceeds.breakdowns[type={type_}].detailedBreakdowns[subtype={subtype}].value")


_UNIT_PRICE = parse_path("product.price.unitPrice")
_ITEM_SUBTOTAL = subtotal("ITEM")
_QUANTITY = parse_path("quantityOrdered")
_UNPRICED = frozenset({"PENDING", "PENDING_AVAILABILITY", "CANCELLED"})


def _read_item_price(source: JsonObject, whole: JsonObject) -> Node | None:
    price = money_at(_ITEM_SUBTOTAL, source)
    if price is not None or source.get("proceeds") or text_at(STATUS, whole) in _UNPRICED:
        return price
    price = money_at(_UNIT_PRICE, source)
    unit, quantity = number_of(price), text_at(_QUANTITY, source)
    if price is None or unit is None or quantity is None or not quantity.isdigit():
        return None
    return {**price, "Amount": f"{unit * int(quantity):f}"}


_TAX_SUBTOTAL = subtotal("TAX")
_TAX_DETAILS = parse_path("proceeds.breakdowns[type=TAX].detailedBreakdowns[]")
_TYPES = parse_path("proceeds.breakdowns[].type")
_CHARGES_WITHOUT_TAX_OF_THEIR_OWN = frozenset({"ITEM", "TAX", "DISCOUNT"})


def _read_item_tax(source: JsonObject, _: JsonObject) -> Node | None:
    tax = money_at(detail("TAX", "ITEM"), source)
    if tax is not None or _TAX_DETAILS.find(source):
        return tax
    # All of it is the item's when nothing else was charged for.
    one_charge = _CHARGES_WITHOUT_TAX_OF_THEIR_OWN.issuperset(texts_at(_TYPES, source))
    return money_at(_TAX_SUBTOTAL, source) if one_charge else None


def _add_detail(type_: str, subtype: str, *, negative: bool) -> Callable[[Node, JsonObject], None]:
    """Writes a part of a breakdown, and the subtotal anew."""
    path = detail(type_, subtype)
    parts = parse_path(f"proceeds.breakdowns[type={type_}].detailedBreakdowns[].value")
    whole = subtotal(type_)

    def write(node: Node, target: JsonObject) -> None:
        for value in Absolute(negative).write(node):
            path.put(target, value)
            numbers = [number_of(Money().read([part])) for part in parts.find(target)]
            total = sum((number for number in numbers if number is not None), Decimal(0))
            whole.put(target, {**(value if isinstance(value, dict) else {}), "amount": f"{total:f}"})

    return write


def part_of(type_: str, subtype: str, *, discount: bool = False) -> Derived:
    """An amount that is a part of a breakdown; MWS wrote discounts without a sign."""
    path = detail(type_, subtype)

    def read(source: JsonObject, _: JsonObject) -> Node | None:
        amount = money_at(path, source)
        return _unsigned(amount) if discount else amount

    return Derived(read, _add_detail(type_, subtype, negative=discount and DISCOUNTS_ARE_NEGATIVE))


def _unsigned(amount: Record | None) -> Record | None:
    text = amount.get("Amount") if amount else None
    return {**amount, "Amount": text.removeprefix("-")} if amount and isinstance(text, str) else amount


_DISCOUNT_SUBTOTAL = subtotal("DISCOUNT")


def _read_promotion_discount(source: JsonObject, _: JsonObject) -> Node | None:
    whole = _unsigned(money_at(_DISCOUNT_SUBTOTAL, source))
    if whole is None or PROMOTION_IS_WHOLE_DISCOUNT:
        return whole
    if (named := money_at(detail("DISCOUNT", "ITEM"), source)) is not None:
        return _unsigned(named)
    parts = [
        number_of(_unsigned(money_at(detail("DISCOUNT", subtype), source))) for subtype in ("SHIPPING", "COD_FEE")
    ]
    number = number_of(whole)
    if number is None or not any(parts):
        return whole
    rest = number - sum((part for part in parts if part), Decimal(0))
    return {**whole, "Amount": f"{rest:f}"} if rest else None


ITEM_PRICE = Derived(_read_item_price, write_money(_ITEM_SUBTOTAL))
ITEM_TAX = Derived(_read_item_tax, _add_detail("TAX", "ITEM", negative=False))
PROMOTION_DISCOUNT = Derived(
    _read_promotion_discount, _add_detail("DISCOUNT", "ITEM", negative=DISCOUNTS_ARE_NEGATIVE)
)
