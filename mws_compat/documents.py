"""Every document that the offline tools know, as one struct each: from the root element to the last leaf.

The answers of Orders come from ``orders.py``. Beside them stand the files that an integration of those years kept:
the ``AmazonEnvelope`` of order reports (``_GET_ORDERS_DATA_``) and of feeds (``POST_ORDER_FULFILLMENT_DATA``,
``POST_ORDER_ACKNOWLEDGEMENT_DATA``) with their processing reports. Field lists of the envelopes follow Amazon's
``amzn-envelope.xsd`` family as far as collected documents show them; what is missing here is kept as unknown.
"""

from collections.abc import Iterator
from typing import NamedTuple

from mws_compat.orders import MEMBER_STRUCTS, OPERATIONS, ORDER, ORDER_ITEM
from mws_compat.schema import (
    BOOLEAN,
    DATETIME,
    DECIMAL,
    INTEGER,
    TEXT,
    Attributed,
    Field,
    Kind,
    ListOf,
    Repeated,
    Struct,
)

__all__ = [
    "DOCUMENTS",
    "ELEMENT_NAMES",
    "ENVELOPE",
    "ERROR",
    "FRAGMENTS",
    "MESSAGE",
    "UNMAPPED_NAME",
    "UNMAPPED_NAMESPACE",
    "DocumentKind",
]

#: The element for JSON members that no MWS element can carry: ``<Unmapped xmlns="urn:mws-bridge">{…}</Unmapped>``.
UNMAPPED_NAMESPACE = "urn:mws-bridge"
UNMAPPED_NAME = "Unmapped"


class DocumentKind(NamedTuple):
    """A kind of document.

    ``root``     the root element's struct; its name is the element's
    ``action``   the operation that it answers; ``Error``; the root's name for anything else
    ``path``     the elements between the root and the members, outermost first
    ``member``   the element that the document is a sequence of, '' when it is not one
    ``struct``   the member's struct
    """

    root: Struct
    action: str
    path: tuple[str, ...] = ()
    member: str = ""
    struct: Struct | None = None


# --- answers of Orders ----------------------------------------------------------------------------------------------

_REQUEST_IDS = (Field("RequestId", TEXT, volatile=True), Field("RequestID", TEXT, volatile=True))

ERROR = Struct("Error", tuple(Field(name, TEXT) for name in ("Type", "Code", "Message", "Detail")))


def _answers() -> dict[str, DocumentKind]:
    kinds = {
        "ErrorResponse": DocumentKind(
            Struct(
                "ErrorResponse",
                (
                    Field("Error", Repeated(ERROR)),
                    Field("ResponseMetadata", Struct("ResponseMetadata", _REQUEST_IDS)),
                    *_REQUEST_IDS,
                ),
            ),
            "Error",
        )
    }
    for action, operation in OPERATIONS.items():
        result = operation.result
        fields = (
            Field(f"{action}Result", result, required=True),
            Field("ResponseMetadata", Struct("ResponseMetadata", _REQUEST_IDS)),
            *_REQUEST_IDS,
        )
        root = Struct(f"{action}Response", fields)
        kinds[root.name] = DocumentKind(root, action)
        for field in result.fields:
            if isinstance(field.kind, ListOf) and field.kind.of in MEMBER_STRUCTS:
                assert isinstance(field.kind.of, Struct)  # noqa: S101 - MEMBER_STRUCTS holds nothing else
                path = (f"{action}Result", field.name)
                kinds[root.name] = DocumentKind(root, action, path, field.kind.member, field.kind.of)
    return kinds


# --- envelopes ------------------------------------------------------------------------------------------------------


def _texts(*names: str, pii: bool = False) -> tuple[Field, ...]:
    return tuple(Field(name, TEXT, pii=pii) for name in names)


#: ``<Amount currency="USD">121.99</Amount>``
_CURRENCY_AMOUNT = Attributed("currency", "CurrencyCode", "Amount", DECIMAL)


def _priced(name: str) -> Struct:
    """A Type and an amount: a price component, a fee."""
    return Struct(name, (Field("Type", TEXT, key=True), Field("Amount", _CURRENCY_AMOUNT)))


def _levels(name: str, kind: Kind) -> Field:
    """An amount or rate for each level of the tax administration."""
    return Field(name, Struct(name, tuple(Field(level, kind) for level in ("District", "City", "County", "State"))))


_REPORT_ADDRESS = Struct(
    "Address",
    (
        *_texts("Name", "AddressFieldOne", "AddressFieldTwo", "AddressFieldThree", "City", "StateOrRegion", pii=True),
        Field("PostalCode", TEXT, pii=True),
        Field("CountryCode", TEXT),
        Field("PhoneNumber", TEXT, pii=True),
    ),
)

_TAX_DATA = Struct(
    "ItemTaxData",
    (
        Field(
            "TaxJurisdictions",
            Struct("TaxJurisdictions", _texts("TaxLocationCode", "District", "City", "County", "State")),
        ),
        *(
            _levels(name, _CURRENCY_AMOUNT)
            for name in ("TaxableAmounts", "NonTaxableAmounts", "ZeroRatedAmounts", "TaxCollectedAmounts")
        ),
        _levels("TaxRates", DECIMAL),
    ),
)

_REPORT_ITEM = Struct(
    "Item",
    (
        Field("AmazonOrderItemCode", TEXT, required=True, key=True),
        *_texts("SKU", "Title"),
        Field("CustomizationInfo", Repeated(Struct("CustomizationInfo", _texts("Type", "Data", pii=True)))),
        Field("Quantity", INTEGER, required=True),
        Field("ProductTaxCode", TEXT),
        Field("ItemPrice", Struct("ItemPrice", (Field("Component", Repeated(_priced("Component"))),))),
        Field("ItemFees", Struct("ItemFees", (Field("Fee", Repeated(_priced("Fee"))),))),
        Field(
            "Promotion",
            Repeated(
                Struct(
                    "Promotion",
                    (
                        *_texts("PromotionClaimCode", "MerchantPromotionID"),
                        Field("Component", Repeated(_priced("Component"))),
                    ),
                )
            ),
        ),
        Field("ItemTaxData", _TAX_DATA),
        Field("GiftWrapLevel", TEXT),
        Field("GiftMessageText", TEXT, pii=True),
    ),
)

_ORDER_REPORT = Struct(
    "OrderReport",
    (
        Field("AmazonOrderID", TEXT, required=True, key=True),
        Field("AmazonSessionID", TEXT),
        Field("OrderDate", DATETIME, required=True),
        Field("OrderPostedDate", DATETIME),
        Field("CustomerOrderInfo", Repeated(Struct("CustomerOrderInfo", _texts("Type", "Value", pii=True)))),
        Field(
            "BillingData",
            Struct("BillingData", _texts("BuyerEmailAddress", "BuyerName", "BuyerPhoneNumber", pii=True)),
        ),
        Field(
            "FulfillmentData",
            Struct(
                "FulfillmentData",
                (*_texts("FulfillmentMethod", "FulfillmentServiceLevel"), Field("Address", _REPORT_ADDRESS)),
            ),
        ),
        Field("Item", Repeated(_REPORT_ITEM), required=True),
    ),
)

_ORDER_FULFILLMENT = Struct(
    "OrderFulfillment",
    (
        Field("AmazonOrderID", TEXT, key=True),
        *_texts("MerchantOrderID", "MerchantFulfillmentID"),
        Field("FulfillmentDate", DATETIME, required=True),
        Field(
            "FulfillmentData",
            Struct(
                "FulfillmentData", _texts("CarrierCode", "CarrierName", "ShippingMethod", "ShipperTrackingNumber")
            ),
        ),
        Field("CODCollectionMethod", TEXT),
        Field("ShipFromSupplySourceId", TEXT),
        Field(
            "Item",
            Repeated(
                Struct(
                    "Item",
                    (
                        Field("AmazonOrderItemCode", TEXT, key=True),
                        *_texts("MerchantOrderItemID", "MerchantFulfillmentItemID"),
                        Field("Quantity", INTEGER),
                        Field("TransparencyCode", Repeated(TEXT)),
                    ),
                )
            ),
        ),
    ),
)

_ORDER_ACKNOWLEDGEMENT = Struct(
    "OrderAcknowledgement",
    (
        Field("AmazonOrderID", TEXT, key=True),
        *_texts("MerchantOrderID", "StatusCode"),
        Field("Item", Repeated(Struct("Item", _texts("AmazonOrderItemCode", "MerchantOrderItemID", "CancelReason")))),
    ),
)

_PROCESSING_SUMMARY = Field(
    "ProcessingSummary",
    Struct(
        "ProcessingSummary",
        tuple(
            Field(name, INTEGER)
            for name in ("MessagesProcessed", "MessagesSuccessful", "MessagesWithError", "MessagesWithWarning")
        ),
    ),
)

_PROCESSING_REPORT = Struct(
    "ProcessingReport",
    (
        # In reports that were fetched as such, not as a feed's result, a Summary is around the other two.
        *_texts("ProcessingReportType", "DocumentTransactionID"),
        Field("Summary", Struct("Summary", (*_texts("StatusCode"), _PROCESSING_SUMMARY))),
        *_texts("StatusCode"),
        _PROCESSING_SUMMARY,
        Field(
            "Result",
            Repeated(
                Struct(
                    "Result",
                    (
                        *_texts("MessageID", "ResultCode", "ResultMessageCode", "ResultDescription"),
                        Field(
                            "AdditionalInfo",
                            Struct("AdditionalInfo", _texts("AmazonOrderID", "AmazonOrderItemCode", "SKU")),
                        ),
                    ),
                )
            ),
        ),
    ),
)

#: One struct for all kinds of message: which one it is, the element inside it says.
MESSAGE = Struct(
    "Message",
    (
        *_texts("MessageID", "OperationType"),
        Field("OrderReport", _ORDER_REPORT),
        Field("OrderFulfillment", _ORDER_FULFILLMENT),
        Field("OrderAcknowledgement", _ORDER_ACKNOWLEDGEMENT),
        Field("ProcessingReport", _PROCESSING_REPORT),
    ),
)

ENVELOPE = Struct(
    "AmazonEnvelope",
    (
        Field("Header", Struct("Header", _texts("DocumentVersion", "MerchantIdentifier"))),
        Field("MessageType", TEXT, required=True),
        Field("PurgeAndReplace", BOOLEAN),
        Field("EffectiveDate", DATETIME),
        Field("Message", Repeated(MESSAGE)),
    ),
)

# --- the table ------------------------------------------------------------------------------------------------------

#: A single order or item, cut out of its document: seen in test data of old libraries.
FRAGMENTS = {"Order": ORDER, "OrderItem": ORDER_ITEM}

DOCUMENTS: dict[str, DocumentKind] = {
    **_answers(),
    "AmazonEnvelope": DocumentKind(ENVELOPE, "AmazonEnvelope", (), "Message", MESSAGE),
    **{name: DocumentKind(struct, name) for name, struct in FRAGMENTS.items()},
}


def _element_names() -> Iterator[str]:
    """The names of all elements, struct by struct; what several documents share is gone through once."""
    waiting = [kind.root for kind in DOCUMENTS.values()]
    seen: set[int] = set()
    while waiting:
        struct = waiting.pop()
        if id(struct) in seen:
            continue
        seen.add(id(struct))
        yield struct.name
        for field in struct.fields:
            yield field.name
            kind = field.kind
            if isinstance(kind, ListOf):
                yield kind.member
            if isinstance(kind, ListOf | Repeated):
                kind = kind.of
            if isinstance(kind, Struct):
                waiting.append(kind)


#: Every element that a table knows: the names that may stand in a message about a document.
ELEMENT_NAMES = frozenset(_element_names())
