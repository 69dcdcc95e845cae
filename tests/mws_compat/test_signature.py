"""Signature Version 2, stage by stage over fixtures/sigv2, then its laws."""

import ast
import json
import random
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mws_compat import signature
from mws_compat.errors import SIGNATURE_DOES_NOT_MATCH, UNREADABLE_PARAMETER, MwsError
from mws_compat.query import Call, HttpRequest, parse_call
from mws_compat.signature import (
    ALGORITHMS,
    AMAZON_HOSTS,
    DEVIANT_ENCODINGS,
    canonical_query,
    hosts_to_try,
    sign,
    string_to_sign,
    verify,
)
from tests.examples import examples

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "sigv2"
CASES = {path.stem: json.loads(path.read_text()) for path in sorted(FIXTURES.glob("*.json"))}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())

HOST = "mws.amazonservices.com"
PATH = "/Orders/2013-09-01"
SECRET = "SECRETKEYEXAMPLE/abc+123"


def request_of(case: dict) -> HttpRequest:
    sent = case["request"]
    return HttpRequest(sent["method"], sent["path"], sent["query"].encode(), sent["body"].encode(), sent["host"])


def verify_call(call: Call, secret: str, *, hosts: list[str] | None = None, encodings: tuple[str, ...] = ()) -> None:
    """Verify with and without the accelerator, which must agree."""
    outcomes = []
    for canonical in {call.canonical, None}:
        try:
            verify(
                call.parameters,
                secret=secret,
                method=call.method,
                path=call.path,
                hosts=hosts_to_try(call.host) if hosts is None else hosts,
                pairs=call.values.items(),
                canonical=canonical,
                encodings=encodings,
            )
        except MwsError as error:
            outcomes.append(error)
        else:
            outcomes.append(None)
    assert len(set(map(str, outcomes))) == 1
    if outcomes[0] is not None:
        raise outcomes[0]


# --- the cases, one test for each stage -----------------------------------------------------------------------------


def test_enough_cases() -> None:
    """The suite holds at least forty staged cases, and the reference's seven vectors are among them."""
    assert len(CASES) >= 40
    assert sum(name.startswith("ref-") for name in CASES) >= 7


@each_case
def test_stage_1_pairs(case: dict) -> None:
    """The request's bytes decode to the pairs."""
    assert [list(pair) for pair in parse_call(request_of(case)).values.items()] == case["pairs"]


@each_case
def test_stage_2_canonical_query(case: dict) -> None:
    """The pairs give the canonical query."""
    encode = (DEVIANT_ENCODINGS[case["encoding"]],) if case["encoding"] else ()
    assert canonical_query([(name, value) for name, value in case["pairs"]], *encode) == case["canonical_query"]


@each_case
def test_stage_3_string_to_sign(case: dict) -> None:
    """Verb, host, path and canonical query give the string to sign, over a host that would be tried."""
    sent = case["request"]
    host = case["string_to_sign"].split("\n")[1]
    assert host in hosts_to_try(sent["host"], case["aliases"])
    assert string_to_sign(sent["method"], host, sent["path"], case["canonical_query"]) == case["string_to_sign"]


@pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case["signature"]],
    ids=[n for n, c in CASES.items() if c["signature"]],
)
def test_stage_4_signature(case: dict) -> None:
    """The string to sign and the secret give the signature."""
    algorithm = dict(map(tuple, case["pairs"]))["SignatureMethod"] if case["verdict"] == "ok" else None
    algorithm = algorithm or dict(map(tuple, case["pairs"])).get("SignatureMethod", "HmacSHA256")
    assert sign(case["secret"], case["string_to_sign"], algorithm) == case["signature"]


@each_case
def test_stage_5_verdict(case: dict) -> None:
    """The request passes, or is refused with the case's code, with the accelerator as without."""
    call = parse_call(request_of(case))
    hosts = list(hosts_to_try(call.host, case["aliases"]))
    encodings = tuple(case["encodings"])
    if case["verdict"] == "ok":
        verify_call(call, case["secret"], hosts=hosts, encodings=encodings)
        return
    with pytest.raises(MwsError) as caught:
        verify_call(call, case["secret"], hosts=hosts, encodings=encodings)
    assert caught.value.fault.code == case["verdict"]


# --- what the caller is told ----------------------------------------------------------------------------------------

GOOD = {"Signature": "x", "SignatureVersion": "2", "SignatureMethod": "HmacSHA256"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "Missing required parameter Signature."),
        ({"Signature": "x"}, "Missing required parameter SignatureVersion."),
        ({"Signature": "x", "SignatureVersion": "2"}, "Missing required parameter SignatureMethod."),
        (GOOD | {"SignatureVersion": "1"}, "Value of parameter SignatureVersion is not valid: only 2 is."),
        (
            GOOD | {"SignatureMethod": "HmacMD5"},
            "Value of parameter SignatureMethod is not valid: use one of HmacSHA256, HmacSHA1.",
        ),
    ],
)
def test_unusable_signature_parameters(parameters: dict[str, str], message: str) -> None:
    """A missing or unknown signature parameter is named, as InvalidParameterValue of the front door."""
    with pytest.raises(MwsError) as caught:
        verify(parameters, secret="s", method="GET", path="/", hosts=["h"], pairs=list(parameters.items()))
    assert (caught.value.fault, caught.value.message) == (UNREADABLE_PARAMETER, message)


def test_mismatch_tells_nothing_of_the_secret() -> None:
    """A wrong signature gets Amazon's text, and nothing of key, string to sign or wanted signature."""
    with pytest.raises(MwsError) as caught:
        verify(GOOD, secret="hush", method="GET", path="/", hosts=["h"], pairs=list(GOOD.items()))
    assert caught.value.fault is SIGNATURE_DOES_NOT_MATCH
    assert caught.value.message == SIGNATURE_DOES_NOT_MATCH.message
    assert "hush" not in repr(caught.value)
    assert caught.value.reason == ""


def test_no_hosts_no_pass() -> None:
    """With no host to try, nothing verifies."""
    pairs = [(name, value) for name, value in GOOD.items() if name != "Signature"]
    right = sign("s", string_to_sign("GET", "h", "/", canonical_query(pairs)))
    parameters = GOOD | {"Signature": right}
    arguments = {"secret": "s", "method": "GET", "path": "/", "pairs": list(parameters.items())}
    verify(parameters, hosts=["h"], **arguments)
    verify(parameters, hosts=["other", "h"], **arguments)
    with pytest.raises(MwsError):
        verify(parameters, hosts=[], **arguments)


def test_unknown_algorithm_is_a_programming_error() -> None:
    """sign() raises KeyError for an algorithm that MWS did not have."""
    with pytest.raises(KeyError):
        sign("s", "text", "HmacSHA512")
    assert sign("s", "text") == sign("s", "text", "HmacSHA256") != sign("s", "text", "HmacSHA1")
    assert list(ALGORITHMS) == ["HmacSHA256", "HmacSHA1"]


@pytest.mark.parametrize(
    ("host", "aliases", "hosts"),
    [
        (HOST, (), [HOST]),
        (f"{HOST}:8443", (), [f"{HOST}:8443", HOST]),
        (" LocalHost:8123 ", (), ["localhost:8123", "localhost", "LocalHost:8123", "LocalHost"]),
        ("LocalHost", ("Alias", "localhost"), ["localhost", "LocalHost", "Alias"]),
        ("[::1]", (), ["[::1]"]),
        ("[::1]:80", (), ["[::1]:80", "[::1]"]),
        ("h:12ab", (), ["h:12ab"]),
        ("h:1:2", (), ["h:1:2", "h:1"]),
        ("", ("a", "b"), ["", "a", "b"]),
    ],
)
def test_hosts_to_try(host: str, aliases: tuple[str, ...], hosts: list[str]) -> None:
    """Lower case with and without port first, then as typed, then the aliases, then with a scheme; each once."""
    lower = host.strip().lower()
    assert list(hosts_to_try(host, aliases)) == [*hosts, f"http://{lower}", f"https://{lower}"]


def test_amazon_hosts() -> None:
    """The hosts that MWS had are those of wire reference 1.1, and the five that Java still had compiled in."""
    top = ["com", "ca", "com.mx", "ae", "in", "jp", "com.au", "com.cn", "de", "es", "fr", "it", "co.uk"]
    regions = {"mws-eu.amazonservices.com", "mws-fe.amazonservices.com"}
    assert len(AMAZON_HOSTS) == 15
    assert set(AMAZON_HOSTS) == regions | {f"mws.amazonservices.{name}" for name in top}


@pytest.mark.parametrize(
    ("path", "signed"),
    [
        ("", "/"),
        ("/", "/"),
        ("/Orders/2013-09-01", "/Orders/2013-09-01"),
        ("/Orders/2013-09-01/", "/Orders/2013-09-01/"),
        ("/a b", "/a%20b"),
        ("/a%20b", "/a%20b"),
        ("/a%2Fb", "/a/b"),
        ("/%7e%2d", "/~-"),
        ("/a+b", "/a%2Bb"),
        ("/é", "/%C3%A9"),
        ("/%", "/%25"),
    ],
)
def test_path_in_string_to_sign(path: str, signed: str) -> None:
    """The path is decoded and encoded again with its slashes kept, so a wire spelling does not matter."""
    assert string_to_sign("post", "H", path, "q") == f"POST\nH\n{signed}\nq"


def test_deviant_encodings_differ_only_where_documented() -> None:
    """Of all ASCII, the deviant encodings differ from RFC 3986 in ``~ * ! ' ( )`` alone, each as its clients do."""
    for code in range(128):
        character = chr(code)
        right = canonical_query([("n", character)])
        whatwg = canonical_query([("n", character)], DEVIANT_ENCODINGS["whatwg-form"])
        component = canonical_query([("n", character)], DEVIANT_ENCODINGS["encode-uri-component"])
        assert right == f"n={character if character.isalnum() or character in '-_.~' else f'%{code:02X}'}"
        assert whatwg == ({"~": "n=%7E", "*": "n=*"}.get(character) or right)
        assert component == (f"n={character}" if character in "!*'()" else right)
    assert list(DEVIANT_ENCODINGS) == ["whatwg-form", "encode-uri-component"]


def test_canonical_query_leaves_out_signature_alone() -> None:
    """Only the name ``Signature`` is left out: not SignatureMethod, not another case, not XSignature."""
    pairs = [
        ("Signature", "s"),
        ("signature", "1"),
        ("SignatureMethod", "2"),
        ("XSignature", "3"),
        ("Signature ", "4"),
    ]
    assert canonical_query(pairs) == "Signature%20=4&SignatureMethod=2&XSignature=3&signature=1"


# --- laws -----------------------------------------------------------------------------------------------------------

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text("!*'()~ +/=&%aZ09.é😀", max_size=8)
names = text.filter(lambda name: name not in {"Signature", "SignatureMethod", "SignatureVersion"})
hosts = st.from_regex(r"[a-z][a-z0-9.-]{0,12}(:[0-9]{1,4})?", fullmatch=True)
paths = st.sampled_from(["/", PATH, PATH + "/", "/a%20b", "/x~y"])
methods = st.sampled_from(["GET", "POST"])


@st.composite
def signed_requests(draw: st.DrawFn) -> dict:
    """What a correct client would send: its parts, and the signature over them."""
    algorithm = draw(st.sampled_from(sorted(ALGORITHMS)))
    pairs = draw(st.dictionaries(names, text, max_size=6))
    pairs |= {"SignatureMethod": algorithm, "SignatureVersion": "2"}
    parts = {
        "method": draw(methods),
        "host": draw(hosts),
        "path": draw(paths),
        "secret": draw(text.filter(bool)),
        "pairs": pairs,
        "algorithm": algorithm,
    }
    query = canonical_query(pairs.items())
    parts["signature"] = sign(
        parts["secret"], string_to_sign(parts["method"], parts["host"], parts["path"], query), algorithm
    )
    return parts


def check(parts: dict, order: list[str] | None = None) -> None:
    pairs = parts["pairs"] | {"Signature": parts["signature"]}
    wire = "&".join(f"{quote(name, safe='-_.~')}={quote(pairs[name], safe='-_.~')}" for name in order or list(pairs))
    call = parse_call(HttpRequest(parts["method"], parts["path"], b"", wire.encode(), parts["host"]))
    verify_call(call, parts["secret"], hosts=[parts["host"]])


@examples(75)
@given(signed_requests())
def test_what_is_signed_verifies(parts: dict) -> None:
    """verify(sign(x)) passes for any parameters, and signing twice gives the same."""
    check(parts)
    again = string_to_sign(parts["method"], parts["host"], parts["path"], canonical_query(parts["pairs"].items()))
    assert sign(parts["secret"], again, parts["algorithm"]) == parts["signature"]


@examples(60)
@given(signed_requests(), st.randoms(use_true_random=False))
def test_order_on_the_wire_does_not_matter(parts: dict, shuffle: random.Random) -> None:
    """Any order of the parameters verifies."""
    order = [*parts["pairs"], "Signature"]
    shuffle.shuffle(order)
    check(parts, order)


@examples(100)
@given(signed_requests(), st.data())
@pytest.mark.long
def test_any_change_is_refused(parts: dict, data: st.DataObject) -> None:
    """One character changed in verb, host, path, name, value, secret or signature gives SignatureDoesNotMatch."""
    place = data.draw(st.sampled_from(["method", "host", "path", "name", "value", "secret", "signature"]))
    changeable = [name for name in parts["pairs"] if not name.startswith("Signature")]

    def changed(value: str) -> str:
        at = data.draw(st.integers(0, len(value)))
        other = data.draw(st.characters(exclude_categories=["Cs"]))
        new = value[:at] + other + value[at + 1 :]
        assume(new != value)
        return new

    if place in {"name", "value"}:
        assume(changeable)
        name = data.draw(st.sampled_from(changeable))
        pairs = dict(parts["pairs"])
        if place == "name":
            new = changed(name)
            assume(new not in pairs and new != "Signature")
            pairs[new] = pairs.pop(name)
        else:
            pairs[name] = changed(pairs[name])
        parts = parts | {"pairs": pairs}
    elif place == "method":
        parts = parts | {"method": "GET" if parts["method"] == "POST" else "POST"}
    else:
        new = changed(parts[place])
        if place == "path":  # a different path, not the same one spelled otherwise
            assume(string_to_sign("", "", new, "") != string_to_sign("", "", parts["path"], ""))
        if place == "secret":  # HMAC pads a key with NUL: the one change of a key that it cannot see
            assume(new.rstrip("\0") != parts["secret"].rstrip("\0"))
        parts = parts | {place: new}
    with pytest.raises(MwsError) as caught:
        check(parts)
    assert caught.value.fault is SIGNATURE_DOES_NOT_MATCH


def test_every_single_byte_of_one_request() -> None:
    """Exhaustively for one real request: each byte of the body flipped in its lowest bit is never accepted."""
    case = CASES["ref-post"]
    sent = request_of(case)
    for at in range(len(sent.body)):
        body = bytearray(sent.body)
        body[at] ^= 1
        changed = HttpRequest(sent.method, sent.path, b"", bytes(body), sent.host)
        fault = None
        try:
            call = parse_call(changed)
            if call.values == dict(map(tuple, case["pairs"])):
                continue  # the same request, spelled otherwise
            verify_call(call, case["secret"])
        except MwsError as error:
            fault = error.fault
        assert fault in {SIGNATURE_DOES_NOT_MATCH, UNREADABLE_PARAMETER}, f"byte {at} may be changed: {bytes(body)!r}"


# --- the source -----------------------------------------------------------------------------------------------------


def _names_in(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def test_digests_are_compared_in_constant_time_only() -> None:
    """signature.py compares digests with hmac.compare_digest and never with ``==``, ``!=``, ``in``."""
    tree = ast.parse(Path(signature.__file__).read_text())
    assert any(isinstance(node, ast.Attribute) and node.attr == "compare_digest" for node in ast.walk(tree))
    secrets = {"given", "wanted", "digest", "key", "secret"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            assert not _names_in(node) & secrets, ast.unparse(node)
            subscripts = [part.slice for part in ast.walk(node) if isinstance(part, ast.Subscript)]
            assert "Signature" not in {part.value for part in subscripts if isinstance(part, ast.Constant)}
            called = {ast.unparse(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
            assert not called & {"sign", "hmac.digest", "base64.b64encode"}, ast.unparse(node)
