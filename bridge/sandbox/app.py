"""The sandbox as one ASGI application: Login with Amazon, restricted data tokens, Orders v0 and v2026-01-01."""

import asyncio
import hmac
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.sandbox.answers import (
    Answer,
    Call,
    Request,
    SandboxError,
    denied,
    invalid_input,
    no_such_resource,
    not_found,
    parse_query,
    quota_exceeded,
)
from bridge.sandbox.delivery import deliver
from bridge.sandbox.faults import FAULT_HEADER, LWA_OPERATION, Fault, Faults, fault_answer
from bridge.sandbox.lwa import LWA_PATH, LwaEndpoint
from bridge.sandbox.paging import NextTokens
from bridge.sandbox.rdt import RDT_OPERATION, RDT_PATH, create_restricted_data_token, elements_for
from bridge.sandbox.sellers import ORDER_TRACKING
from bridge.sandbox.settings import SandboxSettings
from bridge.sandbox.static_cases import answer_static, is_static
from bridge.sandbox.store import Store
from bridge.sandbox.tokens import Grant, TokenDesk
from bridge.sandbox.usage import STATIC_SANDBOX, UsagePlans
from bridge.sandbox.v0_api import OrdersV0
from bridge.sandbox.v2026_api import GET_ORDER_2026, OrdersV2026

MAX_BODY: Final = 1 << 20
TOKEN_HEADER: Final = "x-amz-access-token"  # noqa: S105 - the name of a header

_OPERATIONS: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = tuple(
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("POST", re.escape(LWA_PATH), LWA_OPERATION),
        ("POST", re.escape(RDT_PATH), RDT_OPERATION),
        ("GET", "/orders/v0/orders", "getOrders"),
        ("GET", "/orders/v0/orders/(?P<orderId>[^/]+)", "getOrder"),
        ("GET", "/orders/v0/orders/(?P<orderId>[^/]+)/buyerInfo", "getOrderBuyerInfo"),
        ("GET", "/orders/v0/orders/(?P<orderId>[^/]+)/address", "getOrderAddress"),
        ("GET", "/orders/v0/orders/(?P<orderId>[^/]+)/orderItems", "getOrderItems"),
        ("GET", "/orders/v0/orders/(?P<orderId>[^/]+)/orderItems/buyerInfo", "getOrderItemsBuyerInfo"),
        ("GET", "/orders/2026-01-01/orders", "searchOrders"),
        ("GET", "/orders/2026-01-01/orders/(?P<orderId>[^/]+)", GET_ORDER_2026),
    )
)
_REGION_HOST: Final = re.compile(r"(?:sandbox\.)?sellingpartnerapi-(na|eu|fe)\.amazon\.com(?::\d+)?")
# The rate is told where the model files declare the header, and on no other status.
_RATED_STATUSES: Final = frozenset({200, 400, 404})


@dataclass(frozen=True, slots=True)
class SandboxCall:
    """One answered request. `query` holds the decoded pairs in their order; tokens and bodies are never kept.

    `operation` is None for a path that no operation has, `selling_partner_id` None when no seller was made out,
    `fault` the name of the fault that was applied.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    operation: str | None
    selling_partner_id: str | None
    fault: str | None = None


class Sandbox:
    """A Selling Partner API of one's own, in memory.

    app: the ASGI 3 application; it answers on every host, and holds a regional Amazon host to its region.
    store: the orders; change them to make things happen.
    faults: what is to go wrong.
    log: what was asked, the newest last.

    `clock` gives unix seconds, `sleep` waits; equal settings, clocks and requests give equal bytes.
    """

    def __init__(
        self,
        settings: SandboxSettings | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings or SandboxSettings()
        self.store = Store(self.settings, clock)
        self.faults = Faults()
        self.log: deque[SandboxCall] = deque(maxlen=self.settings.log_size)
        self._clock = clock
        self._sleep = sleep
        self._key = sha256(f"sandbox key of {self.settings.seed}".encode()).digest()
        self._requests = 0
        self._desk = TokenDesk(self._key, clock, self.settings.access_token_lifetime)
        self._lwa = LwaEndpoint(self.settings.applications, self.settings.sellers, self._desk)
        self._plans = UsagePlans(clock, enforced=self.settings.usage_plans, rate_scale=self.settings.rate_scale)
        next_tokens = NextTokens(self._key, clock, self.settings.next_token_lifetime)
        self._orders = OrdersV0(self.store, next_tokens, clock, items_page_size=self.settings.items_page_size)
        self._orders_2026 = OrdersV2026(
            self.store, next_tokens, clock, datasets_refused=self.settings.datasets_refused
        )
        self._operations = self._orders.operations | self._orders_2026.operations

    @property
    def app(self) -> ASGIApp:
        """The ASGI application: an object, because servers do not take a bound method for one."""
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: a request, or the lifespan of the server."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox serves HTTP, not {scope['type']}")
        http = HttpRequest(scope, receive)
        try:
            body = await _bounded_body(http)
        except ClientDisconnect:
            return
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=parse_query(scope["query_string"]),
            headers={name.lower(): value for name, value in http.headers.items()},
            body=body,
        )
        answer, fault = self._serve(request)
        await deliver(send, answer, fault, self._sleep)

    def _serve(self, request: Request) -> tuple[Answer, Fault | None]:
        self._requests += 1
        request_id = self._request_id()
        operation, order_id = _route(request.method, request.path)
        seller_id: str | None = None
        fault: Fault | None = None
        try:
            if operation is None:
                raise no_such_resource()
            fault = self._fault(operation, request)
            if fault is not None and not fault.of_delivery:
                seller_id = self._desk.owner(request.headers.get(TOKEN_HEADER))
                answer = fault_answer(fault, operation, request_id, self._rate(operation))
            elif operation == LWA_OPERATION:
                answer, seller_id = self._lwa(request, request_id)
            else:
                seller_id = self._desk.owner(request.headers.get(TOKEN_HEADER))
                answer = self._api(operation, order_id, request)
        except SandboxError as error:
            answer = error.answer()
        self.log.append(
            SandboxCall(
                request.method,
                request.path,
                # Whoever puts a secret into the query of a token request must not find it in the log.
                () if operation == LWA_OPERATION else request.query,
                answer.status,
                operation,
                seller_id,
                None if fault is None else fault.name,
            )
        )
        headers = {"x-amzn-RequestId": request_id, **answer.headers}
        if operation not in {None, LWA_OPERATION} and answer.status in _RATED_STATUSES:
            headers.setdefault("x-amzn-RateLimit-Limit", self._rate(str(operation)))
        return Answer(answer.status, answer.body, headers, answer.content_type), fault

    def _api(self, operation: str, order_id: str, request: Request) -> Answer:
        """Token, region, usage plan, and only then the operation itself."""
        if operation in self._orders.operations and self._v0_is_gone():
            raise not_found("Orders v0 does not read orders any more.")
        grant = self._desk.verify(request.headers.get(TOKEN_HEADER))
        seller = grant.seller
        if seller is None or ORDER_TRACKING not in seller.roles:
            raise denied()
        host = _REGION_HOST.fullmatch(request.headers.get("host", ""))
        if host is not None and host[1] != seller.region:
            raise denied()
        parameters = request.parameters()
        if operation == RDT_OPERATION:
            self._take(RDT_OPERATION, grant, seller.selling_partner_id)
            return create_restricted_data_token(self._desk, grant, request)
        # No restricted data token can list a path of v2026, so there it is refused here.
        elements = elements_for(grant, request.method, request.path)
        if order_id:
            parameters["orderId"] = order_id
        static = is_static(operation, parameters)
        self._take(STATIC_SANDBOX if static else operation, grant, seller.selling_partner_id)
        if request.body:
            raise invalid_input("A GET request must not have a body.")
        if static:
            return answer_static(operation, parameters)
        return self._operations[operation](Call(seller, parameters, elements, order_id))

    def _v0_is_gone(self) -> bool:
        until = self.settings.v0_until
        return until is not None and self._clock() >= until.timestamp()

    def _take(self, plan: str, grant: Grant, seller_id: str) -> None:
        if not self._plans.take(plan, grant.client_id, seller_id):
            raise quota_exceeded()

    def _fault(self, operation: str, request: Request) -> Fault | None:
        try:
            return self.faults.take(operation, request.headers.get(FAULT_HEADER))
        except ValueError as error:
            raise invalid_input(f"{FAULT_HEADER}: {error}") from None

    def _rate(self, operation: str) -> str:
        return "" if operation == LWA_OPERATION else f"{self._plans.rate(operation):g}"

    def _request_id(self) -> str:
        digest = hmac.new(self._key, f"request {self._requests}".encode(), sha256).digest()
        return str(UUID(bytes=digest[:16]))


def _route(method: str, path: str) -> tuple[str | None, str]:
    """Return the operation and the order id of its path."""
    for verb, pattern, operation in _OPERATIONS:
        match = pattern.fullmatch(path)
        if verb == method and match is not None:
            return operation, match.groupdict().get("orderId", "")
    return None, ""


async def _bounded_body(http: HttpRequest) -> bytes:
    """Read the body; what goes beyond the limit is thrown away, and so fails as damaged."""
    body = bytearray()
    async for chunk in http.stream():
        body += chunk[: MAX_BODY - len(body)]
    return bytes(body)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
