"""Orders v2026-01-01's way to write down who takes part: the buyer, the recipient, and whoever pays tax."""

from bridge.sandbox.disclosure import addressed, pending
from bridge.sandbox.model import Address, Entity, FulfilledBy, Order, TaxRegistration
from bridge.sandbox.shapes import Json, filled, present
from bridge.sandbox.v2026_words import INVOICE_STATUS_WORDS, View, constant_word


def buyer_json(order: Order, _view: View) -> Json | None:
    """Return the buyer, of whom nothing is told while the order is pending."""
    if pending(order):
        return None
    buyer = order.purchase.buyer
    merchant = order.purchase.fulfilled_by is FulfilledBy.MERCHANT
    return filled(
        {
            "buyerName": buyer.name,
            # The model: "Only available for merchant-fulfilled (FBM) orders". v0 has it for both.
            "buyerEmail": buyer.email if merchant else None,
            "buyerCompanyName": buyer.company,
            "buyerPurchaseOrderNumber": buyer.purchase_order,
        }
    )


def recipient_json(order: Order, view: View) -> Json | None:
    """Return where the order is to go, as soon as it is to go anywhere."""
    if not addressed(order):
        return None
    address = order.purchase.address
    kind = None if address.commercial is None else ("COMMERCIAL" if address.commercial else "RESIDENTIAL")
    wishes = order.purchase.delivery_preferences
    extended = address.extended and {
        "streetName": address.extended.street,
        "streetNumber": address.extended.number,
        "complement": address.extended.complement,
        "neighborhood": address.extended.neighborhood,
    }
    own = {
        "companyName": address.company,
        "phone": address.phone if view.phone else None,
        "extendedFields": extended,
        "addressType": "PICKUP_POINT" if order.purchase.is_access_point else kind,
    }
    return present(
        {
            "deliveryAddress": address_json(address) | present(own),
            "deliveryPreference": wishes
            and filled({"dropOffLocation": wishes.drop_off, "addressInstruction": wishes.instructions}),
        }
    )


def address_json(address: Address) -> Json:
    """Return what the addresses of customers and merchants have in common; county and district share a field."""
    payload: Json = {"name": address.name}
    payload |= {f"addressLine{number}": line for number, line in enumerate(address.lines, 1)}
    return payload | present(
        {
            "city": address.city,
            "districtOrCounty": address.county if address.county is not None else address.district,
            "stateOrRegion": address.region,
            "municipality": address.municipality,
            "postalCode": address.postal_code,
            "countryCode": address.country,
        }
    )


def tax_json(order: Order, view: View) -> Json | None:
    """Return the parties' tax registrations, the buyer's only to whom he is shown at all, and the invoicing."""
    purchase = order.purchase
    buyer_shown = view.buyer_tax and not pending(order)
    registrations = [
        entry
        for registration in purchase.registrations
        if buyer_shown or registration.entity is not Entity.BUYER
        for entry in _registrations(registration)
    ]
    invoicing = {
        "buyerInvoicePreference": purchase.invoice_preference,
        "invoiceStatus": purchase.invoice_status and INVOICE_STATUS_WORDS[purchase.invoice_status],
    }
    return filled({"taxRegistrations": registrations or None, "taxInvoicing": filled(invoicing)})


def _registrations(registration: TaxRegistration) -> list[Json]:
    """Return one entry for each number of a party, or one without a number for a party that has none."""
    address = {"addressLine1": registration.address, "countryCode": registration.taxing_region}
    attributes = [{"key": "TAX_OFFICE", "value": registration.office}] if registration.office else None
    return [
        present(
            {
                "entityType": constant_word(registration.entity),
                "legalName": registration.legal_name,
                "taxRegistrationType": kind,
                "taxRegistrationNumber": number,
                "taxRegistrationAddress": filled(address),
                "taxRegistrationAttributes": attributes,
            }
        )
        for kind, number in registration.numbers or ((None, None),)
    ]
