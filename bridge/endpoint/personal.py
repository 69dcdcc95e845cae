"""What is personal in an exchange, and what stands for it in a recording.

One rule decides for the MWS side and for SP-API's, so that the masked JSON maps to the masked XML: an element is
personal when the MWS table flags it ``pii``, or when SP-API gave it only to applications with a role for personal
data; and so is everything below it. What no table knows, and what is not of its field's kind, is taken for personal.
Letters become ``x`` and digits ``0``, so lengths, forms and what is absent can still be compared.
"""

import re
from collections.abc import Mapping
from hashlib import blake2b

from bridge.diff.differences import mask
from mws_compat.schema import TEXT, Field, Kind, Scalar, Struct

__all__ = ["fields_of", "fits", "is_personal", "masked_json", "masked_text", "placeholder", "with_placeholder"]

#: Struct → fields that are not flagged, but that Orders v0 gave only to applications with a role for personal data.
#: v2026-01-01 gives some of them to everybody, and a country only with an address; a recording is masked alike
#: whichever version it was made over.
_WITH_A_ROLE: Mapping[str, frozenset[str]] = {
    "Address": frozenset({"AddressType"}),
    "Order": frozenset({"BuyerTaxInfo"}),
    "BuyerTaxInfo": frozenset({"TaxingRegion", "TaxClassifications"}),
    "TaxClassification": frozenset({"Name"}),
    "OrderItem": frozenset({"GiftWrapPrice", "GiftWrapTax", "GiftWrapLevel", "BuyerCustomizedInfo"}),
}


def is_personal(struct: Struct, field: Field) -> bool:
    """Whether a field of a struct of Orders is masked, with all that it holds."""
    return field.pii or field.name in _WITH_A_ROLE.get(struct.name, ())


#: The fields of a struct by name, and whether they are personal; by the struct's identity, since it is dear to hash.
_known: dict[int, tuple[Struct, dict[str, tuple[Field, bool]]]] = {}


def fields_of(struct: Struct) -> dict[str, tuple[Field, bool]]:
    """A struct's fields by name, each with whether it is personal."""
    found = _known.get(id(struct))
    if found is None:
        fields = {field.name: (field, is_personal(struct, field)) for field in struct.fields}
        found = _known[id(struct)] = (struct, fields)
    return found[1]


def fits(text: str, kind: Kind) -> bool:
    """Whether a text is what its field holds. Anything can be in one that is not: a name, for example."""
    if kind is TEXT or not isinstance(kind, Scalar) or text.isdecimal():
        return True
    try:
        kind.canonical(text)
    except ValueError:
        return False
    return True


# --- what stands for it ---------------------------------------------------------------------------------------------

#: Control characters that XML cannot hold: in an answer something else stands for them.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def masked_text(text: str) -> str:
    """The form of a text."""
    return mask(_ILLEGAL.sub("x", text))


def masked_json(value: object) -> object:
    """The form of a JSON value: names stay, and of values their kind and form."""
    if isinstance(value, dict):
        return {name: masked_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [masked_json(inner) for inner in value]
    if isinstance(value, str):
        return masked_text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return masked_text(str(value))  # text, because no number begins with zeros; the mapping reads both alike
    return 0.0


def placeholder(token: str) -> str:
    """What stands for a NextToken in a recording: the same for the same token, and nothing of what is in it."""
    return f"token-{blake2b(token.strip().encode(), digest_size=12).hexdigest()}"


def with_placeholder(source: dict[str, object], name: str) -> dict[str, object]:
    """An object with a placeholder for the token that its member ``name`` is."""
    token = source.get(name)
    if token is None or token == "":
        return source
    return {**source, name: placeholder(token) if isinstance(token, str) else masked_json(token)}
