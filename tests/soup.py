"""Orders put together of elements in any order and number: known and unknown, repeated, nested, empty, with
attributes and prefixes, not well-formed, and with text between them. For tests of the short way, which puts together
what it knows of each element."""

from random import Random

__all__ = ["ELEMENTS", "soup"]

#: ``{}`` is a value.
ELEMENTS = [
    "<AmazonOrderId>{}</AmazonOrderId>",
    "<OrderStatus>{}</OrderStatus>",
    "<OrderStatus>{}</OrderStatus >",
    "<BuyerName>{}</BuyerName>",
    "<BuyerName/>",
    "<BuyerName />",
    "<BuyerName></BuyerName>",
    '<BuyerName a="1">{}</BuyerName>',
    '<BuyerName\na="1" b="2">{}</BuyerName>',
    "<BuyerName><First>{}</First></BuyerName>",
    "<BuyerEmail>{}</BuyerEmail>",
    "<PurchaseDate>2015-01-30T01:02:03Z</PurchaseDate>",
    "<IsPrime>true</IsPrime>",
    "<IsPrime>{}</IsPrime>",
    "<IsReplacementOrder>false</IsReplacementOrder>",
    "<NumberOfItemsShipped>1</NumberOfItemsShipped>",
    "<OrderTotal><CurrencyCode>USD</CurrencyCode><Amount>12.30</Amount></OrderTotal>",
    "<OrderTotal><Amount>{}</Amount><Amount>1</Amount></OrderTotal>",
    "<OrderTotal/>",
    "<OrderTotal>{}</OrderTotal>",
    "<ShippingAddress><Name>{}</Name><County/></ShippingAddress>",
    "<ShippingAddress>\n<Name>{}</Name> <New a='1'/></ShippingAddress>",
    "<ShippingAddress b='2'><Name>{}</Name><City>{}</City></ShippingAddress>",
    "<ShippingAddress><ShippingAddress>{}</ShippingAddress></ShippingAddress>",
    "<ShippingAddress></ShippingAddress>",
    "<PaymentMethodDetails><PaymentMethodDetail>{}</PaymentMethodDetail></PaymentMethodDetails>",
    "<PaymentMethodDetails><PaymentMethodDetail/><PaymentMethodDetail>{}</PaymentMethodDetail><X/></PaymentMethodDetails>",
    "<PaymentMethodDetails/>",
    "<TFMShipmentStatus>{}</TFMShipmentStatus>",
    "<CbaDisplayableShippingLabel>{}</CbaDisplayableShippingLabel>",
    "<New>{}</New>",
    "<New/>",
    "<New><New>{}</New><New/></New>",
    "<New><Deep>{}</Deep><Deep><Order>{}</Order></Deep></New>",
    "<New c='3'>{}</New>",
    "<Other><BuyerName>{}</BuyerName></Other>",
    "<Other>{}<A/>{}</Other>",
    "<Order><BuyerName>{}</BuyerName></Order>",
    "<Order/>",
]  # fmt: skip
#: What the short way must leave alone.
_ODD = [
    "<p:BuyerName>{}</p:BuyerName>",
    "<Unmapped xmlns='urn:mws-bridge'>{{}}</Unmapped>",
    "<BuyerName>",
    "</BuyerName>",
    "</Order><Order>",
    "<Order>",
    "<New>",
    "</Order>",
    "<A><B></A></B>",
    "<ListOrdersResponse/>",
    "<!-- c -->",
    "stray",
    "&amp;",
]
_VALUES = ["Ann", "é東😀", 'q"b\\', "a&amp;b&lt;", "", "100%", " ", " a ", "12", "007", "x\ty"]


def soup(dice: Random, *, odd: float = 0.0, prefix: str = "") -> bytes:
    """An order as a block, of up to eight elements. ``odd`` is how many of these are none that the short way takes;
    with a ``prefix`` all tags have it."""
    parts = []
    for _ in range(dice.randrange(1, 9)):
        element = dice.choice(_ODD if dice.random() < odd else ELEMENTS)
        parts.append(element.format(*dice.choices(_VALUES, k=2)))
        parts.append(dice.choice(["", "\n  ", " "]))
    block = f"<Order>{''.join(parts)}</Order>"
    if prefix:
        block = block.replace("<", f"<{prefix}:").replace(f"<{prefix}:/", f"</{prefix}:")
    return block.encode()
