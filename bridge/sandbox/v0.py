"""Orders v0's way to write an order down, with the oddities of live payloads (reference 1.3).

What is personal appears only for the data elements that the token shows. Which order has which oddity depends on its
id alone, so an order always looks the same.
"""

from zlib import crc32

from bridge.sandbox.disclosure import addressed, pending, priced
from bridge.sandbox.model import Address, Entity, Item, Order, PaymentKind
from bridge.sandbox.rdt import BUYER_INFO, BUYER_TAX_INFORMATION, SHIPPING_ADDRESS
from bridge.sandbox.shapes import Json, date_text, present
from bridge.sandbox.v0_items import item_json
from bridge.sandbox.v0_words import (
    KIND_WORDS,
    PAYMENT_DETAIL_WORDS,
    PAYMENT_WORDS,
    STATUS_WORDS,
    TAX_NUMBER_WORDS,
    channel_word,
    money,
    payment_method,
)


def _oddity(order: Order, one_in: int) -> bool:
    return crc32(order.id.encode()) % one_in == 0


def order_json(order: Order, elements: frozenset[str], *, phone: bool) -> Json:
    """Return an order without its items; `phone` is whether the recipient's number is shown with the address."""
    is_replacement = order.purchase.replaces is not None
    payload: Json = {
        "AmazonOrderId": order.id,
        "SellerOrderId": order.purchase.seller_order_id or order.id,
        "PurchaseDate": date_text(order.purchased),
        "LastUpdateDate": date_text(order.updated),
        "OrderStatus": STATUS_WORDS[order.status],
        "FulfillmentChannel": channel_word(order),
        "SalesChannel": order.purchase.sales_channel,
        "ShipServiceLevel": order.purchase.service_level,
        "NumberOfItemsShipped": order.units_shipped,
        "NumberOfItemsUnshipped": order.units_open,
        "PaymentMethod": payment_method(order),
        "PaymentMethodDetails": _payment_details(order),
        # A boolean in the model, now and then a string in life.
        "IsReplacementOrder": str(is_replacement).lower() if _oddity(order, 3) else is_replacement,
        "MarketplaceId": order.marketplace,
        "ShipmentServiceLevelCategory": order.purchase.service_category,
        "OrderType": KIND_WORDS[order.purchase.kind],
        "IsBusinessOrder": order.purchase.is_business,
        "IsPrime": order.purchase.is_prime,
        "IsGlobalExpressEnabled": order.purchase.is_global_express,
        "IsPremiumOrder": order.purchase.is_premium,
        "IsSoldByAB": order.purchase.is_invoiced_by_amazon,
        "IsIBA": order.purchase.is_invoiced_by_amazon,
        "IsISPU": order.purchase.is_store_pickup,
        "IsAccessPointOrder": order.purchase.is_access_point,
        "HasRegulatedItems": order.purchase.has_regulated_items,
        "AutomatedShippingSettings": present(
            {
                "HasAutomatedShippingSettings": order.purchase.automated_carrier is not None,
                "AutomatedCarrier": order.purchase.automated_carrier,
                "AutomatedShipMethod": order.purchase.automated_method,
            }
        ),
        "BuyerInfo": buyer_json(order) if BUYER_INFO in elements else {},
    }
    payload |= present(
        {
            "OrderTotal": money(order.total, order.purchase.currency) if priced(order) else None,
            "PaymentExecutionDetail": None if pending(order) else _payment_executions(order),
            "ReplacedOrderId": order.purchase.replaces,
            "EasyShipShipmentStatus": order.easy_ship,
            "ElectronicInvoiceStatus": order.purchase.invoice_status,
            "BuyerInvoicePreference": order.purchase.invoice_preference,
            "DefaultShipFromLocationAddress": order.purchase.ship_from
            and address_json(order.purchase.ship_from, phone=True),
            "FulfillmentInstruction": order.purchase.supply_source
            and {"FulfillmentSupplySourceId": order.purchase.supply_source},
            "ShippingAddress": shipping_address_json(order, elements, phone=phone),
            "PromiseResponseDueDate": order.purchase.response_due and date_text(order.purchase.response_due),
            "IsEstimatedShipDateSet": False if order.purchase.response_due else None,
        }
    )
    for window, name in ((order.purchase.ship_by, "ShipDate"), (order.purchase.deliver_by, "DeliveryDate")):
        if window is not None:
            payload[f"Earliest{name}"] = date_text(window.start)
            payload[f"Latest{name}"] = date_text(window.end)
    payload |= _tax_json(order, elements)
    if _oddity(order, 7):
        payload.setdefault("PromiseResponseDueDate", "")
        payload.setdefault("SellerDisplayName", None)
    return payload


def _payment_details(order: Order) -> list[str]:
    return [PAYMENT_DETAIL_WORDS[payment.kind] for payment in order.purchase.payments] or ["Standard"]


def _payment_executions(order: Order) -> list[Json] | None:
    """Return the sub-payments of orders that show them: cash on delivery, and everything in Brazil."""
    if not any(
        payment.kind is PaymentKind.CASH_ON_DELIVERY or payment.acquirer is not None
        for payment in order.purchase.payments
    ):
        return None
    return [
        present(
            {
                "Payment": money(payment.amount, order.purchase.currency),
                "PaymentMethod": PAYMENT_WORDS[payment.kind],
                "AcquirerId": payment.acquirer,
                "CardBrand": payment.card_brand,
                "AuthorizationCode": payment.authorization,
            }
        )
        for payment in order.purchase.payments
    ]


def _tax_json(order: Order, elements: frozenset[str]) -> Json:
    payload: Json = {}
    for marketplace in order.purchase.registrations_of(Entity.MARKETPLACE):
        payload["MarketplaceTaxInfo"] = {"TaxClassifications": _classifications(marketplace.numbers)}
    for merchant in order.purchase.registrations_of(Entity.MERCHANT):
        payload["SellerDisplayName"] = merchant.legal_name
    for buyer in order.purchase.registrations_of(Entity.BUYER):
        if buyer.office is not None and BUYER_TAX_INFORMATION in elements:
            payload["BuyerTaxInformation"] = {
                "BuyerLegalCompanyName": buyer.legal_name,
                "BuyerBusinessAddress": buyer.address,
                "BuyerTaxRegistrationId": buyer.numbers[0][1],
                "BuyerTaxOffice": buyer.office,
            }
    return payload


def _classifications(numbers: tuple[tuple[str, str], ...]) -> list[Json]:
    return [{"Name": TAX_NUMBER_WORDS.get(kind, kind), "Value": number} for kind, number in numbers]


def buyer_json(order: Order) -> Json:
    """Return all that v0 knows of a buyer; a lost e-mail address is `null` (models#5131)."""
    if pending(order):
        return {}
    buyer = order.purchase.buyer
    payload: Json = {"BuyerEmail": buyer.email}
    payload |= present(
        {"BuyerName": buyer.name, "BuyerCounty": buyer.county, "PurchaseOrderNumber": buyer.purchase_order}
    )
    for registration in order.purchase.registrations_of(Entity.BUYER):
        payload["BuyerTaxInfo"] = present(
            {
                "CompanyLegalName": registration.legal_name,
                "TaxingRegion": registration.taxing_region,
                "TaxClassifications": _classifications(registration.numbers),
            }
        )
    return payload


def address_json(address: Address, *, phone: bool) -> Json:
    """Return a whole address."""
    payload: Json = {"Name": address.name}
    payload |= {f"AddressLine{number}": line for number, line in enumerate(address.lines, 1)}
    extended = address.extended and {
        "StreetName": address.extended.street,
        "StreetNumber": address.extended.number,
        "Complement": address.extended.complement,
        "Neighborhood": address.extended.neighborhood,
    }
    return payload | present(
        {
            "CompanyName": address.company,
            "City": address.city,
            "County": address.county,
            "District": address.district,
            "StateOrRegion": address.region,
            "Municipality": address.municipality,
            "PostalCode": address.postal_code,
            "CountryCode": address.country,
            "Phone": address.phone if phone else None,
            "ExtendedFields": extended,
            "AddressType": None
            if address.commercial is None
            else ("Commercial" if address.commercial else "Residential"),
        }
    )


def shipping_address_json(order: Order, elements: frozenset[str], *, phone: bool) -> Json | None:
    """Return the delivery address as far as the token shows it; None before the order is to be shipped."""
    if not addressed(order):
        return None
    address = order.purchase.address
    if SHIPPING_ADDRESS in elements:
        return address_json(address, phone=phone)
    return present(
        {
            "City": address.city,
            "StateOrRegion": address.region,
            "PostalCode": address.postal_code,
            "CountryCode": address.country,
        }
    )


def items_json(order: Order, items: tuple[Item, ...], elements: frozenset[str]) -> list[Json]:
    """Return order lines; prices are left out while the order has none."""
    return [item_json(order, item, priced=priced(order), buyer_shown=BUYER_INFO in elements) for item in items]
