"""The cases of fixtures/orders: an SP-API answer of Orders v0 and the MWS document that the bridge makes of it."""

import json
from pathlib import Path
from typing import Any

from bridge.mapping import orders_v0 as v0
from mws_compat.orders import LATEST_VERSION, OPERATIONS, SECTION, namespace_of
from mws_compat.schema import Record
from mws_compat.writer import render_response

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "orders"
NAMES = sorted(path.stem for path in (FOLDER / "v0").glob("*.json"))
REQUEST_ID = "00000000-0000-4000-8000-000000000000"


def answer(name: str) -> Any:
    """The JSON of a case."""
    return json.loads((FOLDER / "v0" / f"{name}.json").read_text(encoding="utf-8"))


def document(name: str) -> bytes:
    """The XML of a case."""
    return (FOLDER / "mws" / f"{name}.xml").read_bytes()


def operation_of(answered: Any) -> str:
    """Which operation a v0 answer belongs to."""
    payload = answered["payload"]
    return "ListOrders" if "Orders" in payload else "ListOrderItems" if "OrderItems" in payload else "GetOrder"


def result_of(answered: Any) -> Record:
    """The result record of a v0 answer: what a handler makes of it, tokens unsealed."""
    match operation_of(answered):
        case "ListOrders":
            page = v0.read_order_page(answered)
            head = {
                "NextToken": page.next_token,
                "CreatedBefore": page.created_before,
                "LastUpdatedBefore": page.last_updated_before,
            }
            return {**{name: text for name, text in head.items() if text}, "Orders": list(page.orders)}
        case "ListOrderItems":
            items = v0.read_item_page(answered)
            token: Record = {"NextToken": items.next_token} if items.next_token else {}
            return {**token, "AmazonOrderId": items.order_id, "OrderItems": list(items.items)}
        case _:
            return {"Orders": [v0.read_order(answered)]}


def rendered(answered: Any) -> bytes:
    """The document that the bridge makes of a v0 answer."""
    return render_response(
        OPERATIONS[operation_of(answered)],
        result_of(answered),
        namespace=namespace_of(SECTION, LATEST_VERSION),
        request_id=REQUEST_ID,
    )
