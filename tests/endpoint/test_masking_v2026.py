"""Masked payloads of Orders v2026-01-01: they make exactly the masked answers, and nobody is left in them."""

from functools import cache

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.endpoint.masking import PERSONAL_QUERY, kept_payload, kept_query, masked_answer
from bridge.endpoint.personal import is_personal, masked_text, placeholder
from bridge.mapping import calls_v2026 as v2026
from bridge.mapping.links import Link
from bridge.mapping.orders_v2026 import ITEM_MAP, ORDER_MAP
from bridge.mapping.rows import MappingError
from bridge.mapping.words_v2026 import EASY_SHIP, STATUSES
from bridge.sandbox import DEMO_SELLERS, SandboxSettings
from mws_compat.orders import OPERATIONS, namespace_of
from mws_compat.schema import DECIMAL, TEXT, ListOf, Struct
from mws_compat.writer import render_response
from tests.examples import examples
from tests.sandbox.model import load_model
from tests.support import NOW, Bridge

NAMESPACE = namespace_of("Orders", "2013-09-01")


def masked(answer):
    """An answer of searchOrders or getOrder, masked; both are masked alike."""
    found = kept_payload("getOrder2026", answer, masked=True)
    assert found == kept_payload("searchOrders", answer, masked=True)
    return found


def results(answer):
    """What the operations make of an answer: operation → result record."""
    if "order" not in answer:
        return {
            "ListOrders": {"Orders": [v2026.read_order(order) for order in v2026.read_search_page(answer).orders]}
        }
    order = v2026.read_found_order(answer)
    return {
        "GetOrder": {"Orders": [v2026.read_order(order)]},
        "ListOrderItems": {"AmazonOrderId": v2026.order_id_of(order), "OrderItems": v2026.read_items(order)},
    }


def rendered(answer):
    """The answers that the mapping makes of a payload, or what it refuses it for."""
    try:
        found = results(answer)
    except MappingError as error:
        return str(error)
    return [
        render_response(OPERATIONS[action], result, namespace=NAMESPACE, request_id="1")
        for action, result in found.items()
    ]


def assert_the_same(answer):
    """The promise."""
    plain = rendered(answer)
    expected = plain if isinstance(plain, str) else [masked_answer(body) for body in plain]
    assert rendered(masked(answer)) == expected


# --- the sandbox ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seller", DEMO_SELLERS, ids=lambda seller: seller.selling_partner_id)
@pytest.mark.long
async def test_for_every_order_of_the_sandbox(seller):
    """Masking what is mapped and mapping what is masked are the same, for every order and item of every seller, with
    the roles that the sellers have, and nothing personal of them is left."""
    bridge = Bridge(sandbox=SandboxSettings(orders=240, anchor=NOW, usage_plans=False), version="v2026-01-01")
    contents = []
    send = bridge.upstream.inner.handle_async_request

    async def watched(request):
        answer = await send(request)
        await answer.aread()
        if request.url.path.startswith(v2026.LIST_PATH) and answer.status_code == 200:
            contents.append(orjson.loads(answer.content))
        return answer

    bridge.upstream.inner.handle_async_request = watched
    ids = {f"MarketplaceId.Id.{n}": id_ for n, id_ in enumerate(seller.marketplace_ids, 1)}
    listing = {"CreatedAfter": "2013-09-01T00:00:00Z", "MaxResultsPerPage": "100", **ids}
    await bridge.pages(listing, seller=seller.selling_partner_id)
    orders = 0
    for answer in contents:
        assert_the_same(answer)
        for order in answer["orders"]:
            orders += 1
            assert_the_same({"order": order})
            left = orjson.dumps(masked({"order": order})).decode()
            for name, text in personal_texts(order):
                assert text not in left, name
    assert orders >= 15


#: Members whose texts are words, which may stand elsewhere too.
WORDS = {"entityType", "taxRegistrationType", "addressType"}


def personal_texts(order):
    """The texts of the members that tell of people, long enough to be told from everything else."""
    waiting = [(name, order.get(name)) for name in ("buyer", "recipient")]
    waiting += [
        ("tax", one) for one in order.get("tax", {}).get("taxRegistrations", ()) if one["entityType"] == "BUYER"
    ]
    for item in order["orderItems"]:
        waiting.append(("gift", item.get("fulfillment", {}).get("packing", {}).get("giftOption")))
        waiting.append(("url", item["product"].get("customization")))
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}.{inner}", one) for inner, one in value.items() if inner not in WORDS]
        elif isinstance(value, str) and len(value) > 5 and value.strip("0-./, x"):
            yield name, value


# --- any payload ----------------------------------------------------------------------------------------------------

TEXTS = ["Jane", "Jane 1", "J\xe4ne\u3000\u4e2d \x01\x0b", "", "4711", "jane@example.com", "JANE_DOE", "a&<b>"]
#: Members by name → what they may be, beside what anything may be.
WORDS_OF = {
    "aliasType": ["SELLER_ORDER_ID", "OTHER"],
    "associationType": ["REPLACEMENT_ORIGINAL_ID", "EXCHANGE_ORIGINAL_ID", "REPLACEMENT_NEW_ID"],
    "channelName": ["AMAZON", "NON_AMAZON"],
    "marketplaceId": ["A1VC38T7YXB528", "ATVPDKIKX0DER"],
    "programs": ["AMAZON_EASY_SHIP", "PRIME", "AMAZON_BUSINESS", "PREORDER", "TRANSPARENCY", "PREMIUM", "UNHEARD_OF"],
    "addressType": ["PICKUP_POINT", "RESIDENTIAL", "COMMERCIAL", "OTHER"],
    "countryCode": ["US", "JP", "BR", "DE"],
    "paymentMethod": ["CashOnDelivery", "ConvenienceStore", "GiftCard", "PointsAccount", "Pix"],
    "entityType": ["BUYER", "SELLER", "MARKETPLACE"],
    "taxRegistrationType": ["VAT", "CST", "CPF", "BUSINESS"],
    "fulfillmentStatus": [*STATUSES],
    "fulfilledBy": ["MERCHANT", "AMAZON"],
    "fulfillmentServiceLevel": ["STANDARD", "NEXT_DAY"],
    "type": ["ITEM", "SHIPPING", "GIFT_WRAP", "TAX", "DISCOUNT", "COD_FEE", "OTHER"],
    "subtype": ["ITEM", "SHIPPING", "GIFT_WRAP", "DISCOUNT", "COD_FEE", "OTHER"],
    "requester": ["BUYER", "SELLER"],
    "requirementType": ["REQUIRED", "NOT_REQUIRED"],
    "detailedStatus": [*EASY_SHIP],
    "conditionType": ["NEW", "USED"],
    "priceDesignation": ["BUSINESS_PRICE"],
    "model": ["MARKETPLACE_FACILITATOR"],
    "amount": ["0.00", "12.30", "-2.00", "1507", " 5 ", "NaN"],
    "currencyCode": ["USD", "JPY"],
}
DATES = ["2026-11-01T09:08:07.123Z", "2026-11-01T09:08:07+09:00", "2026-13-01", "2026-11-01"]
#: What stands where something else is expected.
STRANGE = st.sampled_from(
    [None, True, 4711, 1.5, "Jane", "-12345678901234567890", {}, [], {"Note": "Jane 1"}, ["Jane"], [{"Name": 17}]]
)


def any_of(schema, name):
    """Values of a schema of Amazon's model, nearly always of its kind."""
    definitions = load_model("orders_2026-01-01.json")["definitions"]
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        return st.lists(any_of(schema["items"], name), max_size=2)
    if "properties" in schema:
        members = {inner: any_of(one, inner) for inner, one in schema["properties"].items()}
        return oddly(some_of({**members, "note": st.sampled_from(TEXTS)}))
    if schema["type"] == "string":
        of_its_own = DATES if schema.get("format") == "date-time" else WORDS_OF.get(name, schema.get("enum", TEXTS))
        return oddly(st.sampled_from(of_its_own) | st.sampled_from(TEXTS))
    return oddly(st.sampled_from([0, 1, 2, 3, 30, -2, "3", " 4 "]))


@st.composite
def some_of(draw, members):
    """Objects that have most of some members."""
    left_out = draw(st.integers(0, 7))
    return {
        name: draw(value)
        for place, (name, value) in enumerate(members.items())
        if (place + left_out) % 8 or not left_out
    }


def oddly(values):
    """``values``, with something strange now and then."""
    return st.integers(0, 250).flatmap(lambda number: STRANGE if number == 137 else values)


@cache
def orders():
    definition = load_model("orders_2026-01-01.json")["definitions"]["Order"]
    return any_of(definition, "").map(
        lambda order: {**order, "orderId": "123-1234567-1234567"} if isinstance(order, dict) else order
    )


@examples(30)
@given(data=st.data(), listed=st.booleans())
@pytest.mark.long
def test_for_any_payload(data, listed):
    """The same for orders of any shape, words that nobody has heard of and values of another kind: what maps, maps to
    the masked answer, and what does not is refused in the same words."""
    order = data.draw(orders())
    answer = (
        {"orders": [order, {"orderId": "1"}], "createdBefore": "2026-11-01T00:00:00Z"} if listed else {"order": order}
    )
    assert_the_same(answer)
    once = masked(answer)
    assert masked(once) == once


# --- what stays -----------------------------------------------------------------------------------------------------

#: Of all members of Amazon's model, those whose texts stay whatever they say.
STAYING = {
    "orderId",
    "orderAliases[].aliasId",
    "associatedOrders[].orderId",
    "salesChannel.marketplaceId",
    "salesChannel.marketplaceName",
    "recipient.deliveryAddress.countryCode",
    "proceeds.grandTotal.currencyCode",
    "payment.paymentExecutions[].paymentMethod",
    "payment.paymentExecutions[].paymentAmount.currencyCode",
    "fulfillment.fulfillmentStatus",
    "fulfillment.fulfilledBy",
    "fulfillment.fulfillmentServiceLevel",
    "packages[].packageStatus.detailedStatus",
    *(
        f"orderItems[].{name}"
        for name in (
            "orderItemId",
            "product.asin",
            "product.title",
            "product.sellerSku",
            "product.condition.conditionType",
            "product.condition.conditionSubtype",
            "product.condition.conditionNote",
            "product.price.unitPrice.currencyCode",
            "product.price.priceDesignation",
            "proceeds.proceedsTotal.currencyCode",
            "proceeds.breakdowns[].subtotal.currencyCode",
            "proceeds.breakdowns[].detailedBreakdowns[].value.currencyCode",
            "expense.pointsCost.pointsGranted.pointsMonetaryValue.currencyCode",
            "promotion.breakdowns[].promotionId",
            "cancellation.cancellationRequest.cancelReason",
            "fulfillment.shipping.scheduledDeliveryWindow.earliestDateTime",
            "fulfillment.shipping.scheduledDeliveryWindow.latestDateTime",
            "tax.taxCollections[].model",
            "tax.taxCollections[].responsibleParty",
        )
    ),
}
#: Words by which a member of an array is picked: each gets a member.
PICKED_BY = {
    "orderAliases": ("aliasType", ["SELLER_ORDER_ID"]),
    "associatedOrders": ("associationType", ["REPLACEMENT_ORIGINAL_ID"]),
    "taxRegistrations": ("entityType", ["BUYER", "SELLER"]),
    "breakdowns": ("type", ["ITEM", "SHIPPING", "TAX", "DISCOUNT", "COD_FEE", "GIFT_WRAP"]),
    "detailedBreakdowns": ("subtype", ["ITEM", "SHIPPING", "DISCOUNT", "COD_FEE", "GIFT_WRAP"]),
}


def marked(schema, path, name, texts):
    """An object of the model in which every text is a marker, kept in ``texts``: marker → path."""
    definitions = load_model("orders_2026-01-01.json")["definitions"]
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        key, words = PICKED_BY.get(name, ("", [""]))
        members = [marked(schema["items"], f"{path}[]", "", texts) for _ in words]
        return [
            {**member, key: word} if isinstance(member, dict) and key else member
            for member, word in zip(members, words, strict=True)
        ]
    if "properties" in schema:
        return {
            inner: marked(one, f"{path}.{inner}" if path else inner, inner, texts)
            for inner, one in [*schema["properties"].items(), ("unheardOf", {"type": "string"})]
        }
    if schema["type"] != "string":
        return 7
    marker = f"Canary-{len(texts):04}"
    texts[marker] = path
    return marker


@pytest.mark.parametrize("whole", [True, False], ids=["order", "listing"])
def test_nothing_else_stays(whole):
    """With a marker in every text of Amazon's model and in a member of every object that the model does not have,
    only those of a list remain, none of which tells of a person; no canary of the others survives anywhere."""
    texts = {}
    order = marked(load_model("orders_2026-01-01.json")["definitions"]["Order"], "", "", texts)
    answer = (
        {"order": order} if whole else {"orders": [order], "pagination": {"nextToken": "Canary", "other": "Canary"}}
    )
    answer = {**answer, "unheardOf": {"Canary": "Canary"}}
    left = orjson.dumps(masked(answer)).decode()
    assert {path for marker, path in texts.items() if marker in left} == STAYING
    assert len(texts) > 150
    for marker in texts:
        left = left.replace(f'"{marker}"', "")
    assert left.count("Canary") == 1  # the name of a member: names stay


def test_a_word_stays_only_as_a_word():
    """Where a word decides about an element, anything else is masked: a name among the programmes, for example."""
    order = {
        "programs": ["PRIME", "Jane", 4711, "4711"],
        "salesChannel": {"channelName": "Jane"},
        "orderAliases": [
            {"aliasType": "Jane", "aliasId": "Jane"},
            {"aliasType": "SELLER_ORDER_ID", "aliasId": "J-1"},
        ],
    }
    assert masked({"order": order})["order"] == {
        "programs": ["PRIME", "xxxx", "0000", "0000"],
        "salesChannel": {"channelName": "xxxx"},
        "orderAliases": [
            {"aliasType": "xxxx", "aliasId": "xxxx"},
            {"aliasType": "SELLER_ORDER_ID", "aliasId": "J-1"},
        ],
    }


def test_words_are_masked_as_they_are_written():
    """A personal word that MWS wrote otherwise is masked in MWS's length; a pickup point stays: IsAccessPointOrder
    tells everybody of it."""
    registrations = [{"entityType": "BUYER", "taxRegistrationType": word} for word in ("VAT", "CPF")]
    order = {
        "orderId": "1",
        "recipient": {"deliveryAddress": {"addressType": "RESIDENTIAL", "countryCode": "US"}},
        "tax": {"taxRegistrations": registrations},
    }
    found = masked({"order": order})["order"]
    assert [one["taxRegistrationType"] for one in found["tax"]["taxRegistrations"]] == [
        masked_text("VATNumber"),
        "xxx",
    ]
    assert found["recipient"] == {"deliveryAddress": {"addressType": masked_text("Residential"), "countryCode": "US"}}
    order["recipient"]["deliveryAddress"]["addressType"] = "PICKUP_POINT"
    assert_the_same({"order": order})
    assert masked({"order": order})["order"]["recipient"]["deliveryAddress"]["addressType"] == "PICKUP_POINT"


def test_what_is_masked_is_text_or_an_amount():
    """Every element that a link reads and that is personal is text or an amount, and none is told by a flag: of other
    kinds the masked JSON might not map to the masked text."""

    def check(table, *, whole):
        fields = {field.name: field for field in table.struct.fields}
        for row in table.rows:
            if isinstance(row, Link):
                field = fields[row.mws]
                hidden = whole or is_personal(table.struct, field)
                kind = field.kind.of if isinstance(field.kind, ListOf) else field.kind
                if row.via is not None:
                    check(row.via, whole=hidden)
                elif hidden and not isinstance(kind, Struct):
                    assert kind in {TEXT, DECIMAL}, row.mws

    check(ORDER_MAP, whole=False)
    check(ITEM_MAP, whole=False)


# --- tokens, other documents ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [True, False], ids=["mask", "keep"])
def test_tokens_and_what_nobody_knows(hidden):
    """In any recording a token is replaced, in the answer and in the query alike, and what stands beside the orders
    is masked; kept, the orders are as they came."""
    order = {"orderId": "1", "buyer": {"buyerName": "Jane"}, "note": "Jane"}
    answer = {
        "orders": [order],
        "pagination": {"nextToken": "secret==", "previousToken": "secret"},
        "createdBefore": "2026-11-01T00:00:00Z",
        "debug": {"token": "secret"},
    }
    kept = kept_payload("searchOrders", answer, masked=hidden)
    assert kept["pagination"] == {"nextToken": placeholder("secret=="), "previousToken": "xxxxxx"}
    assert kept["debug"] == {"token": "xxxxxx"}
    assert kept["createdBefore"] == "2026-11-01T00:00:00Z"
    assert (kept["orders"] == [order]) is not hidden
    query = [("paginationToken", "secret=="), ("createdAfter", "2026-11-01T00:00:00Z"), ("includedData", "BUYER")]
    assert kept_query(query, masked=hidden) == [("paginationToken", placeholder("secret==")), *query[1:]]
    assert {"BuyerEmail"} == PERSONAL_QUERY


@pytest.mark.parametrize("token", [None, "", {"a": "Jane"}, ["Jane"], 4711])
def test_tokens_that_are_none(token):
    """An empty token stays that; one of another type is masked."""
    kept = kept_payload("searchOrders", {"orders": [], "pagination": {"nextToken": token}}, masked=False)
    found = kept["pagination"]["nextToken"]
    assert found == token if token in (None, "") else "Jane" not in str(found) and "4711" not in str(found)


@pytest.mark.parametrize(
    "answer",
    [
        {"order": ["Jane"]},
        {"orders": {"order": {"orderId": "Jane"}}},
        {"orders": ["Jane", ["Jane"], 4711]},
        {"errors": [{"message": "Jane"}]},
        {"payload": {"Orders": [{"BuyerInfo": {"BuyerName": "Jane"}}]}},
        {"orders": [], "pagination": "Jane", "createdBefore": {"a": "Jane"}},
    ],
)
def test_documents_of_another_shape_are_masked(answer):
    """A document that is not what it should be is masked throughout."""
    found = orjson.dumps(masked(answer))
    assert b"Jane" not in found
    assert b"4711" not in found
    assert masked(answer).keys() == answer.keys()


def test_an_operation_that_nobody_knows_is_masked():
    """So is all that an operation answers which brings no orders."""
    assert kept_payload("getReports", {"order": {"orderId": "Jane"}}, masked=False) == {"order": {"orderId": "xxxx"}}
