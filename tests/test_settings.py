"""Settings: what can be written, what is refused with all its places at once, and what is never shown."""

import copy
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from bridge.settings import Settings, SettingsError, check_origin, load_settings, parse_settings
from bridge.upstream.regions import LWA_URL, REGION_HOSTS

SECRET = "hunter2-must-never-be-shown"

LEAST = """
[[application]]
client_id = "amzn1.application-oa2-client.0"
client_secret = "the client secret"

[[seller]]
seller_id = "A1SELLER"
refresh_token = "Atzr|refresh"
marketplaces = ["ATVPDKIKX0DER"]

[[access_key]]
id = "AKIA1"
secret = "the access secret"
sellers = ["A1SELLER"]
"""

WHOLE = """
[server]
host = "0.0.0.0"
port = 0
hosts = ["mws.example.com"]
accept_deviant_signatures = ["whatwg-form", "encode-uri-component"]
strict_status_pair = true
token_keys = [{ env = "TOKEN_KEY" }, { file = "old.key" }, "third"]
log_level = "debug"

[upstream]
deadline = 10
connect_timeout = 1.5
read_timeout = 5
attempts = 1
max_wait = 0
lwa_url = "http://127.0.0.1:8014/auth/o2/token"
origins = { na = "http://127.0.0.1:8014/", eu = "https://eu.example.com" }

[[application]]
name = "first"
client_id = "client-1"
client_secret = { file = "keys/client.secret" }

[[application]]
name = "second"
client_id = "client-2"
client_secret = { env = "CLIENT_2" }

[[seller]]
seller_id = "A1SELLER"
application = "first"
refresh_token = { env = "REFRESH" }
marketplaces = ["ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"]

[[seller]]
seller_id = "A2SELLER"
application = "second"
refresh_token = "Atzr|2"
marketplaces = ["A0NEWMARKETPLACE"]
region = "fe"

[[access_key]]
id = "AKIA1"
secret = "s1"
sellers = ["A1SELLER", "A2SELLER"]
mws_auth_tokens = { A2SELLER = { env = "MWS_TOKEN" } }

[[access_key]]
id = "AKIA2"
secret = "s2"
sellers = ["A1SELLER"]
"""


def least() -> dict[str, Any]:
    """The smallest usable configuration, as decoded TOML."""
    return tomllib.loads(LEAST)


def parse(data: dict[str, Any], environ: dict[str, str] | None = None, base: Path = Path()) -> Settings:
    return parse_settings(data, environ or {}, base=base)


def faults(data: dict[str, Any], environ: dict[str, str] | None = None, base: Path = Path()) -> tuple[str, ...]:
    """All faults of a configuration that cannot be used."""
    with pytest.raises(SettingsError) as caught:
        parse(data, environ, base)
    assert str(caught.value) == "\n".join(caught.value.faults)
    assert SECRET not in str(caught.value) + repr(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.faults


def test_the_least_and_the_defaults(tmp_path: Path) -> None:
    """One application, seller and key are enough; everything else has its documented default."""
    path = tmp_path / "mws-bridge.toml"
    path.write_text(LEAST)
    settings = load_settings(path, {})
    assert settings.application[0].name == settings.seller[0].application == "default"
    assert settings.seller[0].region is None
    assert settings.seller[0].regions == {"na"}
    assert settings.access_key[0].mws_auth_tokens == {}
    assert settings.server.model_dump() == {
        "host": "127.0.0.1",
        "port": 8013,
        "hosts": (),
        "accept_deviant_signatures": (),
        "strict_status_pair": False,
        "token_keys": (),
        "log_level": "info",
        "log_format": "text",
        "workers": 1,
        "certificate": None,
        "private_key": None,
        "head_seconds": 10.0,
        "body_seconds": 30.0,
        "send_seconds": 60.0,
        "connections": 2000,
        "in_flight": 1000,
        "in_flight_per_seller": 64,
        "trusted_proxies": (),
    }
    assert (settings.state, settings.accounts, settings.admin, settings.revoked) == (None, None, None, ())
    assert settings.upstream.model_dump() == {
        "deadline": 25.0,
        "connect_timeout": 5.0,
        "read_timeout": 12.0,
        "attempts": 3,
        "max_wait": 2.0,
        "v0_until": datetime(2027, 3, 27, tzinfo=UTC),
        "lwa_url": LWA_URL,
        "origins": {},
    }
    assert {region: settings.upstream.origin_of(region) for region in REGION_HOSTS} == REGION_HOSTS
    assert settings.order_cache.model_dump() == {"megabytes": 64, "fresh": 120.0, "stale": 300.0}
    assert settings.seller[0].upstream == "auto"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2027-09-27", datetime(2027, 9, 27, tzinfo=UTC)),
        ("2027-09-27T12:00:00", datetime(2027, 9, 27, 12, tzinfo=UTC)),
        ("2027-09-27T12:00:00Z", datetime(2027, 9, 27, 12, tzinfo=UTC)),
        ('"2027-09-27T12:00:00Z"', datetime(2027, 9, 27, 12, tzinfo=UTC)),
    ],
)
def test_the_end_of_v0_can_be_moved(tmp_path: Path, written: str, read: datetime) -> None:
    """A day, or a moment; without a zone it is UTC."""
    path = tmp_path / "mws-bridge.toml"
    path.write_text(f"{LEAST}\n[upstream]\nv0_until = {written}\n")
    assert load_settings(path, {}).upstream.v0_until == read


def test_versions_and_bounds_that_there_are_none_of() -> None:
    """A version that Amazon does not have, and a cache without bounds, are faults."""
    data = tomllib.loads(LEAST)
    data["seller"][0]["upstream"] = "v1"
    data["order_cache"] = {"megabytes": -1}
    first, second = faults(data)
    assert first.startswith("order_cache.megabytes: ")
    assert second.startswith("seller[1].upstream: ")


def test_everything_that_can_be_written(tmp_path: Path) -> None:
    """Every setting is read; secrets come by value, from the environment and from files beside the configuration,
    whose last line end, and the mark that Windows puts before text, are not part of them."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "client.secret").write_bytes(b"\xef\xbb\xbffrom a file\r\n")
    (tmp_path / "old.key").write_text("old\n")
    path = tmp_path / "any-name.toml"
    path.write_text(WHOLE)
    environ = {"TOKEN_KEY": "new", "CLIENT_2": "from env", "REFRESH": "Atzr|env", "MWS_TOKEN": "amzn.mws.1"}
    settings = load_settings(path, environ)
    assert [key.get_secret_value() for key in settings.server.token_keys] == ["new", "old", "third"]
    assert settings.server.host == "0.0.0.0"
    assert settings.server.port == 0
    assert settings.server.hosts == ("mws.example.com",)
    assert settings.server.accept_deviant_signatures == ("whatwg-form", "encode-uri-component")
    assert settings.server.strict_status_pair is True
    assert settings.server.log_level == "debug"
    assert [application.client_secret.get_secret_value() for application in settings.application] == [
        "from a file",
        "from env",
    ]
    assert settings.upstream.origin_of("na") == "http://127.0.0.1:8014"
    assert settings.upstream.origin_of("eu") == "https://eu.example.com"
    assert settings.upstream.origin_of("fe") == REGION_HOSTS["fe"]
    assert (settings.upstream.attempts, settings.upstream.max_wait, settings.upstream.deadline) == (1, 0.0, 10.0)
    assert [seller.refresh_token.get_secret_value() for seller in settings.seller] == ["Atzr|env", "Atzr|2"]
    assert [seller.regions for seller in settings.seller] == [{"na"}, {"fe"}]
    assert settings.access_key[0].mws_auth_tokens["A2SELLER"].get_secret_value() == "amzn.mws.1"


def test_secrets_are_never_shown() -> None:
    """No secret is in the text, the repr or the JSON of settings, however it got there."""
    data = least()
    data["server"] = {"token_keys": [SECRET]}
    data["application"][0]["client_secret"] = {"env": "CLIENT"}
    data["seller"][0]["refresh_token"] = SECRET
    data["access_key"][0] |= {"secret": SECRET, "mws_auth_tokens": {"A1SELLER": SECRET}}
    settings = parse(data, {"CLIENT": SECRET})
    for shown in (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())):
        assert SECRET not in shown
        assert "A1SELLER" in shown


def test_settings_do_not_change() -> None:
    """Settings are frozen, at every depth."""
    settings = parse(least())
    for thing, name in ((settings, "server"), (settings.server, "port"), (settings.seller[0], "seller_id")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(thing, name, getattr(thing, name))


Change = Callable[[dict[str, Any]], object]


def put(*path: str | int, value: object) -> Change:
    """A change that writes ``value`` at a path."""

    def change(data: dict[str, Any]) -> None:
        inner: Any = data
        for step in path[:-1]:
            inner = inner.setdefault(step, {}) if isinstance(step, str) else inner[step]
        inner[path[-1]] = value

    return change


def drop(*path: str | int) -> Change:
    """A change that removes what stands at a path."""

    def change(data: dict[str, Any]) -> None:
        inner: Any = data
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (drop("application"), "application: is missing"),
        (put("application", value=[]), "application: must not be empty"),
        (put("application", value={"client_id": SECRET}), "application: there may be several: write [[application]]"),
        (put("seller", value=SECRET), "seller: there may be several: write [[seller]], with two brackets"),
        (put("access_key", value=[SECRET]), "access_key[1]: must be a table"),
        (put("servr", value={"port": SECRET}), "servr: there is no such setting"),
        (
            put("application", 0, "client_secrt", value=SECRET),
            "application[1].client_secrt: there is no such setting",
        ),
        (drop("application", 0, "client_id"), "application[1].client_id: is missing"),
        (put("application", 0, "client_id", value=""), "application[1].client_id: must not be empty"),
        (put("application", 0, "client_id", value=5), "application[1].client_id: Input should be a valid string"),
        (put("application", 0, "client_secret", value=""), "application[1].client_secret: must not be empty"),
        (put("application", 0, "client_secret", value=[SECRET]), "application[1].client_secret: Input should be a"),
        (put("application", 0, "client_secret", value={"env": "NOT_SET"}), "environment variable NOT_SET is not set"),
        (put("application", 0, "client_secret", value={"env": "EMPTY"}), "environment variable EMPTY is not set"),
        (put("application", 0, "client_secret", value={"env": 5}), 'write a secret as text, { env = "NAME" } or'),
        (put("application", 0, "client_secret", value={"vault": SECRET}), 'write a secret as text, { env = "NAME" }'),
        (put("application", 0, "client_secret", value={}), 'client_secret: write a secret as text, { env = "NAME" }'),
        (put("application", 0, "client_secret", value={"file": "none"}), "none cannot be read: No such file"),
        (put("application", 0, "client_secret", value={"file": "."}), "is a directory, and is not read: put a"),
        (put("application", 0, "client_secret", value={"file": "binary"}), "binary is not UTF-8 text: save it as"),
        (put("application", 0, "client_secret", value={"file": "\0"}), "cannot be read: no file can have this name"),
        (put("application", 0, "client_secret", value={"file": "empty"}), "client_secret: must not be empty"),
        (put("seller", 0, "marketplaces", value=[]), "seller[1].marketplaces: must not be empty"),
        (put("seller", 0, "marketplaces", value=SECRET), "seller[1].marketplaces: must be a list"),
        (put("seller", 0, "region", value=SECRET), "seller[1].region: Input should be 'na', 'eu' or 'fe'"),
        (put("seller", 0, "seller_id", value="A" * 201), "seller[1].seller_id: String should have at most 200"),
        (put("access_key", 0, "sellers", value=[]), "access_key[1].sellers: must not be empty"),
        (put("access_key", 0, "mws_auth_tokens", value=SECRET), "access_key[1].mws_auth_tokens: must be a table"),
        (
            put("access_key", 0, "mws_auth_tokens", value={"A1SELLER": {"env": "NOT_SET"}}),
            "access_key[1].mws_auth_tokens.A1SELLER: environment variable NOT_SET is not set",
        ),
        (put("server", "port", value=65536), "server.port: Input should be less than or equal to 65535"),
        (put("server", "port", value=SECRET), "server.port: Input should be a valid integer"),
        (put("server", "host", value=""), "server.host: must not be empty"),
        (put("server", "token_keys", value=["", SECRET]), "server.token_keys[1]: must not be empty"),
        (put("server", "log_level", value=SECRET), "server.log_level: Input should be 'debug', 'info'"),
        (put("server", "accept_deviant_signatures", value=[SECRET]), "server.accept_deviant_signatures[1]: Input"),
        (put("server", value=SECRET), "server: must be a table"),
        (put("upstream", "deadline", value=0), "upstream.deadline: Input should be greater than 0"),
        (put("upstream", "attempts", value=11), "upstream.attempts: Input should be less than or equal to 10"),
        (put("upstream", "read_timeout", value=SECRET), "upstream.read_timeout: Input should be a valid number"),
        (put("upstream", "origins", value={"us": "https://h"}), "upstream.origins.us"),
        (
            put("upstream", "origins", value={"na": "h.example"}),
            "upstream.origins.na: is not an address like https://",
        ),
        (
            put("upstream", "origins", value={"na": "https://h/v0"}),
            "upstream.origins.na: must end after host and port",
        ),
        (
            put("upstream", "lwa_url", value="api.amazon.com/auth"),
            "upstream.lwa_url: is not an address like https://",
        ),
        (put("upstream", "lwa_url", value="https://h:port/"), "upstream.lwa_url: is not an address like https://"),
        (put("server", "workers", value=0), "server.workers: Input should be greater than or equal to 1"),
        (put("server", "workers", value=65), "server.workers: Input should be less than or equal to 64"),
        (put("server", "log_format", value=SECRET), "server.log_format: Input should be 'text' or 'json'"),
        (put("server", "head_seconds", value=0), "server.head_seconds: Input should be greater than 0"),
        (put("server", "body_seconds", value=601), "server.body_seconds: Input should be less than or equal to 600"),
        (put("server", "send_seconds", value="nan"), "server.send_seconds: Input should be"),
        (put("server", "in_flight", value=0), "server.in_flight: Input should be greater than or equal to 1"),
        (put("server", "in_flight_per_seller", value=10_001), "server.in_flight_per_seller: Input should be less"),
        (
            put("server", "trusted_proxies", value=["10.0.0.1", SECRET]),
            "server.trusted_proxies[2]: is neither an address nor a network like 10.0.0.0/8",
        ),
        (put("server", "trusted_proxies", value=["10.0.0.0/33"]), "server.trusted_proxies[1]: is neither an address"),
        (put("server", "certificate", value="none"), "none cannot be read: No such file"),
        (put("server", "private_key", value="."), "is a directory, and is not read: put a"),
        (put("server", "certificate", value="empty"), "server.private_key: is missing: server.certificate is of no"),
        (put("server", "private_key", value="empty"), "server.certificate: is missing: server.private_key is of no"),
        (
            put("server", value={"certificate": "empty", "private_key": "binary"}),
            "server.certificate: must be a chain in PEM, and server.private_key its key in PEM without a pass phrase",
        ),
        (put("admin", value=SECRET), "admin: must be a table"),
        (put("admin", "port", value=-1), "admin.port: Input should be greater than or equal to 0"),
        (put("admin", "host", value="0.0.0.0"), "admin.token: is missing: who can reach admin.host from other"),
        (put("admin", "host", value="admin.example"), "admin.token: is missing: who can reach admin.host from other"),
        (put("state", value=f"http://{SECRET}@h"), "state: is not an address like redis://host:6379/0"),
        (put("state", value=f"redis://:{SECRET}@"), "state: is not an address like redis://host:6379/0"),
        (put("state", value=f"redis://h:{SECRET}"), "state: is not an address like redis://host:6379/0"),
        (put("state", value="unix://"), "state: is not an address like redis://host:6379/0"),
        (put("state", value="redis://h"), "server.token_keys: is missing: processes that share their work must open"),
        (put("revoked", value={"id": SECRET}), "revoked: there may be several: write [[revoked]], with two brackets"),
        (put("revoked", value=[{"id": "AKIA1"}]), "revoked[1].at: is missing"),
        (put("revoked", value=[{"id": "AKIA1", "at": SECRET}]), "revoked[1].at: Input should be a valid datetime"),
        (put("accounts", value=""), "accounts: must not be empty"),
        (put("accounts", value="none.d"), "none.d: No such file or directory"),
        (put("accounts", value=5), "accounts: Input should be a valid string"),
    ],
)
def test_a_fault_is_named_with_its_place(change: Change, fault: str, tmp_path: Path) -> None:
    """Each mistake is one fault that names its place in the file, counted from one, and says what to write; it
    repeats no value."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_text("\n")
    data = least()
    change(data)
    found = faults(data, {"EMPTY": ""}, tmp_path)
    assert len(found) == 1
    assert fault in found[0]


def test_several_workers_need_a_store() -> None:
    """More than one worker needs a shared store and a key for NextTokens; both are told at once."""
    data = least()
    data["server"] = {"workers": 2}
    assert faults(data) == (
        'server.workers: several workers need a store that they share: set state = "redis://…"',
        "server.token_keys: is missing: processes that share their work must open each other's NextTokens",
    )
    data["server"]["token_keys"] = ["k"]
    data["state"] = {"env": "STORE"}
    assert parse(data, {"STORE": "redis://h"}).server.workers == 2


@pytest.mark.parametrize(
    "url",
    ["redis://h", "rediss://:p@h:6380/1", "unix:///run/store.sock", "valkey://h:1", "valkeys://h", "redis://[::1]:1"],
)
def test_addresses_of_a_store(url: str) -> None:
    """Each scheme of a store is taken, and its address, which may hold a password, is not shown."""
    settings = parse({**least(), "state": url, "server": {"token_keys": ["k"]}})
    assert settings.state is not None
    assert settings.state.get_secret_value() == url
    assert url not in repr(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_the_admin_port_of_this_machine(host: str) -> None:
    """On loopback the admin port needs no token; without its table there is none."""
    admin = parse({**least(), "admin": {"host": host}}).admin
    assert admin is not None
    assert (admin.host, admin.port, admin.token) == (host, 8014, None)
    assert parse({**least(), "admin": {}}).admin is not None
    assert parse(least()).admin is None
    everywhere = parse({**least(), "admin": {"host": "::", "token": SECRET}})
    assert SECRET not in repr(everywhere)


def test_proxies_are_addresses_and_networks() -> None:
    """Addresses and networks of both versions are taken; a network may be written with an address in it."""
    data = {**least(), "server": {"trusted_proxies": ["10.1.2.3", "10.1.2.3/8", "2001:DB8::/32", "::1"]}}
    assert parse(data).server.trusted_proxies == ("10.1.2.3", "10.0.0.0/8", "2001:db8::/32", "::1")


def write_certificate(folder: Path, name: str) -> None:
    """A certificate that signs itself, and its key, in two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2046))
        .sign(key, SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
    form = serialization.PrivateFormat.PKCS8
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    locked = serialization.BestAvailableEncryption(SECRET.encode())
    (folder / f"{name}.locked.key").write_bytes(key.private_bytes(pem, form, locked))


def test_a_certificate_and_its_key(tmp_path: Path) -> None:
    """Both paths are relative to the file; a key of another certificate, or one that has a pass phrase, is found out
    when the settings are read."""
    write_certificate(tmp_path, "ours")
    write_certificate(tmp_path, "other")
    data = {**least(), "server": {"certificate": "ours.pem", "private_key": "ours.key"}}
    server = parse(data, base=tmp_path).server
    assert (server.certificate, server.private_key) == (str(tmp_path / "ours.pem"), str(tmp_path / "ours.key"))
    for wrong in ("other.key", "ours.locked.key", "ours.pem"):
        data["server"] = {"certificate": "ours.pem", "private_key": wrong}
        (fault,) = faults(data, base=tmp_path)
        assert fault.startswith("server.certificate: must be a chain in PEM, and server.private_key its key in PEM")


def test_ends_of_access_keys(tmp_path: Path) -> None:
    """A revocation has a day or a moment, in UTC where no zone is written; the earliest counts; and it may be of a
    key that there is not any more."""
    path = tmp_path / "mws-bridge.toml"
    entries = [
        ("AKIA1", "2026-12-01"),
        ("AKIA1", "2026-11-01T10:00:00+02:00"),
        ("AKIA1", "2026-11-30T00:00:00"),
        ("GONE", '"2020-01-01T00:00:00Z"'),
    ]
    path.write_text(LEAST + "".join(f'[[revoked]]\nid = "{id_}"\nat = {at}\n' for id_, at in entries))
    assert load_settings(path, {}).ends == {
        "AKIA1": datetime(2026, 11, 1, 8, tzinfo=UTC),
        "GONE": datetime(2020, 1, 1, tzinfo=UTC),
    }


def test_all_faults_at_once() -> None:
    """Whoever wrote a configuration is told of everything in it that is wrong, not of the first thing only."""
    data = copy.deepcopy(least())
    data["server"] = {"port": -1, "log_level": "loud"}
    data["application"][0]["client_secret"] = {"env": "NOT_SET"}
    del data["seller"][0]["refresh_token"]
    data["access_key"].append({"id": "AKIA2", "secret": "", "sellers": []})
    assert [fault.partition(":")[0] for fault in faults(data)] == [
        "server.port",
        "server.log_level",
        "application[1].client_secret",
        "seller[1].refresh_token",
        "access_key[2].secret",
        "access_key[2].sellers",
    ]


def test_all_contradictions_at_once() -> None:
    """What only the whole shows is told with every place: names that lead nowhere, things that are there twice,
    sellers of more than one region or of none."""
    data = least()
    data["application"] *= 3
    seller = data["seller"][0]
    data["seller"] += [
        {**seller, "seller_id": "A2SELLER", "application": "none"},
        {**seller, "seller_id": "A3SELLER", "marketplaces": ["ATVPDKIKX0DER", "A1PA6795UKMFR9"]},
        {**seller, "seller_id": "A4SELLER", "marketplaces": ["A0NEWMARKETPLACE"]},
        {**seller, "seller_id": "A5SELLER", "region": "eu"},
        seller,
    ]
    data["access_key"] += [
        {
            "id": "AKIA1",
            "secret": SECRET,
            "sellers": ["A1SELLER", "A9SELLER"],
            "mws_auth_tokens": {"A8SELLER": SECRET},
        },
        {"id": "AKIA1", "secret": SECRET, "sellers": ["A1SELLER"]},
    ]
    assert [fault.partition("; write")[0] for fault in faults(data)] == [
        "application.name: default is there twice",
        "seller.seller_id: A1SELLER is there twice",
        "access_key.id: AKIA1 is there twice",
        (
            "seller[3].marketplaces: must be of one region (now: eu, na), that of the refresh token; "
            "set region where all of the marketplaces are new"
        ),
        (
            "seller[4].marketplaces: must be of one region (now: none that is known), that of the refresh token; "
            "set region where all of the marketplaces are new"
        ),
        (
            "seller[5].marketplaces: must be of one region (now: eu, na), that of the refresh token; "
            "set region where all of the marketplaces are new"
        ),
        "seller[2].application: no [[application]] is named none",
        "access_key[2].sellers: no [[seller]] has seller_id A9SELLER",
        "access_key[2].mws_auth_tokens: no [[seller]] has seller_id A8SELLER",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"[server\n", "not TOML: "),
        (b"port = 1\nport = 2\n", "not TOML: "),
        (b'name = "\xff"\n', "is not UTF-8 text: save it as UTF-8"),
        (LEAST.encode("utf-16"), "is not UTF-8 text: save it as UTF-8"),
        (LEAST.encode("utf-16-le"), "is not UTF-8 text: save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_toml(content: bytes, fault: str, tmp_path: Path) -> None:
    """Text that is not TOML, or in another encoding, is one fault, which names the file."""
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})
    assert len(caught.value.faults) == 1
    assert caught.value.faults[0].startswith(f"{path}: {fault}")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a directory are faults that name them and say why, without words of Python's."""
    told = (
        (tmp_path / "none.toml", "cannot be read: No such file or directory"),
        (tmp_path, "is a directory, and is not read: put a regular file in its place"),
    )
    for path, words in told:
        with pytest.raises(SettingsError) as caught:
            load_settings(path, {})
        assert caught.value.faults == (f"{path}: {words}",)


def test_a_file_that_notepad_wrote(tmp_path: Path) -> None:
    """The mark that Windows puts before text in UTF-8, and its line ends, are no part of a configuration."""
    path = tmp_path / "mws-bridge.toml"
    path.write_bytes(b"\xef\xbb\xbf" + LEAST.strip().replace("\n", "\r\n").encode())
    assert load_settings(path, {}) == parse(least())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{SECRET} \n".encode(), "has blanks before or after the secret: remove them"),
        (f"\t{SECRET}".encode(), "has blanks before or after the secret: remove them"),
        (b" \n", "has blanks before or after the secret: remove them"),
        (f"{SECRET}\nhttps://example.com\n".encode(), "holds more than one line: leave the secret in it"),
        (f"{SECRET}\n\n".encode(), "holds more than one line: leave the secret in it"),
        (f"{SECRET}\r\n\r\n".encode(), "holds more than one line: leave the secret in it"),
        (f"\n{SECRET}".encode(), "holds more than one line: leave the secret in it"),
        (f"{SECRET}\x1b[0m".encode(), "holds characters that cannot be seen: write the secret anew"),
        (f"{SECRET}\u200b\n".encode(), "holds characters that cannot be seen: write the secret anew"),
        (f"\ufeff\ufeff{SECRET}\n".encode(), "holds characters that cannot be seen: write the secret anew"),
        (SECRET.encode("utf-16"), "is not UTF-8 text: save it as UTF-8"),
        (SECRET.encode("utf-16-le"), "is not UTF-8 text: save it as UTF-8"),
        (f"{SECRET}\0".encode(), "is not UTF-8 text: save it as UTF-8"),
    ],
)
def test_a_secret_that_is_not_what_was_meant(content: bytes, words: str, tmp_path: Path) -> None:
    """What nobody sees in a file with a secret, and Amazon would call a wrong secret, is found out when it is read:
    the fault names the file and the remedy."""
    (tmp_path / "token").write_bytes(content)
    data = least()
    data["seller"][0]["refresh_token"] = {"file": "token"}
    (fault,) = faults(data, base=tmp_path)
    assert fault.startswith(f"seller[1].refresh_token: {tmp_path}/token {words}")


def test_a_secret_may_hold_blanks_and_other_letters(tmp_path: Path) -> None:
    """What can be seen is taken as it is; one line end of any kind is taken off."""
    for end in ("", "\n", "\r\n", "\r"):
        (tmp_path / "key").write_bytes(f"ein Schlüssel = {{x}}{end}".encode())
        settings = parse({**least(), "server": {"token_keys": [{"file": "key"}]}}, base=tmp_path)
        assert settings.server.token_keys[0].get_secret_value() == "ein Schlüssel = {x}"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://127.0.0.1:8013", "http://127.0.0.1:8013"),
        ("https://mws.example.com/", "https://mws.example.com"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("HTTPS://H", "HTTPS://H"),
    ],
)
def test_origins(text: str, origin: str) -> None:
    """Scheme, host and port make an origin; the slash that people put behind it is taken off."""
    assert check_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        *("", "h", "h:80", "ftp://h", "https://", "http://:80", "http://h:99999", "http://h:x", "http://[::1"),
        *("http://u:p@h", "http://h/path", "http://h?q", "http://h#f", "http://h h", "http://h\n"),
    ],
)
def test_what_is_no_origin(text: str) -> None:
    """Anything else is refused, without repeating it."""
    with pytest.raises(ValueError, match=r"is not an address like|must end after host and port") as caught:
        check_origin(text)
    assert str(caught.value) in {
        "is not an address like https://host:port",
        "must end after host and port, without a path",
    }
