"""Signature: parse, canonicalise and verify one ListOrders request."""

from datetime import UTC, datetime

from bridge.cli.signing import Account, sign_request
from mws_compat import signature
from mws_compat.query import HttpRequest, parse_call
from tests.bench import naive
from tests.bench.measure import interleave, report

SECRET = "bench/secret+key"
HOST = "bridge.example"
PATH = "/Orders/2013-09-01"


def signed_query() -> str:
    parameters = {
        "CreatedAfter": "2026-11-13T10:58:01.000Z",
        "MarketplaceId.Id.1": "ATVPDKIKX0DER",
        "MarketplaceId.Id.2": "A2EUQ1WTGCTBG2",
        "OrderStatus.Status.1": "Unshipped",
        "OrderStatus.Status.2": "PartiallyShipped",
    }
    account = Account("AKIABENCH00000000001", SECRET, "A1BENCHSELLER")
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return sign_request(f"https://{HOST}", "ListOrders", parameters, account, now=now).body


def main() -> None:
    query = signed_query()
    raw = query.encode()

    def ours() -> None:
        call = parse_call(HttpRequest("POST", PATH, b"", raw, HOST))
        signature.verify(
            call.parameters,
            secret=SECRET,
            method="POST",
            path=PATH,
            hosts=signature.hosts_to_try(HOST, signature.AMAZON_HOSTS),
            pairs=call.values.items(),
            canonical=call.canonical,
        )

    def plain() -> None:
        assert naive.verify("POST", HOST, PATH, query, SECRET)

    print(f"signature: {query.count('=')} parameters, {len(query)} bytes")
    peer, mine = "urllib + hmac, written plainly", "parse_call + signature.verify"
    variants = {mine: ours, peer: plain}
    report("verifying a request", interleave(variants, rounds=21, repeat=2000), ours=mine, peer=peer, wanted=1.5)
