"""From bytes to a Call and its arguments: the cases of fixtures/calls, and that nothing but MwsError escapes."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mws_compat.errors import INVALID_ADDRESS, MwsError
from mws_compat.orders import OPERATIONS
from mws_compat.query import (
    MAX_PARAMETERS,
    Address,
    Call,
    HttpRequest,
    parse_call,
    plain_name,
    refusal,
    resolve_address,
)
from mws_compat.validation import Arguments, check

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "calls"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())

NOW = datetime(2020, 6, 1, 12, tzinfo=UTC)


def plain(arguments: Arguments) -> dict[str, object]:
    """Arguments as the case files write them."""

    def one(value: object) -> object:
        if isinstance(value, datetime):
            assert value.utcoffset() is not None
            return {"instant": value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"}
        return list(value) if isinstance(value, tuple) else value

    return {name: one(value) for name, value in arguments.items()}


def run(case: dict) -> dict:
    """What becomes of a case's request, in the words of the case files."""
    latin = {key: case[key].encode("latin-1") for key in ("query", "body")}
    stage = "parse"
    try:
        call = parse_call(HttpRequest(case["method"], case["path"], host="h", **latin))
        stage = "address"
        address = resolve_address(call)
        stage = "check"
        arguments = check(
            address.operation, call.parameters, now=NOW, strict_status_pair=case.get("strict_status_pair", False)
        )
    except MwsError as error:
        return {
            "error": {
                "stage": stage,
                "code": error.fault.code,
                "status": error.fault.status,
                "id_element": error.fault.id_element,
                "message": error.message,
                "faults": list(error.faults),
            }
        }
    return {
        "parameters": call.parameters,
        "address": [address.section, address.version, address.operation.name],
        "arguments": plain(arguments),
    }


@each_case
def test_case(case: dict) -> None:
    """The request gives the case's parameters, address and arguments, or its error and no other."""
    wanted = case["expect"]
    got = run(case)
    if "error" in wanted:
        assert {key: got["error"][key] for key in wanted["error"]} == wanted["error"]
        assert not got["error"]["faults"] or got["error"]["faults"][0] == got["error"]["message"]
    else:
        assert {key: got.get(key, got) for key in wanted} == wanted


def test_every_operation_has_cases() -> None:
    """At least sixty cases, and each operation is both answered and, where it takes parameters, refused."""
    assert len(CASES) >= 60
    answered = {case["expect"]["address"][2] for case in CASES.values() if "address" in case["expect"]}
    assert answered == set(OPERATIONS)
    refused = {run(case)["error"]["stage"] for case in CASES.values() if "error" in case["expect"]}
    assert refused == {"parse", "address", "check"}


def test_every_parameter_of_the_table_is_exercised() -> None:
    """Each parameter of each operation occurs in some case's arguments."""
    seen = {
        (case["expect"]["address"][2], name)
        for case in CASES.values()
        for name in case["expect"].get("arguments", {})
    }
    assert seen >= {
        (operation.name, parameter.name) for operation in OPERATIONS.values() for parameter in operation.parameters
    }


def call_of(query: bytes = b"", body: bytes = b"", method: str = "GET", path: str = "/") -> Call:
    return parse_call(HttpRequest(method, path, query, body, "h"))


def test_call_keeps_values() -> None:
    """URL and body are read as one, without empty pieces; values keep empty ones, parameters do not."""
    call = parse_call(HttpRequest("POST", "/p", b"&b=%31&&a", b"c=+&b=1&", "Host:1"))
    assert call == Call(
        method="POST",
        path="/p",
        host="Host:1",
        values={"b": "1", "a": "", "c": " "},
        parameters={"b": "1", "c": " "},
        canonical=None,
    )


@pytest.mark.parametrize(
    ("method", "path", "query", "ping"),
    [
        ("GET", "/", b"", True),
        ("GET", "", b"", True),
        ("GET", "/", b"&&", True),
        ("POST", "/", b"", False),
        ("GET", "/", b"a=", False),
        ("GET", "//", b"", False),
        ("GET", "/Orders", b"", False),
    ],
)
def test_ping(method: str, path: str, query: bytes, *, ping: bool) -> None:
    """Only a bare GET of the root is the ping."""
    assert call_of(query, method=method, path=path).is_ping is ping


def test_repr_shows_no_value() -> None:
    """A Call's repr names the parameters and shows none of their values but the action's."""
    call = call_of(b"Action=ListOrders&Signature=secret&BuyerEmail=jane&x=")
    assert repr(call) == "Call(GET / Action='ListOrders' names=['Action', 'BuyerEmail', 'Signature'])"


def test_repr_shows_no_value_in_a_names_place() -> None:
    """What a client escapes wrongly gets into names, action and path: there it is not shown either."""
    call = call_of(b"Action=ListOrders%26BuyerEmail=jane@x&SellerId%3Djane@x=&jane@x=1&jane@y=1", path="/jane@x")
    call = call._replace(method="jane@x")
    none = "(not a plain name)"
    assert repr(call) == f"Call({none} {none} Action='{none}' names=['{none}', 'Action'])"
    request = HttpRequest("jane@x", "/jane@x", b"jane=x", b"jane=xy", "jane")
    assert repr(request) == f"HttpRequest({none} 6 and 7 bytes)"


@pytest.mark.parametrize(
    "frozen", [call_of(), HttpRequest("GET", "/", b"", b"", ""), Address("S", "V", OPERATIONS["GetOrder"])]
)
def test_values_are_frozen(frozen: object) -> None:
    """What was read of a request cannot be changed on its way through."""
    for name in type(frozen)._fields:
        with pytest.raises(AttributeError):
            setattr(frozen, name, "x")
    with pytest.raises((AttributeError, TypeError)):
        frozen.other = 1


def test_limits_are_the_documented_ones() -> None:
    """A thousand parameters, counted as sent."""
    assert MAX_PARAMETERS == 1000
    assert len(call_of(b"&".join(b"%d=" % n for n in range(1000))).values) == 1000
    assert len(call_of(b"&".join(b"%d=" % n for n in range(1000)) + b"&&").values) == 1000
    assert len(call_of(b"&" * 5000).values) == 0


@pytest.mark.parametrize("name", ["a\tb", "\u200b", "n" * 65])
def test_unfit_names_are_not_repeated(name: str) -> None:
    """A name that is long or unprintable is not echoed in a message."""
    with pytest.raises(MwsError, match=r"Parameter \(unprintable name\) was sent more than once"):
        call_of(f"{name}=1&{name}=2".encode())


def test_name_of_64_is_repeated() -> None:
    """Sixty-four characters are still shown."""
    with pytest.raises(MwsError, match=f"Parameter {'n' * 64} was"):
        call_of(f"{'n' * 64}=1&{'n' * 64}=2".encode())


@pytest.mark.parametrize(
    "name",
    [
        *("", "ListOrders", "MarketplaceId.Id.1", "2013-09-01", "/Orders/2013-09-01", "x_y", "jane.doe", "n" * 64),
        *{parameter.name for operation in OPERATIONS.values() for parameter in operation.parameters},
    ],
)
def test_plain_names(name: str) -> None:
    """What is written like the names of MWS is told as it is."""
    assert plain_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("jane@x", "a b", "a&b=c", "a%20b", "/a?b", "a,b", "(x)", "ä", "a\n", "\n", "'", "a+b", "n" * 65),
        *(".", "..", ".a", "a.", "a..b", "Id.1.", "/../x..y"),
    ],
)
def test_what_is_no_plain_name(name: str) -> None:
    """Everything else may be a value: the operator is told that it is no name."""
    assert plain_name(name) == "(not a plain name)"


def test_a_refusal_says_less_to_the_operator() -> None:
    """The caller reads its own words again, the operator plain names only; braces in them mean nothing."""
    error = refusal(INVALID_ADDRESS, "{} of {} or {}.", "a b", "List.Foo", "{0}\t")
    assert error.fault is INVALID_ADDRESS
    assert error.message == "a b of List.Foo or (unprintable name)."
    assert error.reason == "(not a plain name) of List.Foo or (not a plain name)."


@given(st.text(max_size=80))
def test_operators_read_letters_that_names_have(name: str) -> None:
    """Whatever was written, no letter reaches the operator that a name of MWS cannot have."""
    told = plain_name(name)
    assert told in {name, "(not a plain name)"}
    assert told != name or re.fullmatch(r"[A-Za-z0-9_./-]{0,64}", name)


def test_errors_hide_their_cause() -> None:
    """The decoding error, which holds the bytes, is not chained to what may be logged."""
    with pytest.raises(MwsError) as caught:
        call_of(b"BuyerEmail=jane%FF")
    assert caught.value.__suppress_context__
    assert "jane" not in str(caught.value)


_WORDS = (
    b"Action = & % %2 %00 %FF + ListOrders GetServiceStatus NextToken \xff CreatedAfter 2020-01-01 "
    b"MarketplaceId.Id.1 A 9999-12-31T23:59:60-01:00 \0 ; OrderStatus.Status. 10 MaxResultsPerPage 99999999999 "
    b"Signature \xc3\xa9 ? =&Action="
)
chunk = st.sampled_from([*_WORDS.split(b" "), b" ", b"a" * 70])
grammar = st.lists(chunk, max_size=24).map(b"".join)
any_path = st.text(max_size=20) | st.sampled_from(
    ["/", "/Orders/2013-09-01", "/Orders/2011-01-01/", "/Orders", "/X/2013-09-01"]
)


def survives(query: bytes, body: bytes, path: str) -> None:
    try:
        call = parse_call(HttpRequest("POST", path, query, body, "h"))
        assert isinstance(call, Call)
        address = resolve_address(call)
        assert isinstance(address, Address)
        assert isinstance(check(address.operation, call.parameters, now=NOW, strict_status_pair=True), dict)
    except MwsError as error:
        status = error.fault.status
    else:
        status = 400
    assert 400 <= status < 500


@given(st.binary(max_size=200), st.binary(max_size=200), any_path)
def test_any_bytes(query: bytes, body: bytes, path: str) -> None:
    """Whatever the bytes: a Call, an Address and Arguments, or an MwsError of the 4xx kind, and nothing else."""
    survives(query, body, path)


@given(grammar, grammar, any_path)
def test_any_nearly_right_request(query: bytes, body: bytes, path: str) -> None:
    """The same for requests made of the right words in the wrong order."""
    survives(query, body, path)


@given(st.dictionaries(st.text(max_size=8), st.text(min_size=1, max_size=8), max_size=8), st.integers(0, 8))
def test_parameters_come_back(parameters: dict[str, str], cut: int) -> None:
    """What a browser-like encoder writes is read back, wherever URL and body are divided."""
    from urllib.parse import urlencode

    pairs = list(parameters.items())
    query, body = urlencode(pairs[:cut]).encode(), urlencode(pairs[cut:]).encode()
    assert call_of(query, body).parameters == parameters
    assert list(call_of(query, body).values.items()) == pairs
