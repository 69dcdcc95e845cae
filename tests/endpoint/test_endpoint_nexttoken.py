"""The sealed NextToken: by itself, and through the whole endpoint."""

import base64
import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bridge.endpoint.nexttoken import LIFETIME, TokenSealer
from bridge.settings import AccessKeySettings
from mws_compat.errors import NEXT_TOKEN_CORRUPTED, MwsError
from tests.support import ALWAYS, EU, NA, US, Bridge, Clock

BOUND = ("seller", "key", "ListOrders")
PAYLOAD = {"query": [["MarketplaceIds", "ATVPDKIKX0DER"]], "token": "+/==", "bound": "CreatedBefore"}
NO_BASE32 = "the token is not ours: it is no base32 text"
NO_KEY = "the token is not ours, or its key has left the key ring"
#: A token that opens at 1,000,000 seconds with the key "a key for ever".
WRITTEN_DOWN = (
    "AF22MHQCAAAQEAYEAUDAOCAJBIFX6BSV7IUZUSL6LXCISS2YV5FGIPO2YUCBAZGVPS5OQDZNEHFQLWQNR57BBAOYMFOK2ZNXZZ7OFSW3LXVNHEQ"
)
ALPHABET = string.ascii_uppercase + "234567"


def sealer(*ring, clock=None, seed=1):
    return TokenSealer(ring or ("key",), clock=clock or Clock(), random_bytes=Random(seed).randbytes)


def corrupted(made, token, bound=BOUND):
    with pytest.raises(MwsError) as caught:
        made.open(token, bound_to=bound)
    assert caught.value.fault is NEXT_TOKEN_CORRUPTED
    assert caught.value.message == NEXT_TOKEN_CORRUPTED.message
    return caught.value.reason


def test_a_token_gives_back_its_payload_as_often_as_asked():
    """Sealing and opening are inverse, and a token is not used up."""
    made = sealer()
    token = made.seal(PAYLOAD, bound_to=BOUND)
    assert [made.open(token, bound_to=BOUND) for _ in range(3)] == [PAYLOAD] * 3


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=50) | st.integers(-(2**53), 2**53), max_size=5))
def test_any_payload_survives_in_letters_and_digits(payload):
    """Whatever the payload, the token is of A–Z and 2–7 only, and opens to it."""
    made = sealer()
    token = made.seal(payload, bound_to=BOUND)
    assert set(token) <= set(ALPHABET)
    assert made.open(token, bound_to=BOUND) == payload


def test_two_tokens_of_one_payload_differ_and_show_nothing_of_it():
    """Each sealing takes a fresh nonce of twelve bytes, and the plaintext is not in the token."""
    asked = []

    def count(size):
        asked.append(size)
        return Random(len(asked)).randbytes(size)

    made = TokenSealer(["key"], clock=Clock(), random_bytes=count)
    one, two = (made.seal({"e": "jane@example.com"}, bound_to=BOUND) for _ in range(2))
    assert one != two
    assert asked == [12, 12]
    assert b"jane" not in base64.b32decode(one + "=" * (-len(one) % 8))


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
@pytest.mark.long
def test_every_character_matters(size):
    """A token with any one character replaced by any other of its alphabet, left out or put in, is refused."""
    made = sealer()
    token = made.seal({"x": "y" * size}, bound_to=BOUND)
    for place, character in enumerate(token):
        for other in ALPHABET:
            if other != character:
                corrupted(made, token[:place] + other + token[place + 1 :])
        corrupted(made, token[:place] + token[place + 1 :])
        corrupted(made, token[:place] + "A" + token[place:])
        corrupted(made, token[:place])


def test_every_bit_matters():
    """A token with any one bit of its bytes turned is refused."""
    made = sealer()
    raw = base64.b32decode(padded(made.seal(PAYLOAD, bound_to=BOUND)))
    for place in range(len(raw) * 8):
        turned = bytearray(raw)
        turned[place // 8] ^= 1 << place % 8
        corrupted(made, base64.b32encode(turned).decode().rstrip("="))


def padded(token):
    return token + "=" * (-len(token) % 8)


@pytest.mark.parametrize(
    "token", ["", "A", "AAAAAAAA", "2YgYW55IGNhcm5hbCBwbGVhc3VyZS4", "é", "+/==", "\0", "AQ======"]
)
def test_what_is_no_token_of_ours_is_corrupted(token):
    """Empty, foreign, short and strange texts are all the same refusal, with a reason for the operator."""
    assert corrupted(sealer(), token) in {NO_BASE32, NO_KEY}


@pytest.mark.parametrize(
    "spoil", [str.lower, lambda token: token + "=", padded, lambda token: token.replace("A", "a")]
)
def test_only_the_spelling_that_we_gave_out_is_good(spoil):
    """Lower case and padding were never sent, and are not accepted."""
    made = sealer()
    token = made.seal({"x": "yyy"}, bound_to=BOUND)
    assert len(token) % 8
    assert corrupted(made, spoil(token)) == NO_BASE32


def test_white_space_around_a_token_is_forgiven():
    """A client that wraps a line or leaves a blank loses nothing."""
    made = sealer()
    assert made.open(f" {made.seal(PAYLOAD, bound_to=BOUND)}\r\n", bound_to=BOUND) == PAYLOAD


@pytest.mark.parametrize(
    "bound",
    [
        ("other", "key", "ListOrders"),
        ("seller", "other", "ListOrders"),
        ("seller", "key", "ListOrderItems"),
        ("seller", "key"),
        ("sellerkey", "", "ListOrders"),
        (),
    ],
)
def test_a_token_opens_only_for_whom_it_was_made(bound):
    """Seller, access key and operation are part of the seal, each by itself."""
    made = sealer()
    reason = corrupted(made, made.seal(PAYLOAD, bound_to=BOUND), bound)
    assert reason == "the token was altered, or belongs to another seller, access key or operation"


def test_a_token_lives_for_a_day_and_not_a_moment_longer():
    """Good at 24 hours less a millisecond, too old at exactly 24 hours."""
    clock = Clock()
    made = sealer(clock=clock)
    token = made.seal(PAYLOAD, bound_to=BOUND)
    clock.at += 86400 - 0.001
    assert made.open(token, bound_to=BOUND) == PAYLOAD
    clock.at += 0.001
    assert corrupted(made, token) == "the token is older than 24 hours"
    assert LIFETIME == 86400


def test_keys_rotate_without_breaking_a_listing():
    """A new first key seals from then on; the old one opens until it leaves the ring."""
    old, both, new = sealer("old"), sealer("new", "old", seed=2), sealer("new", seed=3)
    before = old.seal(PAYLOAD, bound_to=BOUND)
    assert both.open(before, bound_to=BOUND) == PAYLOAD
    after = both.seal(PAYLOAD, bound_to=BOUND)
    assert new.open(after, bound_to=BOUND) == PAYLOAD
    assert corrupted(new, before) == corrupted(old, after) == NO_KEY


def test_a_token_of_another_format_is_not_opened():
    """The first byte is the format, and only format 1 is read."""
    made = sealer()
    raw = bytearray(base64.b32decode(padded(made.seal(PAYLOAD, bound_to=BOUND))))
    assert raw[0] == 1
    raw[0] = 2
    assert corrupted(made, base64.b32encode(raw).decode().rstrip("=")) == NO_KEY


def test_a_sealer_needs_a_key():
    """An empty ring is a mistake of configuration."""
    with pytest.raises(ValueError, match=r"^at least one key is needed to seal NextTokens$"):
        TokenSealer([], clock=Clock(), random_bytes=bytes)


def test_an_overlong_token_is_refused_unread_and_our_longest_is_not():
    """16,384 letters are the limit, inclusive."""
    made = sealer()
    assert corrupted(made, "A" * 16_385) == "the token is too long to be ours"
    assert corrupted(made, "A" * 16_384) == NO_KEY
    longest = made.seal({"x": base64.b64encode(Random(1).randbytes(6000)).decode()}, bound_to=BOUND)
    assert len(longest) < 16_384
    made.open(longest, bound_to=BOUND)


def test_tokens_of_yesterdays_release_still_open():
    """The format on the wire is fixed: a token written down here opens in every later version."""
    clock = Clock(1_000_000.0)
    made = TokenSealer(["a key for ever"], clock=clock, random_bytes=lambda size: bytes(range(size)))
    assert made.open(WRITTEN_DOWN, bound_to=BOUND) == {"token": "+/=="}


# --- through the endpoint -------------------------------------------------------------------------------------------


def two_keys(settings):
    other = AccessKeySettings(id="AKIAOTHER", secret=SecretStr("other"), sellers=(NA.selling_partner_id,))
    return settings.model_copy(update={"access_key": (*settings.access_key, other)})


async def first_token(bridge):
    page = await bridge.call(
        "ListOrders", {"CreatedAfter": ALWAYS, "MarketplaceId.Id.1": US, "MaxResultsPerPage": "2"}
    )
    assert page.token
    bridge.upstream.requests.clear()
    return page.token


@pytest.mark.parametrize(
    ("action", "who"),
    [
        ("ListOrdersByNextToken", {"seller": EU.selling_partner_id}),
        ("ListOrdersByNextToken", {"key": "AKIAOTHER", "secret": "other"}),
        ("ListOrderItemsByNextToken", {}),
    ],
)
async def test_a_foreign_token_is_corrupted_and_costs_nothing_upstream(action, who):
    """Another seller, another key, another operation: NextTokenCorrupted, and SP-API hears nothing of it."""
    bridge = Bridge(settings=two_keys)
    token = await first_token(bridge)
    answer = await bridge.call(action, {"NextToken": token}, **who)
    assert answer.outcome == (400, "NextTokenCorrupted")
    assert answer.root[1].tag.endswith("RequestId")
    assert bridge.upstream.requests == []


async def test_a_flipped_token_costs_nothing_upstream(bridge):
    """Thirty ways to damage a token end alike, before anything is sent."""
    token = await first_token(bridge)
    for place in range(0, len(token), len(token) // 30):
        damaged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        answer = await bridge.call("ListOrdersByNextToken", {"NextToken": damaged})
        assert answer.outcome == (400, "NextTokenCorrupted")
    assert bridge.upstream.requests == []


async def test_age_rotation_and_removal_through_the_endpoint(bridge):
    """A token survives a restart with a rotated ring, but neither the removal of its key nor 24 hours."""
    token = await first_token(bridge)
    page = {"NextToken": token}
    assert (await bridge.restart("new", "a key for NextTokens").call("ListOrdersByNextToken", page)).status == 200
    assert (await bridge.restart("new").call("ListOrdersByNextToken", page)).outcome == (400, "NextTokenCorrupted")
    bridge.clock.at += 86399
    bridge.sandbox._orders._tokens._lifetime = 10**6
    assert (await bridge.call("ListOrdersByNextToken", page)).code in {None, "NextTokenCorrupted"}
    bridge.upstream.requests.clear()
    bridge.clock.at += 1
    assert (await bridge.call("ListOrdersByNextToken", page)).outcome == (400, "NextTokenCorrupted")
    assert bridge.upstream.requests == []


async def test_a_token_is_reusable_and_its_pages_alike(bridge):
    """The same token asked three times gives the same orders."""
    token = await first_token(bridge)
    pages = [await bridge.call("ListOrdersByNextToken", {"NextToken": token}) for _ in range(3)]
    assert pages[0].ids == pages[1].ids == pages[2].ids != []


@pytest.mark.parametrize("mangle", [lambda t: t, lambda t: t.replace("+", " "), lambda t: f" {t} "])
async def test_a_token_survives_the_clumsiest_client(bridge, mangle):
    """Letters and digits only: no way of escaping, once, twice or not at all, can damage a token."""
    token = await first_token(bridge)
    assert set(token) <= set(ALPHABET)
    assert (await bridge.call("ListOrdersByNextToken", {"NextToken": mangle(token)})).status == 200


async def test_a_missing_token_is_named(bridge):
    """Without NextToken the parameter is asked for."""
    answer = await bridge.call("ListOrdersByNextToken")
    assert (answer.status, answer.message) == (400, "Missing required parameter NextToken.")


async def test_without_a_configured_key_tokens_live_as_long_as_the_process(caplog):
    """An empty ring is warned about, works, and its tokens are nobody else's."""
    one = Bridge(ring=())
    assert "server.token_keys is not set" in caplog.text
    token = await first_token(one)
    assert (await one.call("ListOrdersByNextToken", {"NextToken": token})).status == 200
    other = Bridge(ring=())
    assert (await other.call("ListOrdersByNextToken", {"NextToken": token})).code == "NextTokenCorrupted"
