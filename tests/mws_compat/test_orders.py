"""The table against the wire reference: what can be checked of it without reading it back to itself."""

import pytest

from mws_compat import orders
from mws_compat.orders import (
    ADDRESS,
    LATEST_VERSION,
    MEMBER_STRUCTS,
    OPERATIONS,
    ORDER,
    ORDER_ITEM,
    SECTION,
    SERVICE_STATUS,
    VERSIONS,
    After,
    Excludes,
    OneOf,
    namespace_of,
)
from mws_compat.schema import Field, Kind, ListOf, Scalar, Struct


def fields_below(kind: Kind, path: str = "") -> list[tuple[str, Field]]:
    if isinstance(kind, ListOf):
        return fields_below(kind.of, f"{path}/{kind.member}")
    if isinstance(kind, Scalar):
        return []
    return [
        pair
        for field in kind.fields
        for pair in [(f"{path}/{field.name}", field), *fields_below(field.kind, f"{path}/{field.name}")]
    ]


EVERYTHING = [pair for operation in OPERATIONS.values() for pair in fields_below(operation.result, operation.name)]


def test_namespaces() -> None:
    """https, no trailing slash, one for each section and version."""
    assert namespace_of("Orders", "2013-09-01") == "https://mws.amazonservices.com/Orders/2013-09-01"
    assert namespace_of("Sellers", "2011-07-01") == "https://mws.amazonservices.com/Sellers/2011-07-01"
    assert (SECTION, LATEST_VERSION, VERSIONS) == ("Orders", "2013-09-01", ("2013-09-01", "2011-01-01"))


@pytest.mark.parametrize(
    ("name", "quota", "burst", "restore", "continues"),
    [
        ("ListOrders", "ListOrders", 6, 60, ""),
        ("ListOrdersByNextToken", "ListOrders", 6, 60, "ListOrders"),
        ("GetOrder", "GetOrder", 6, 60, ""),
        ("ListOrderItems", "ListOrderItems", 30, 2, ""),
        ("ListOrderItemsByNextToken", "ListOrderItems", 30, 2, "ListOrderItems"),
        ("GetServiceStatus", "GetServiceStatus", 2, 300, ""),
    ],
)
def test_operations(name: str, quota: str, burst: int, restore: int, continues: str) -> None:
    """Each operation has the quota that it had, shared with its further pages."""
    operation = OPERATIONS[name]
    assert operation.name == name
    assert (operation.quota.name, operation.quota.burst, operation.quota.restore_seconds) == (quota, burst, restore)
    assert operation.continues == continues
    assert len(OPERATIONS) == 6


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_parameters_and_rules_fit(operation: orders.Operation) -> None:
    """Rules name parameters that exist; a kind is one that validation knows; lists have a limit."""
    names = [parameter.name for parameter in operation.parameters]
    assert len(names) == len(set(names))
    for parameter in operation.parameters:
        assert parameter.kind in {"text", "instant", "integer"}
        assert not parameter.lists or parameter.most == 50
        assert len(parameter.values) != 1
        assert len(set(parameter.values)) == len(parameter.values)
    for rule in operation.rules:
        named = {
            OneOf: lambda rule: rule.names,
            Excludes: lambda rule: (rule.name, *rule.others),
            After: lambda rule: (rule.earlier, rule.later),
        }[type(rule)](rule)
        assert set(named) <= set(names)


@pytest.mark.parametrize(
    "struct", [ADDRESS, ORDER, ORDER_ITEM, SERVICE_STATUS, *(o.result for o in OPERATIONS.values())]
)
def test_names_are_unique(struct: Struct) -> None:
    """No struct has two fields that some document could spell alike."""
    spellings = [name for field in struct.fields for name in (field.name, field.name_2011, *field.aliases) if name]
    assert len(spellings) == len(set(spellings))


def test_flags() -> None:
    """What is personal, volatile or a key, as the reference has it; a new personal field belongs in this list."""
    assert {path.rpartition("/")[2] for path, field in EVERYTHING if field.volatile} == {
        *("NextToken", "CreatedBefore", "LastUpdatedBefore", "Timestamp")
    }
    assert {path.rpartition("/")[2] for path, field in EVERYTHING if field.key} == {
        *("AmazonOrderId", "OrderItemId", "PaymentMethod", "Name", "taxRegistrationId")
    }
    assert {path.rpartition("/")[2] for path, field in EVERYTHING if field.keep_empty} == {"Orders", "OrderItems"}
    assert {field.name_2011 for _, field in EVERYTHING} == {"", "SubPaymentMethod"}
    personal = {path.partition("/")[2] for path, field in EVERYTHING if field.pii}
    leaves = {path.rpartition("/")[2] for path in personal}
    assert leaves == {
        *("Name", "AddressLine1", "AddressLine2", "AddressLine3", "City", "County", "District", "StateOrRegion"),
        *("Municipality", "PostalCode", "Phone", "BuyerEmail", "BuyerName", "BuyerCounty", "PurchaseOrderNumber"),
        *("CompanyLegalName", "Value", "taxRegistrationId", "BuyerCitizenId", "BuyerLegalName", "GiftMessageText"),
        *("InvoiceTitle", "InvoiceInformation", "CustomizedURL", "IossNumber"),
    }
    assert {parameter.name for o in OPERATIONS.values() for parameter in o.parameters if parameter.pii} == {
        "BuyerEmail"
    }


def test_required_elements() -> None:
    """The elements that ScaleLeap's typed client insists on are marked as always present."""
    assert [field.name for field in ORDER.fields if field.required] == [
        *("AmazonOrderId", "PurchaseDate", "LastUpdateDate", "OrderStatus")
    ]
    assert [field.name for field in ORDER_ITEM.fields if field.required] == ["ASIN", "OrderItemId", "QuantityOrdered"]
    assert MEMBER_STRUCTS == (ORDER, ORDER_ITEM)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("dateTime", {"PurchaseDate", "LastUpdateDate", "EarliestShipDate", "LatestShipDate", "EarliestDeliveryDate"}
         | {"LatestDeliveryDate", "PromiseResponseDueDate", "CreatedBefore", "LastUpdatedBefore", "Timestamp"}),
        ("int", {"NumberOfItemsShipped", "NumberOfItemsUnshipped", "QuantityOrdered", "QuantityShipped"}
         | {"NumberOfItems", "PointsNumber"}),
        ("decimal", {"Amount"}),
        ("boolean", {"isAddressSharingConfidential", "ShippedByAmazonTFM", "IsBusinessOrder", "IsPrime", "IsISPU"}
         | {"IsGlobalExpressEnabled", "IsPremiumOrder", "IsReplacementOrder", "IsEstimatedShipDateSet", "IsSoldByAB"}
         | {"hasAutomatedShippingSettings", "IsIBA", "IsAccessPointOrder", "IsGift", "SerialNumberRequired"}
         | {"IsTransparency", "IsBuyerRequestedCancel"}),
    ],
)  # fmt: skip
def test_kinds(kind: str, names: set[str]) -> None:
    """Dates, numbers and booleans are the reference's; scheduled deliveries are strings."""
    found = {path.rpartition("/")[2] for path, f in EVERYTHING if isinstance(f.kind, Scalar) and f.kind.name == kind}
    assert found == names
