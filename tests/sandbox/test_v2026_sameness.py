"""Orders v0 and Orders v2026-01-01 describe the same orders: their JSON, fact by fact, side by side.

What differs by design is left out here and told at the end.
"""

from datetime import datetime
from decimal import Decimal

import pytest

WINDOWS = {"shipByWindow": "ShipDate", "deliverByWindow": "DeliveryDate"}
FLAGS = {
    "IsBusinessOrder": "AMAZON_BUSINESS",
    "IsPrime": "PRIME",
    "IsPremiumOrder": "PREMIUM",
    "IsIBA": "INVOICE_BY_AMAZON",
    "IsISPU": "IN_STORE_PICK_UP",
}
ADDRESS = {
    "name": "Name",
    "companyName": "CompanyName",
    "addressLine1": "AddressLine1",
    "addressLine2": "AddressLine2",
    "addressLine3": "AddressLine3",
    "city": "City",
    "stateOrRegion": "StateOrRegion",
    "municipality": "Municipality",
    "postalCode": "PostalCode",
    "countryCode": "CountryCode",
    "phone": "Phone",
}
PAYMENTS = {
    "CashOnDelivery": ("COD", "COD"),
    "ConvenienceStore": ("CVS", "CVS"),
    "CreditCard": ("CreditCard", "CreditCard"),
    "GiftCard": ("GC", "GiftCertificate"),
    "Invoice": ("Invoice", "Invoice"),
    "Pix": ("Pix", "Pix"),
    "PointsAccount": ("PointsAccount", "Other"),
}


def squash(word):
    """Return a word without case and separators, in which both versions' spellings agree."""
    return word.replace("_", "").replace(" ", "").lower().replace("canceled", "cancelled")


def seconds(text):
    """Return a date of v2026 in v0's form."""
    return text.replace(".000Z", "Z")


def amount(money):
    """Return (amount, currency) of either version's money; None for none."""
    if money is None:
        return None
    names = ("amount", "currencyCode") if "amount" in money else ("Amount", "CurrencyCode")
    return tuple(money[name] for name in names)


@pytest.fixture(scope="session")
def pairs(older, newer):
    """(v0, v2026) of every order."""
    assert older.keys() == newer.keys()
    assert len(older) > 2700
    return [(old, newer[order_id]) for order_id, old in older.items()]


@pytest.fixture(scope="session")
def item_pairs(older_items, newer):
    """(v2026 order, v0 line, v2026 line) of many orders."""
    lines = []
    for order_id, olds in older_items.items():
        news = newer[order_id]["orderItems"]
        assert [old["OrderItemId"] for old in olds] == [new["orderItemId"] for new in news]
        lines += [(newer[order_id], old, new) for old, new in zip(olds, news, strict=True)]
    assert len(lines) > 1000
    return lines


def test_ids_and_dates(pairs):
    """Both have the same orders, in the same order, with the same ids, dates and windows."""
    for old, new in pairs:
        assert new["orderAliases"] == [{"aliasType": "SELLER_ORDER_ID", "aliasId": old["SellerOrderId"]}]
        assert seconds(new["createdTime"]) == old["PurchaseDate"]
        assert seconds(new["lastUpdatedTime"]) == old["LastUpdateDate"]
        for name, half in WINDOWS.items():
            window = new["fulfillment"].get(name, {})
            for side in ("earliest", "latest"):
                text = window.get(f"{side}DateTime")
                assert (text and seconds(text)) == old.get(f"{side.capitalize()}{half}")


def test_statuses_channels_and_programmes(pairs):
    """Status, fulfiller, service level, sales channel and every flag say the same."""
    for old, new in pairs:
        fulfillment = new["fulfillment"]
        status = "shipped" if old["OrderStatus"] == "InvoiceUnconfirmed" else squash(old["OrderStatus"])
        assert squash(fulfillment["fulfillmentStatus"]) == status
        assert fulfillment["fulfilledBy"] == {"AFN": "AMAZON", "MFN": "MERCHANT"}[old["FulfillmentChannel"]]
        assert squash(fulfillment["fulfillmentServiceLevel"]) == squash(old["ShipmentServiceLevelCategory"])
        assert new["salesChannel"] == {
            "channelName": "AMAZON" if old["SalesChannel"].startswith("Amazon") else "NON_AMAZON",
            "marketplaceId": old["MarketplaceId"],
            "marketplaceName": old["SalesChannel"],
        }
        for flag, program in FLAGS.items():
            assert old[flag] == (program in new["programs"])
        assert (old["OrderType"] == "Preorder") == ("PREORDER" in new["programs"])
        assert ("EasyShipShipmentStatus" in old) == ("AMAZON_EASY_SHIP" in new["programs"])


def test_easy_ship_statuses(pairs):
    """The parcel's status of an Easy Ship order is that of each of its packages."""
    seen = set()
    for old, new in pairs:
        details = {one["packageStatus"].get("detailedStatus") for one in new.get("packages", ())}
        if "EasyShipShipmentStatus" in old:
            (detail,) = details
            assert squash(detail) == squash(old["EasyShipShipmentStatus"])
            seen.add(detail)
        else:
            assert details <= {None}
    assert len(seen) > 8


def test_replacements(pairs):
    """A replacement names the order that it replaces, and no other order names any."""
    for old, new in pairs:
        assert [(one["orderId"], one["associationType"]) for one in new["associatedOrders"]] == (
            [(old["ReplacedOrderId"], "REPLACEMENT_ORIGINAL_ID")] if "ReplacedOrderId" in old else []
        )


def test_quantities_of_orders(pairs):
    """What v0 counts for the order is the sum over the lines."""
    for old, new in pairs:
        lines = [item["fulfillment"] for item in new["orderItems"]]
        assert sum(line["quantityFulfilled"] for line in lines) == old["NumberOfItemsShipped"]
        assert sum(line["quantityUnfulfilled"] for line in lines) == old["NumberOfItemsUnshipped"]


def test_totals(pairs):
    """The grand total is v0's order total, and missing exactly where that is."""
    shown = 0
    for old, new in pairs:
        assert ("proceeds" in new) == ("OrderTotal" in old)
        if "proceeds" in new:
            total, theirs = new["proceeds"]["grandTotal"], old["OrderTotal"]
            # Of nothing v0 says "0", v2026 with the decimals of the currency.
            assert Decimal(total["amount"]) == Decimal(theirs["Amount"])
            assert total["currencyCode"] == theirs["CurrencyCode"]
            shown += 1
    assert 2000 < shown < len(pairs)


def test_addresses(pairs):
    """The delivery address has the same lines, and is missing exactly where v0's is."""
    for old, new in pairs:
        address = new.get("recipient", {}).get("deliveryAddress")
        theirs = old.get("ShippingAddress")
        assert (address is None) == (theirs is None)
        if theirs is None:
            continue
        assert {ours: address.get(ours) for ours in ADDRESS} == {ours: theirs.get(v0) for ours, v0 in ADDRESS.items()}
        assert address.get("districtOrCounty") == theirs.get("County", theirs.get("District"))
        assert {squash(name): text for name, text in address.get("extendedFields", {}).items()} == {
            squash(name): text for name, text in theirs.get("ExtendedFields", {}).items()
        }
        if old["IsAccessPointOrder"]:
            assert address["addressType"] == "PICKUP_POINT"
        else:
            assert address.get("addressType") == (theirs.get("AddressType") and theirs["AddressType"].upper())


def test_companies_and_delivery_preferences(older_addresses, newer):
    """What only v0's getOrderAddress tells is in v2026's buyer and recipient."""
    seen = set()
    for order_id, old in older_addresses.items():
        if "ShippingAddress" not in old:
            continue
        new = newer[order_id]
        assert new.get("buyer", {}).get("buyerCompanyName") == old.get("BuyerCompanyName")
        wishes = {
            {"dropOffLocation": "DropOffLocation", "addressInstruction": "AddressInstructions"}[name]: text
            for name, text in new["recipient"].get("deliveryPreference", {}).items()
        }
        assert wishes == old.get("DeliveryPreferences", {})
        seen |= old.keys()
    assert {"BuyerCompanyName", "DeliveryPreferences"} <= seen


def test_buyers(pairs):
    """Name and purchase order are the same; the e-mail too, but Amazon's own shipments have lost it."""
    hidden = 0
    for old, new in pairs:
        theirs, buyer = old["BuyerInfo"], new.get("buyer", {})
        assert buyer.get("buyerName") == theirs.get("BuyerName")
        assert buyer.get("buyerPurchaseOrderNumber") == theirs.get("PurchaseOrderNumber")
        if old["FulfillmentChannel"] == "MFN":
            assert buyer.get("buyerEmail") == theirs.get("BuyerEmail")
        else:
            assert "buyerEmail" not in buyer
            hidden += theirs.get("BuyerEmail") is not None
    assert hidden > 100


def test_taxes_of_orders(pairs):
    """The parties' registrations say what v0 scatters over four places."""
    kinds = set()
    for old, new in pairs:
        tax = new.get("tax", {})
        by_party = {}
        for entry in tax.get("taxRegistrations", ()):
            by_party.setdefault(entry["entityType"], []).append(entry)
            kinds.add(entry.get("taxRegistrationType"))
        theirs = old["BuyerInfo"].get("BuyerTaxInfo", {})
        ours = by_party.get("BUYER", [])
        assert {one["legalName"] for one in ours} == {theirs["CompanyLegalName"]} if theirs else not ours
        assert [
            ({"VAT": "VATNumber", "CST": "CSTNumber"}.get(kind := one["taxRegistrationType"], kind), number)
            for one in ours
            if (number := one["taxRegistrationNumber"])
        ] == [(one["Name"], one["Value"]) for one in theirs.get("TaxClassifications", ())]
        for one in ours:
            assert one["taxRegistrationAddress"]["countryCode"] == theirs["TaxingRegion"]
        market = old.get("MarketplaceTaxInfo", {}).get("TaxClassifications", [])
        assert [one["taxRegistrationNumber"] for one in by_party.get("MARKETPLACE", [])] == [
            one["Value"] for one in market
        ]
        assert [one["legalName"] for one in by_party.get("MERCHANT", [])] == (
            [old["SellerDisplayName"]] if old.get("SellerDisplayName") else []
        )
        turkish = old.get("BuyerTaxInformation")
        if turkish and ours:
            (one,) = ours
            assert one["taxRegistrationAddress"]["addressLine1"] == turkish["BuyerBusinessAddress"]
            assert one["taxRegistrationAttributes"] == [{"key": "TAX_OFFICE", "value": turkish["BuyerTaxOffice"]}]
            assert one["taxRegistrationNumber"] == turkish["BuyerTaxRegistrationId"]
        invoicing = tax.get("taxInvoicing", {})
        assert invoicing.get("buyerInvoicePreference") == old.get("BuyerInvoicePreference")
        assert squash(invoicing.get("invoiceStatus", "")) == squash(old.get("ElectronicInvoiceStatus", ""))
    assert kinds >= {"VAT", "CST", "CPF", "CNPJ", "BUSINESS", None}


def test_payments(pairs):
    """The means of payment are the same; where v0 tells amounts, v2026 tells the same ones."""
    seen = set()
    for old, new in pairs:
        parts = new.get("payment", {}).get("paymentExecutions", [])
        words = [PAYMENTS[part["paymentMethod"]] for part in parts]
        assert old["PaymentMethodDetails"] == ([detail for _, detail in words] or ["Standard"])
        methods = {method for method, _ in words} & {"COD", "CVS"}
        assert old["PaymentMethod"] == (methods.pop() if methods else "Other")
        for part, theirs, (method, _) in zip(parts, old.get("PaymentExecutionDetail", ()), words, strict=False):
            assert amount(part["paymentAmount"]) == amount(theirs["Payment"])
            assert method == theirs["PaymentMethod"]
            for name, v0 in (("acquirerId", "AcquirerId"), ("cardBrand", "CardBrand")):
                assert part.get(name) == theirs.get(v0)
            assert part.get("authorizationCode") == theirs.get("AuthorizationCode")
            seen.add(method)
    assert seen >= {"COD", "GC", "PointsAccount", "CreditCard", "Pix"}


@pytest.mark.long
def test_products(item_pairs):
    """Products, conditions, quantities, serial numbers, customisations and price designations are the same."""
    for _, old, new in item_pairs:
        product, condition = new["product"], new["product"]["condition"]
        assert (product["asin"], product["sellerSku"], product["title"]) == (
            old["ASIN"],
            old["SellerSKU"],
            old["Title"],
        )
        assert condition["conditionType"] == old["ConditionId"].upper()
        assert squash(condition["conditionSubtype"]) == squash(old["ConditionSubtypeId"])
        assert condition.get("conditionNote") == old.get("ConditionNote")
        assert new["quantityOrdered"] == old["QuantityOrdered"]
        assert new["fulfillment"]["quantityFulfilled"] == old["QuantityShipped"]
        assert product.get("serialNumbers") == old.get("SerialNumbers")
        designation = {"BusinessPrice": "BUSINESS_PRICE"}.get(old.get("PriceDesignation"))
        assert product["price"].get("priceDesignation") == designation
        assert product["price"]["unitPrice"]["currencyCode"]
        url = old["BuyerInfo"].get("BuyerCustomizedInfo", {}).get("CustomizedURL")
        assert product.get("customization", {}).get("customizedUrl") == url
        assert ("TRANSPARENCY" in new["programs"]) == old["IsTransparency"]
        others = [one for one in new["programs"] if one != "TRANSPARENCY"]
        assert others == old.get("AmazonPrograms", {}).get("Programs", [])


def test_charges(item_pairs):
    """Every charge of v0 is in the breakdown where Amazon's migration data says, the discounts with their sign."""
    seen = set()
    for order, old, new in item_pairs:
        proceeds = new.get("proceeds")
        assert (proceeds is None) == ("ItemPrice" not in old) == ("proceeds" not in order)
        if proceeds is None:
            continue
        subtotals = {one["type"]: one for one in proceeds["breakdowns"]}
        details = {
            (kind, one["subtype"]): one["value"]
            for kind, breakdown in subtotals.items()
            for one in breakdown.get("detailedBreakdowns", ())
        }
        assert len(subtotals) == len(proceeds["breakdowns"])
        theirs = {**old, **old["BuyerInfo"]}
        for name, kind in (
            ("ItemPrice", "ITEM"),
            ("ShippingPrice", "SHIPPING"),
            ("GiftWrapPrice", "GIFT_WRAP"),
            ("CODFee", "COD_FEE"),
        ):
            assert amount(subtotals.get(kind, {}).get("subtotal")) == amount(theirs.get(name))
        for name, place, sign in (
            ("ItemTax", ("TAX", "ITEM"), 1),
            ("ShippingTax", ("TAX", "SHIPPING"), 1),
            ("GiftWrapTax", ("TAX", "GIFT_WRAP"), 1),
            ("PromotionDiscountTax", ("TAX", "DISCOUNT"), -1),
            ("PromotionDiscount", ("DISCOUNT", "ITEM"), -1),
            ("ShippingDiscount", ("DISCOUNT", "SHIPPING"), -1),
            ("CODFeeDiscount", ("DISCOUNT", "COD_FEE"), -1),
        ):
            assert (place in details) == (name in theirs)
            if name in theirs:
                assert sign * Decimal(details[place]["amount"]) == Decimal(theirs[name]["Amount"])
                seen.add(name)
        discounts = ("PromotionDiscount", "ShippingDiscount", "CODFeeDiscount")
        taken = sum(Decimal(theirs[name]["Amount"]) for name in discounts if name in theirs)
        assert -Decimal(subtotals.get("DISCOUNT", {"subtotal": {"amount": "0"}})["subtotal"]["amount"]) == taken
    assert len(seen) == 7


def test_other_facts_of_lines(item_pairs):
    """Points, promotions, cancellations, gifts, deliveries, constraints, serials and tax collection are the same."""
    seen = set()
    for _, old, new in item_pairs:
        points = new.get("expense", {}).get("pointsCost", {}).get("pointsGranted", {})
        theirs = old.get("PointsGranted", {})
        assert points.get("pointsNumber") == theirs.get("PointsNumber")
        assert amount(points.get("pointsMonetaryValue")) == amount(theirs.get("PointsMonetaryValue"))
        promotions = [one["promotionId"] for one in new.get("promotion", {}).get("breakdowns", [])]
        assert promotions == old.get("PromotionIds", [])
        request = new.get("cancellation", {}).get("cancellationRequest", {})
        asked = old["BuyerRequestedCancel"]
        assert (request.get("requester") == "BUYER") == (asked["IsBuyerRequestedCancel"] == "true")
        assert request.get("cancelReason", "") == asked["BuyerCancelReason"]
        packing, shipping = (new["fulfillment"].get(part, {}) for part in ("packing", "shipping"))
        gift = packing.get("giftOption")
        assert (gift is not None) == (old["IsGift"] == "true")
        assert (gift or {}).get("giftMessage") == old["BuyerInfo"].get("GiftMessageText")
        assert (gift or {}).get("giftWrapLevel") == old["BuyerInfo"].get("GiftWrapLevel")
        requirement = packing.get("serialNumberRequirement", {}).get("requirementType")
        assert (requirement == "REQUIRED") == bool(old.get("SerialNumberRequired"))
        assert shipping.get("internationalShipping", {}).get("iossNumber", "") == old["IossNumber"]
        constraints = {"SignatureConfirmation": shipping.get("shippingConstraints", {}).get("signatureConfirmation")}
        assert constraints == old.get("ShippingConstraints", {"SignatureConfirmation": None})
        assert ("scheduledDeliveryWindow" in shipping) == ("ScheduledDeliveryStartDate" in old)
        tax = new.get("tax", {})
        collections = [
            {"Model": "MarketplaceFacilitator", "ResponsibleParty": one["responsibleParty"]}
            for one in tax.get("taxCollections", ())
        ]
        assert collections == ([old["TaxCollection"]] if "TaxCollection" in old else [])
        schemes = [one["reportingScheme"] for one in tax.get("taxCalculationBreakdowns", ())]
        assert schemes == ([old["DeemedResellerCategory"]] if "DeemedResellerCategory" in old else [])
        seen |= {*packing, *shipping, *tax, *new.keys(), *((gift or {}).keys())}
    assert seen >= {
        "giftMessage",
        "giftWrapLevel",
        "serialNumberRequirement",
        "internationalShipping",
        "shippingConstraints",
        "scheduledDeliveryWindow",
        "taxCollections",
        "taxCalculationBreakdowns",
        "expense",
        "promotion",
        "cancellation",
    }


def test_scheduled_deliveries_are_the_same_moments(item_pairs):
    """v0 tells them with Japan's offset, v2026 in UTC."""
    seen = 0
    for _, old, new in item_pairs:
        window = new["fulfillment"].get("shipping", {}).get("scheduledDeliveryWindow")
        if window:
            for side, name in (("earliest", "Start"), ("latest", "End")):
                theirs = old[f"ScheduledDelivery{name}Date"]
                assert theirs.endswith("+09:00")
                assert datetime.fromisoformat(window[f"{side}DateTime"]) == datetime.fromisoformat(theirs)
            seen += 1
    assert seen


def names(document):
    """Return every key in a document, at any depth."""
    if isinstance(document, list):
        return {name for one in document for name in names(one)}
    if isinstance(document, dict):
        return document.keys() | {name for one in document.values() for name in names(one)}
    return set()


LOST = {
    "ShipServiceLevel",
    "IsGlobalExpressEnabled",
    "PromiseResponseDueDate",
    "IsEstimatedShipDateSet",
    "IsSoldByAB",
    "BuyerCounty",
    "HasRegulatedItems",
    "DefaultShipFromLocationAddress",
    "FulfillmentInstruction",
    "AutomatedShippingSettings",
    "NumberOfItems",
    "StoreChainStoreId",
    "ShippingDiscountTax",
}


def test_what_the_newer_version_cannot_tell(older, older_items, newer):
    """Fields of v0 without a place in v2026 are there to be missed, and really are."""
    assert names(list(older.values())) | names(list(older_items.values())) >= LOST
    assert {name.lower() for name in names(list(newer.values()))}.isdisjoint(name.lower() for name in LOST)
    assert any(item.get("SerialNumberRequired") is False for items in older_items.values() for item in items)
    assert any(order["OrderType"] == "SourcingOnDemandOrder" for order in older.values())
    assert any(order["OrderStatus"] == "InvoiceUnconfirmed" for order in older.values())
