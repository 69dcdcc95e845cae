"""Synthetic people: addresses, buyers and tax registrations."""

from dataclasses import replace
from random import Random
from typing import Final

from bridge.sandbox.marketplaces import Marketplace
from bridge.sandbox.model import Address, Buyer, Entity, ExtendedAddress, TaxRegistration
from bridge.sandbox.vocabulary import WORDS

_VAT: Final = {"GB": "GB000000000", "DE": "DE000000000", "FR": "FR00000000000", "IT": "IT00000000000"}

SHIP_FROM: Final = Address(
    name="Sandbox Example Warehouse",
    lines=("1 Example Dock Road",),
    city="Sample City",
    region="Example State",
    postal_code="00000",
    country="US",
    phone="+1 206-555-0100",
    commercial=True,
)


def _digits(rng: Random, pattern: str) -> str:
    first, *rest = pattern.split("#")
    return first + "".join(f"{1 + int(rng.random() * 9)}{part}" for part in rest)


def make_address(rng: Random, marketplace: Marketplace, *, business: bool) -> Address:
    """Return a delivery address in the marketplace's country, in the shape that the country uses."""
    words = WORDS[marketplace.country]
    place = rng.choice(words.places)
    street = _digits(rng, rng.choice(words.streets))
    address = Address(
        name=rng.choice(words.names),
        lines=(street,),
        city=place.city,
        region=place.region,
        postal_code=place.postal_code,
        country=marketplace.country,
        company=rng.choice(words.companies) if business else None,
        phone=_digits(rng, words.phone) + (" ext. 00042" if marketplace.country == "US" else ""),
        commercial=business if marketplace.country in {"US", "CA", "BR"} else None,
    )
    match marketplace.country:
        case "BR":
            number = str(rng.randint(1, 999))
            complement = rng.choice(("Apto 12", "Bloco B", ""))
            return replace(
                address,
                lines=(f"{street}, {number}", complement, place.district or ""),
                district=place.district,
                municipality=place.city,
                extended=ExtendedAddress(street, number, complement, place.district or ""),
            )
        case "TR" | "MX":
            return replace(address, district=place.district)
        case "JP":
            return replace(address, lines=(place.city, street), city="")
        case "GB":
            return replace(address, county=place.district)
        case _ if rng.random() < 0.25:
            return replace(address, lines=(street, rng.choice(("c/o Example", "2nd floor", "Bldg. #4 <rear>"))))
    return address


def make_buyer(rng: Random, marketplace: Marketplace, recipient: Address, *, merchant: bool) -> Buyer:
    """Return who bought; Amazon withholds names on its own shipments and, since 2026, some addresses altogether."""
    words = WORDS[marketplace.country]
    return Buyer(
        name=(recipient.name if rng.random() < 0.8 else rng.choice(words.names)) if merchant else None,
        email=f"sandbox-{rng.getrandbits(48):012x}@{words.mail_domain}" if rng.random() < 0.97 else None,
        county=recipient.district if marketplace.country == "BR" else None,
        company=recipient.company,
        purchase_order=f"PO-{rng.randint(1000, 9999)}/ä" if recipient.company and rng.random() < 0.6 else None,
    )


def make_registrations(marketplace: Marketplace, buyer: Buyer, seller_name: str) -> tuple[TaxRegistration, ...]:
    """Return the tax registrations of an order: business buyers everywhere, all three parties in Brazil."""
    country = marketplace.country
    if country == "BR":
        return (
            TaxRegistration(
                Entity.BUYER,
                buyer.company or buyer.name or "Exemplo",
                (("CNPJ", "00.000.000/0000-00"),) if buyer.company else (("CPF", "000.000.000-00"),),
                taxing_region="BR",
            ),
            TaxRegistration(Entity.MARKETPLACE, "Amazon", (("CNPJ", "XX.XXX.XXX/0001-ZZ"),)),
            TaxRegistration(Entity.MERCHANT, seller_name, ()),
        )
    if buyer.company is None:
        return ()
    if country == "TR":
        return (
            TaxRegistration(
                Entity.BUYER,
                buyer.company,
                (("BUSINESS", "0000000000"),),
                taxing_region="TR",
                office="Örnek Vergi Dairesi",
                address="Numune Cad. No:1, Çankaya/Ankara",
            ),
        )
    if country == "IN":
        return (TaxRegistration(Entity.BUYER, buyer.company, (("CST", "00AAAAA0000A0Z0"),), taxing_region="IN"),)
    number = _VAT.get(country)
    if number is None:
        return ()
    return (TaxRegistration(Entity.BUYER, buyer.company, (("VAT", number),), taxing_region=country),)
