"""``mws-bridge keys``: key pairs are made, listed, rotated and revoked, and no secret shows where it must not."""

import fcntl
import json
import os
import re
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge import keys as key_files
from bridge.accounts import AccountSource
from bridge.cli import keys as verb
from bridge.cli import main
from bridge.keys import KeysError, end_key, locked, new_pair, replace_key, write_key
from bridge.settings import load_settings

Capture = pytest.CaptureFixture[str]
NOW = datetime(2026, 11, 22, 10, 30, 15, 999, tzinfo=UTC)
OLD_SECRET = "the secret of the old key"
TOKEN = "amzn.mws.token-of-a-seller"
MAIN = """\
[[application]]
client_id = "c"
client_secret = "s"
"""
ACCOUNTS = f"""\
[[seller]]
seller_id = "A1"
refresh_token = "r"
marketplaces = ["ATVPDKIKX0DER"]

[[seller]]
seller_id = "A2"
refresh_token = "r"
marketplaces = ["ATVPDKIKX0DER"]

[[access_key]]
id = "AKIAOLD"
secret = "{OLD_SECRET}"
sellers = ["A1", "A2"]
"""


REAL_NOW = verb._now


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "_now", lambda: NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A configuration with a directory of accounts."""
    (tmp_path / "sellers.d").mkdir()
    (tmp_path / "sellers.d" / "a.toml").write_text(ACCOUNTS)
    path = tmp_path / "mws-bridge.toml"
    path.write_text(f'accounts = "sellers.d"\n{MAIN}')
    return path


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A configuration in one file."""
    path = tmp_path / "alone.toml"
    path.write_text(MAIN + ACCOUNTS)
    return path


def run(capsys: Capture, path: Path, *typed: str) -> tuple[int, str, str]:
    """Exit code and what was printed; none of it is an old secret."""
    code = main(["keys", *typed, "--config", str(path)])
    told = capsys.readouterr()
    assert OLD_SECRET not in told.out + told.err
    return code, told.out, told.err


def done(capsys: Capture, path: Path, *typed: str) -> str:
    """What was printed by what succeeded, without a note."""
    code, out, err = run(capsys, path, *typed)
    assert (code, err) == (0, "")
    return out


def refused(capsys: Capture, path: Path, *typed: str) -> str:
    """What was said about why nothing was done."""
    code, out, err = run(capsys, path, *typed)
    assert (code, out) == (2, "")
    return err


def pair_in(out: str) -> tuple[str, str]:
    """The key pair that was shown."""
    id_, secret = re.findall(r"^(?:access key|secret) {3,}(\S+)$", out, re.MULTILINE)
    return id_, secret


def test_the_shape_of_a_pair() -> None:
    """Ids and secrets look like Amazon's, so that programs which check this are content; no two are the same, and a
    pair does not show its secret."""
    pairs = [new_pair() for _ in range(200)]
    assert all(re.fullmatch(r"AKIA[A-Z2-7]{16}", pair.id) for pair in pairs)
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{40}", pair.secret) for pair in pairs)
    assert len({pair.id for pair in pairs}) == len({pair.secret for pair in pairs}) == 200
    assert {character for pair in pairs for character in pair.secret} >= {"+", "/"}
    assert pairs[0].secret not in repr(pairs[0])


def test_new(path: Path, capsys: Capture) -> None:
    """A new key is written into a file of its own, for its owner only, and shown once with what the old program
    needs; a bridge that runs takes it over."""
    source = AccountSource(path, {})
    source.load()
    out = done(capsys, path, "new", "A2", "A1", "A2")
    id_, secret = pair_in(out)
    file = path.parent / "sellers.d" / f"key-{id_}.toml"
    assert f"Written to {file}, for its owner only. The secret is shown this once." in out
    assert "sellers      A2, A1\n" in out
    assert "(it listens on http://127.0.0.1:8013)" in out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert source.changed()
    key = source.load().settings.access_key[1]
    assert (key.id, key.secret.get_secret_value(), key.sellers) == (id_, secret, ("A2", "A1"))
    assert sorted(one.name for one in file.parent.iterdir()) == ["a.toml", file.name]


def test_the_first_key(path: Path, capsys: Capture) -> None:
    """The first key of a configuration that has none, and could not be served yet, is made in the same way."""
    accounts = path.parent / "sellers.d" / "a.toml"
    accounts.write_text(ACCOUNTS.partition("[[access_key]]")[0])
    id_, _ = pair_in(done(capsys, path, "new", "A1"))
    assert [key.id for key in load_settings(path, {}).access_key] == [id_]


def test_new_without_a_directory(alone: Path, capsys: Capture) -> None:
    """Without a directory, what is to be put into the file is shown, and the file is left alone."""
    before = alone.read_text()
    out = done(capsys, alone, "new", "A1")
    id_, secret = pair_in(out)
    table = f'[[access_key]]\nid = "{id_}"\nsecret = "{secret}"\nsellers = ["A1"]\n'
    assert f"\nPut this into {alone}:\n\n{table}\n" in out
    assert 'accounts = "sellers.d"' in out
    assert alone.read_text() == before
    alone.write_text(before + table)
    assert load_settings(alone, {}).access_key[1].id == id_


def test_new_for_nobody(path: Path, capsys: Capture) -> None:
    """A seller that there is not is refused with those that there are, ten at the most; nothing is written."""
    assert refused(capsys, path, "new", "A1", "A3") == (
        "mws-bridge: no [[seller]] has seller_id A3; known are A1, A2\n"
    )
    tables = [
        f'[[seller]]\nseller_id = "B{number}"\nrefresh_token = "r"\nmarketplaces = ["ATVPDKIKX0DER"]\n'
        for number in range(12)
    ]
    (path.parent / "sellers.d" / "b.toml").write_text("".join(tables))
    assert refused(capsys, path, "new", "X").endswith("A1, A2, B0, B1, B2, B3, B4, B5, B6, B7 and 4 more\n")
    assert len(list((path.parent / "sellers.d").iterdir())) == 2


def test_where_https_is_served(path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that is shown has the scheme that is served."""
    from tests.test_settings import write_certificate

    write_certificate(path.parent, "ours")
    path.write_text(path.read_text() + '[server]\ncertificate = "ours.pem"\nprivate_key = "ours.key"\n')
    assert "(it listens on https://127.0.0.1:8013)" in done(capsys, path, "new", "A1")


def test_list(path: Path, capsys: Capture) -> None:
    """All keys are listed, with where they are and whether they are valid; never a secret."""
    others = "".join(
        f'[[access_key]]\nid = "AKIA{name}"\nsecret = "{OLD_SECRET}"\nsellers = ["A1"]\n' for name in ("PAST", "SOON")
    )
    ends = "".join(
        f'[[revoked]]\nid = "AKIA{name}"\nat = {at}\n'
        for name, at in (("PAST", "2026-11-22"), ("SOON", "2026-11-23T01:00:00+02:00"))
    )
    path.write_text(path.read_text() + others + ends)
    place = path.parent / "sellers.d" / "a.toml"
    lines = [re.split(r" {2,}", line.strip()) for line in done(capsys, path, "list").splitlines()]
    assert lines == [
        ["access key", "sellers", "configured in", "state"],
        ["AKIAPAST", "A1", str(path), "revoked since 2026-11-22 00:00 UTC"],
        ["AKIASOON", "A1", str(path), "ends on 2026-11-22 23:00 UTC"],
        ["AKIAOLD", "A1, A2", str(place), "valid"],
    ]
    listed: list[dict[str, Any]] = json.loads(done(capsys, path, "list", "--format", "json"))
    assert listed[1:] == [
        {
            "id": "AKIASOON",
            "sellers": ["A1"],
            "place": str(path),
            "state": "ending",
            "ends": "2026-11-23T01:00:00+02:00",
        },
        {"id": "AKIAOLD", "sellers": ["A1", "A2"], "place": str(place), "state": "valid", "ends": None},
    ]


def test_list_on_a_terminal(path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets lines that fit into it, with nothing left out; of many sellers, three are named."""
    sellers = [f"B{number}" for number in range(5)]
    tables = [
        f'[[seller]]\nseller_id = "{name}"\nrefresh_token = "r"\nmarketplaces = ["ATVPDKIKX0DER"]\n'
        for name in sellers
    ]
    key = f'[[access_key]]\nid = "AKIAMANY"\nsecret = "s"\nsellers = {sellers}\n'
    path.write_text(path.read_text() + "".join(tables) + key)
    assert "B0, B1, B2 and 2 more  " in done(capsys, path, "list")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    out = re.sub(r"\x1b\[[0-9;]*m", "", done(capsys, path, "list"))
    assert max(map(len, out.splitlines())) <= 60
    assert "AKIAOLD" in out


def test_rotate(path: Path, capsys: Capture) -> None:
    """A rotated key has a successor for the same sellers, and both are valid for the days that are asked for."""
    out = done(capsys, path, "rotate", "AKIAOLD")
    id_, secret = pair_in(out)
    revocations = path.parent / "sellers.d" / "revoked.toml"
    assert revocations.read_text() == '[[revoked]]\nid = "AKIAOLD"\nat = 2026-12-06T10:30:15Z\n'
    assert stat.S_IMODE(revocations.stat().st_mode) == 0o644
    assert out.endswith(
        "\n\nAKIAOLD goes on until 2026-12-06 10:30 UTC\n"
        f"Written to {revocations}. A running bridge takes it over within seconds, or at once on SIGHUP.\n"
    )
    settings = load_settings(path, {})
    old, new = settings.access_key
    assert (new.id, new.secret.get_secret_value(), new.sellers) == (id_, secret, old.sellers)
    assert settings.ends == {"AKIAOLD": datetime(2026, 12, 6, 10, 30, 15, tzinfo=UTC)}
    out = done(capsys, path, "rotate", id_, "--days", "0")
    assert f"\n{id_} is unknown from 2026-11-22 10:30 UTC\n" in out


def test_rotation_never_prolongs(path: Path, capsys: Capture) -> None:
    """A key that ends earlier already still does."""
    done(capsys, path, "revoke", "AKIAOLD", "--at", "2026-11-24")
    assert "AKIAOLD goes on until 2026-11-24 00:00 UTC" in done(capsys, path, "rotate", "AKIAOLD")
    assert list(load_settings(path, {}).ends.values()) == [datetime(2026, 11, 24, tzinfo=UTC)]


@pytest.mark.parametrize("where", ["main", "directory"])
def test_rotate_keeps_the_tokens(where: str, path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The MWSAuthTokens of the sellers go over as they are written, secrets in files and in the environment too, from
    whichever file the old key is in."""
    monkeypatch.setenv("A2_TOKEN", "from-env")
    tokens = 'mws_auth_tokens = { A1 = { file = "token" }, A2 = { env = "A2_TOKEN" } }\n'
    main_text, accounts = path.read_text(), path.parent / "sellers.d" / "a.toml"
    seller_tables, _, key_table = ACCOUNTS.partition("[[access_key]]")
    if where == "main":
        path.write_text(f"{main_text}[[access_key]]{key_table}{tokens}")
        accounts.write_text(seller_tables)
        (path.parent / "token").write_text(TOKEN)
    else:
        accounts.write_text(ACCOUNTS + tokens)
        (accounts.parent / "token").write_text(TOKEN)
    out = done(capsys, path, "rotate", "AKIAOLD")
    assert TOKEN not in out
    old, new = load_settings(path, os.environ).access_key
    assert old.id == "AKIAOLD"
    assert new.mws_auth_tokens == old.mws_auth_tokens
    assert new.mws_auth_tokens["A1"].get_secret_value() == TOKEN
    text = (accounts.parent / f"key-{new.id}.toml").read_text()
    assert TOKEN not in text
    assert 'A2 = {env = "A2_TOKEN"}' in text


def test_rotate_without_a_directory(alone: Path, capsys: Capture) -> None:
    """Without a directory, both tables are shown, and together they are the rotation."""
    before = alone.read_text() + f'mws_auth_tokens = {{ A1 = "{TOKEN}" }}\n'
    alone.write_text(before)
    out = done(capsys, alone, "rotate", "AKIAOLD", "--days", "7")
    tables = re.findall(r"^\[\[\w+\]\]\n(?:\w+ = .*\n)+", out, re.MULTILINE)
    assert alone.read_text() == before
    alone.write_text(before + "".join(tables))
    settings = load_settings(alone, {})
    assert settings.access_key[1].mws_auth_tokens == settings.access_key[0].mws_auth_tokens
    assert settings.ends == {"AKIAOLD": datetime(2026, 11, 29, 10, 30, 15, tzinfo=UTC)}


def test_revoke(path: Path, capsys: Capture) -> None:
    """A key ends now, or when it is said; what a person wrote into the file of revocations stays."""
    revocations = path.parent / "sellers.d" / "revoked.toml"
    words = '# of the shop that closed\n[[revoked]]\nid = "AKIAGONE"  # Anna\nat = 2020-01-01\n'
    revocations.write_text(words)
    revocations.chmod(0o640)
    assert "AKIAOLD goes on until 2026-12-01 00:00 UTC\n" in done(
        capsys, path, "revoke", "AKIAOLD", "--at", "2026-12-01"
    )
    assert revocations.read_text() == f'{words}[[revoked]]\nid = "AKIAOLD"\nat = 2026-12-01T00:00:00Z\n'
    assert done(capsys, path, "revoke", "AKIAOLD").splitlines() == [
        "AKIAOLD is unknown from 2026-11-22 10:30 UTC",
        f"Written to {revocations}. A running bridge takes it over within seconds, or at once on SIGHUP.",
    ]
    assert revocations.read_text() == f'{words}[[revoked]]\nid = "AKIAOLD"\nat = 2026-11-22T10:30:15Z\n'
    assert stat.S_IMODE(revocations.stat().st_mode) == 0o640
    assert load_settings(path, {}).ends["AKIAOLD"] <= NOW


def test_now_is_now(path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a date, a key ends at the moment of the command."""
    monkeypatch.setattr(verb, "_now", REAL_NOW)
    began = datetime.now(UTC).replace(microsecond=0)
    done(capsys, path, "revoke", "AKIAOLD")
    assert began <= load_settings(path, {}).ends["AKIAOLD"] <= datetime.now(UTC)


def test_a_revoked_key_does_not_come_back(path: Path, capsys: Capture) -> None:
    """A key that is revoked can be neither prolonged nor rotated."""
    done(capsys, path, "revoke", "AKIAOLD")
    words = "mws-bridge: AKIAOLD has been revoked since 2026-11-22 10:30 UTC; make another: mws-bridge keys new\n"
    assert refused(capsys, path, "revoke", "AKIAOLD", "--at", "2027-01-01") == words
    assert refused(capsys, path, "rotate", "AKIAOLD") == words


def test_another_file_may_end_it_earlier(path: Path, capsys: Capture) -> None:
    """What is told is from when on the key is unknown, whichever file says so."""
    path.write_text(path.read_text() + '[[revoked]]\nid = "AKIAOLD"\nat = 2026-11-25\n')
    out = done(capsys, path, "revoke", "AKIAOLD", "--at", "2026-12-24")
    assert "AKIAOLD goes on until 2026-11-25 00:00 UTC\n" in out


def test_revoke_without_a_directory(alone: Path, capsys: Capture) -> None:
    """What is to be put into the file is shown; since the key is still valid, the exit code is 2."""
    code, out, err = run(capsys, alone, "revoke", "AKIAOLD")
    assert code == 2
    assert out == (
        f'To end AKIAOLD, put this into {alone}:\n\n[[revoked]]\nid = "AKIAOLD"\nat = 2026-11-22T10:30:15Z\n\n'
    )
    assert err == "mws-bridge: AKIAOLD stays valid as long as that is not there\n"


def test_keys_that_there_are_not(path: Path, capsys: Capture) -> None:
    """An id that no key has cannot be rotated; it is refused with those that there are."""
    words = "mws-bridge: no [[access_key]] has id AKIANONE; known are AKIAOLD\n"
    assert refused(capsys, path, "rotate", "AKIANONE") == words
    accounts = path.parent / "sellers.d" / "a.toml"
    accounts.write_text(ACCOUNTS.partition("[[access_key]]")[0])
    assert refused(capsys, path, "rotate", "AKIAOLD").endswith("has id AKIAOLD; known are none\n")


def test_revoke_what_is_not_known(path: Path, capsys: Capture) -> None:
    """A running bridge may serve a key of a file that is bad or gone by now. So any id can be revoked; a warning
    tells those that there are, so that nobody shall think that another key was revoked."""
    code, out, err = run(capsys, path, "revoke", "AKIANONE")
    assert (code, out.splitlines()[0]) == (0, "AKIANONE is unknown from 2026-11-22 10:30 UTC")
    assert err == "mws-bridge: warning: no [[access_key]] has id AKIANONE; known are AKIAOLD\n"
    assert list(load_settings(path, {}).ends) == ["AKIANONE"]
    assert refused(capsys, path, "revoke", "AKIANONE").splitlines()[-1] == (
        "mws-bridge: AKIANONE has been revoked since 2026-11-22 10:30 UTC; make another: mws-bridge keys new"
    )


@pytest.mark.parametrize("id_", ["AKIA NONE", "", "A" * 201, "AKIA\x1b", "AKIA\u200b"])
def test_revoke_what_can_be_no_key(id_: str, path: Path, capsys: Capture) -> None:
    """What can be no id is not written."""
    assert refused(capsys, path, "revoke", id_) == "mws-bridge: ID: write an access key like AKIAIMPORT0000000001\n"
    assert [one.name for one in (path.parent / "sellers.d").iterdir()] == ["a.toml"]


def test_revoke_the_key_of_a_bad_file(path: Path, capsys: Capture) -> None:
    """When the file of a key breaks, a running bridge serves the key from what it has kept; the key can be revoked,
    and the bridge hears it."""
    id_, _ = pair_in(done(capsys, path, "new", "A1"))
    source = AccountSource(path, {})
    source.load()
    file = path.parent / "sellers.d" / f"key-{id_}.toml"
    file.write_text(file.read_text() + "[[")
    assert id_ in [key.id for key in source.load().settings.access_key]
    code, out, err = run(capsys, path, "list")
    assert code == 0
    assert id_ not in out
    assert f"mws-bridge: note: keys that only {file} may have are not listed\n" in err
    code, out, err = run(capsys, path, "revoke", id_)
    assert (code, out.splitlines()[0]) == (0, f"{id_} is unknown from 2026-11-22 10:30 UTC")
    assert err.splitlines()[1:] == [
        f"mws-bridge: warning: no [[access_key]] has id {id_}; known are AKIAOLD; not used as they are: {file}"
    ]
    assert source.load().settings.ends == {id_: datetime(2026, 11, 22, 10, 30, 15, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("[[revoked", "not TOML: "),
        ('revoked = "all"\n', "revoked: there may be several: write [[revoked]], with two brackets"),
        ("[server]\n", "server: belongs into the main file"),
        (b"\xff", "is not UTF-8 text: save it as UTF-8"),
        (None, "is a directory, and is not read: "),
    ],
    ids=["toml", "text", "table", "bytes", "directory"],
)
@pytest.mark.parametrize("typed", ["new A1", "rotate AKIAOLD", "revoke AKIAOLD", "revoke AKIANONE"])
def test_revocations_that_cannot_be_read(
    content: str | bytes | None, fault: str, typed: str, path: Path, capsys: Capture
) -> None:
    """While a file of revocations is bad nothing is written, neither there nor anywhere else; what is wrong with it
    is noted first."""
    directory = path.parent / "sellers.d"
    file = directory / "revoked.toml"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = {one.name: one.is_file() and one.read_bytes() for one in directory.iterdir()}
    note, last = refused(capsys, path, *typed.split()).splitlines()
    assert note.startswith(f"mws-bridge: note: {file}: {fault}")
    assert last == f"mws-bridge: {file}: ends access keys, and cannot be used: repair it first"
    assert {one.name: one.is_file() and one.read_bytes() for one in directory.iterdir()} == before


def test_list_while_ends_are_unknown(path: Path, capsys: Capture) -> None:
    """While a file that ends keys cannot be read, no key is called valid, unless another file says that it has
    ended."""
    others = "".join(
        f'[[access_key]]\nid = "AKIA{name}"\nsecret = "{OLD_SECRET}"\nsellers = ["A1"]\n' for name in ("PAST", "SOON")
    )
    ends = "".join(
        f'[[revoked]]\nid = "AKIA{name}"\nat = {at}\n'
        for name, at in (("PAST", "2026-11-22"), ("SOON", "2026-12-23"))
    )
    path.write_text(path.read_text() + others + ends)
    done(capsys, path, "revoke", "AKIAOLD")
    file = path.parent / "sellers.d" / "revoked.toml"
    file.write_text(file.read_text() + "[[")
    code, out, err = run(capsys, path, "list")
    assert code == 0
    states = [re.split(r" {2,}", row.strip())[-1] for row in out.splitlines()]
    assert states == ["state", "revoked since 2026-11-22 00:00 UTC", "unknown", "unknown"]
    fault, *notes = err.splitlines()
    assert fault.startswith(f"mws-bridge: note: {file}: not TOML: ")
    assert notes == [
        f"mws-bridge: note: keys that only {file} may have are not listed",
        f"mws-bridge: note: which keys have ended is unknown until {file} is repaired",
    ]
    _, out, _ = run(capsys, path, "list", "--format", "json")
    listed: list[dict[str, Any]] = json.loads(out)
    assert [(one["state"], one["ends"]) for one in listed] == [
        ("revoked", "2026-11-22T00:00:00+00:00"),
        ("unknown", "2026-12-23T00:00:00+00:00"),
        ("unknown", None),
    ]


def test_another_file_that_ends_keys_is_bad(path: Path, capsys: Capture) -> None:
    """While it cannot be read, no key is made; but each can be revoked, since the earliest end counts."""
    file = path.parent / "sellers.d" / "b.toml"
    file.write_text('[[revoked]]\nid = "AKIAOLD"\n')
    words = f"mws-bridge: {file}: ends access keys, and cannot be used: repair it first"
    for typed in ("new A1", "rotate AKIAOLD"):
        assert refused(capsys, path, *typed.split()).splitlines()[-1] == words
    code, out, _ = run(capsys, path, "revoke", "AKIAOLD")
    assert (code, out.splitlines()[0]) == (0, "AKIAOLD is unknown from 2026-11-22 10:30 UTC")


def test_revocations_in_another_form(path: Path, capsys: Capture) -> None:
    """Revocations in one line, which are good but cannot be added to, are refused before a key is made."""
    file = path.parent / "sellers.d" / "revoked.toml"
    file.write_text('revoked = [{ id = "AKIAGONE", at = 2020-01-01 }]\n')
    words = f"mws-bridge: {file}: revoked must be written [[revoked]], with two brackets: repair it first\n"
    assert refused(capsys, path, "rotate", "AKIAOLD") == words
    assert refused(capsys, path, "revoke", "AKIAOLD") == words
    assert sorted(one.name for one in file.parent.iterdir()) == ["a.toml", "revoked.toml"]


def test_revoke_beside_a_bad_main_file(path: Path, capsys: Capture) -> None:
    """Faults of the main file, such as a certificate that is being renewed, do not keep a key from being revoked: a
    bridge that runs takes it over. Where the directory is not known, nothing can be done."""
    good = path.read_text()
    source = AccountSource(path, {})
    source.load()
    path.write_text(f"{good}[server]\nprot = 1\n")
    source.load()
    code, out, err = run(capsys, path, "revoke", "AKIAOLD")
    file = path.parent / "sellers.d" / "revoked.toml"
    assert code == 0
    assert out == (
        "AKIAOLD is unknown from 2026-11-22 10:30 UTC\n"
        f"Written to {file}, without a look at whether there is such a key. "
        "A running bridge takes it over within seconds, or at once on SIGHUP.\n"
    )
    assert err.splitlines() == [f"mws-bridge: {path} cannot be used:", "  server.prot: there is no such setting"]
    assert list(source.load().settings.ends) == ["AKIAOLD"]
    assert "goes on until 2026-12-01 00:00 UTC" in run(capsys, path, "revoke", "AKIAOTHER", "--at", "2026-12-01")[1]
    before = file.read_text()
    assert "AKIAOLD has been revoked since" in refused(capsys, path, "revoke", "AKIAOLD", "--at", "2027-01-01")
    assert run(capsys, path, "revoke", "AKIA OLD")[0] == 2
    path.write_text("[server")
    assert run(capsys, path, "revoke", "AKIAOTHER")[0] == 2
    assert file.read_text() == before
    path.write_text(f"{good}[server]\nprot = 1\n")
    file.write_text("[server]\n")
    assert refused(capsys, path, "revoke", "AKIAOLD").splitlines()[-1] == (
        f"mws-bridge: {file}: server: belongs into the main file"
    )
    assert file.read_text() == "[server]\n"


def test_revocations_that_go_bad_in_the_meantime(
    path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When what has been written does not count, the key goes on, and that is said."""
    file = path.parent / "sellers.d" / "revoked.toml"
    real = verb.end_key

    def spoiled(directory: Path, key_id: str, at: datetime) -> Path:
        written = real(directory, key_id, at)
        written.write_text("[server]\n")
        return written

    monkeypatch.setattr(verb, "end_key", spoiled)
    assert refused(capsys, path, "revoke", "AKIAOLD") == (
        f"mws-bridge: {file} cannot be used, and the key goes on: {file}: server: belongs into the main file\n"
    )


def test_what_notepad_has_written(path: Path, capsys: Capture) -> None:
    """Files with the mark that Windows puts before text can be rotated from, and added to."""
    directory = path.parent / "sellers.d"
    tokens = f'mws_auth_tokens = {{ A1 = "{TOKEN}" }}\n'
    (directory / "a.toml").write_text(ACCOUNTS + tokens, encoding="utf-8-sig")
    revocations = '[[revoked]]\nid = "AKIAGONE"\nat = 2020-01-01\n'
    (directory / "revoked.toml").write_text(revocations, encoding="utf-8-sig")
    done(capsys, path, "rotate", "AKIAOLD")
    assert load_settings(path, {}).access_key[1].mws_auth_tokens["A1"].get_secret_value() == TOKEN
    assert list(load_settings(path, {}).ends) == ["AKIAGONE", "AKIAOLD"]


def test_faults_of_other_files_are_noted(path: Path, capsys: Capture) -> None:
    """A bad file does not keep keys from being made for the sellers of the good ones."""
    file = path.parent / "sellers.d" / "b.toml"
    file.write_text("[server]\n")
    code, out, err = run(capsys, path, "new", "A1")
    assert (code, err) == (0, f"mws-bridge: note: {file}: server: belongs into the main file\n")
    assert pair_in(out)


def test_a_configuration_that_cannot_be_used(path: Path, capsys: Capture) -> None:
    """Faults of the main file are told as everywhere."""
    path.write_text("[server]\nprot = 1\n")
    assert refused(capsys, path, "list").splitlines()[:2] == [
        f"mws-bridge: {path} cannot be used:",
        "  server.prot: there is no such setting",
    ]


def test_the_key_of_the_environment(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of an environment can be listed; how to change it is said."""
    monkeypatch.chdir(tmp_path)
    names = ("CLIENT_ID", "CLIENT_SECRET", "SELLER_ID", "REFRESH_TOKEN", "ACCESS_KEY_SECRET")
    for name in names:
        monkeypatch.setenv(f"MWS_BRIDGE_{name}", "A1")
    monkeypatch.setenv("MWS_BRIDGE_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("MWS_BRIDGE_MARKETPLACES", "ATVPDKIKX0DER")
    assert main(["keys", "list"]) == 0
    assert re.split(r" {2,}", capsys.readouterr().out.splitlines()[1].strip()) == [
        *("AKIAENV", "A1", "the environment", "valid")
    ]
    for typed in (["new", "A1"], ["rotate", "AKIAENV"], ["revoke", "AKIAENV"]):
        assert main(["keys", *typed]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err == (
            "mws-bridge: the configuration in the environment (MWS_BRIDGE_…) has one key: change "
            "MWS_BRIDGE_ACCESS_KEY_… there, or write a file\n"
        )


# --- on disk --------------------------------------------------------------------------------------------------------


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    """A file of that name, or a link that leads nowhere, is left alone."""
    (tmp_path / "key-A.toml").write_text("mine")
    (tmp_path / "key-B.toml").symlink_to("nowhere")
    for name in "AB":
        with pytest.raises(KeysError, match=rf"key-{name}\.toml: is there already: try again"):
            write_key(tmp_path, name, "text")
    assert (tmp_path / "key-A.toml").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key-A.toml", "key-B.toml"]


def test_a_disk_that_is_full(path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written whole is not there at all; the secret is shown nowhere."""

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(key_files.os, "fsync", full)
    for typed in (["new", "A1"], ["revoke", "AKIAOLD"]):
        words = refused(capsys, path, *typed)
        assert re.fullmatch(r"mws-bridge: \S+\.toml: cannot be written: No space left on device\n", words)
    assert [one.name for one in (path.parent / "sellers.d").iterdir()] == ["a.toml"]


def test_half_a_rotation(path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the end of the old key cannot be written, there is no new one either."""
    real = os.fsync
    written = 0

    def full(descriptor: int) -> None:
        nonlocal written
        written += 1
        if written > 1:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(key_files.os, "fsync", full)
    assert "revoked.toml: cannot be written: No space left" in refused(capsys, path, "rotate", "AKIAOLD")
    assert [one.name for one in (path.parent / "sellers.d").iterdir()] == ["a.toml"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", r"is not UTF-8 text: save it as UTF-8"),
        (b"[[revoked", r"cannot be used \(.+\): repair it first"),
        (b'revoked = "all"', r"revoked must be written \[\[revoked\]\], with two brackets: repair it first"),
    ],
)
def test_a_file_of_revocations_that_breaks(
    content: bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be added to is left as it is, whoever asks; and no key is made, not even for a moment, whose
    predecessor would not end."""
    made: list[str] = []
    monkeypatch.setattr(key_files, "write_key", lambda _, key_id, __: made.append(key_id))
    (tmp_path / "revoked.toml").write_bytes(content)
    with pytest.raises(KeysError, match=rf"revoked\.toml: {words}$"):
        end_key(tmp_path, "A", NOW)
    with pytest.raises(KeysError, match=rf"revoked\.toml: {words}$"):
        replace_key(tmp_path, ("B", "text"), "A", NOW)
    assert made == []
    assert (tmp_path / "revoked.toml").read_bytes() == content


def test_a_draft_that_somebody_left(tmp_path: Path) -> None:
    """A draft of one that was killed is in nobody's way, nor are its permissions; one that cannot be removed is told
    of."""
    (tmp_path / ".key-A.toml.new").write_text("half")
    (tmp_path / ".key-A.toml.new").chmod(0o666)
    path = write_key(tmp_path, "A", "text")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("text", 0o600)
    (tmp_path / ".key-B.toml.new").mkdir()
    with pytest.raises(KeysError, match=r"key-B\.toml: cannot be written: "):
        write_key(tmp_path, "B", "text")


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """A directory that cannot be opened is told of."""
    with (
        pytest.raises(KeysError, match="none: cannot be opened: No such file or directory"),
        locked(tmp_path / "none"),
    ):
        pass


def test_files_belong_to_whoever_owns_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by root, a key is for the user of the bridge, whose directory it is; made by others, it is theirs."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(key_files.os, "fchown", lambda _, user, group: given.append((user, group)))
    monkeypatch.setattr(key_files.os, "geteuid", lambda: 1000)
    write_key(tmp_path, "A", "text")
    assert given == []
    monkeypatch.setattr(key_files.os, "geteuid", lambda: 0)
    write_key(tmp_path, "B", "text")
    assert given == [(tmp_path.stat().st_uid, tmp_path.stat().st_gid)]


def test_two_at_once(path: Path, capsys: Capture) -> None:
    """While somebody else writes revocations, another waits, and loses none of them."""
    directory = path.parent / "sellers.d"
    handle = os.open(directory, os.O_RDONLY)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main(["keys", "revoke", "AKIAOLD", "--config", str(path)])))
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        (directory / "revoked.toml").write_text('[[revoked]]\nid = "AKIAOTHER"\nat = 2020-01-01\n')
    finally:
        os.close(handle)
        thread.join(60)
    assert codes == [0]
    assert list(load_settings(path, {}).ends) == ["AKIAOTHER", "AKIAOLD"]


def test_a_key_that_goes_in_the_meantime(path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file of the key changes while it is rotated, nothing is made."""
    accounts = path.parent / "sellers.d" / "a.toml"
    real = verb.tokens_of

    def changed(file: Path, key_id: str, *, directory: Path | None) -> dict[str, object]:
        accounts.write_text("[[access_key]]\n")
        return real(file, key_id, directory=directory)

    monkeypatch.setattr(verb, "tokens_of", changed)
    assert refused(capsys, path, "rotate", "AKIAOLD") == (
        f"mws-bridge: {accounts}: has changed in the meantime: try again\n"
    )


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ([], "the following arguments are required: ACTION"),
        (["make"], "invalid choice: 'make'"),
        (["new"], "the following arguments are required: SELLER"),
        (["rotate", "ID", "--days", "-1"], "argument --days: write a number from 0 to 3650"),
        (["revoke", "ID", "--at", "tomorrow"], "argument --at: write a date like 2026-11-20"),
    ],
)
def test_what_cannot_be_typed(typed: list[str], words: str, capsys: Capture) -> None:
    """A command line that makes no sense ends with 2 and the reason."""
    with pytest.raises(SystemExit) as caught:
        main(["keys", *typed])
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("action", ["new", "list", "rotate", "revoke"])
def test_help_of_the_actions(action: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every action has a help that fits into a terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        main(["keys", action, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: mws-bridge keys {action} ")
    assert max(map(len, out.splitlines())) <= 80
