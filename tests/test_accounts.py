"""Accounts in a directory: what counts while files come, change, go, and are bad."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bridge.accounts import AccountSource, Loaded
from bridge.settings import (
    AccessKeySettings,
    ApplicationSettings,
    SellerSettings,
    Settings,
    SettingsError,
    load_settings,
    reading,
)
from bridge.settings.changes import Changed, changes
from bridge.settings.faults import Entries, twice
from bridge.settings.files import AccountFile
from bridge.settings.fitting import Candidate, fit
from tests.test_settings import write_certificate

SECRET = "hunter2-must-never-be-shown"
APPLICATION = '[[application]]\nclient_id = "client"\nclient_secret = "secret"\n'


def seller(name: str, *, application: str = "", more: str = "") -> str:
    """A table of a seller."""
    asked = f'application = "{application}"\n' if application else ""
    table = f'[[seller]]\nseller_id = "{name}"\nrefresh_token = "{SECRET}"\nmarketplaces = ["ATVPDKIKX0DER"]\n'
    return f"{table}{asked}{more}\n"


def key(name: str, *sellers: str, more: str = "") -> str:
    """A table of an access key."""
    return f'[[access_key]]\nid = "{name}"\nsecret = "{SECRET}"\nsellers = {list(sellers)}\n{more}\n'


def revoked(name: str, at: str = "2026-12-01") -> str:
    """A table of a revocation."""
    return f'[[revoked]]\nid = "{name}"\nat = {at}\n'


class Place:
    """A main file and its directory, and what reads them."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.main = folder / "mws-bridge.toml"
        self.directory = folder / "sellers.d"
        self.directory.mkdir()
        self.environ = environ or {}
        self.main.write_text(f'accounts = "sellers.d"\n{APPLICATION}')
        self.source = AccountSource(self.main, self.environ)

    def write(self, **files: str) -> None:
        """Write files of the directory, by name without ``.toml``."""
        for name, text in files.items():
            path = self.directory / f"{name}.toml"
            draft = path.with_name(f".{path.name}")
            draft.write_text(text)
            draft.replace(path)  # of another inode, so that no clock's step can hide the change

    def reload(self) -> Loaded:
        """Load what must have changed."""
        assert self.source.changed()
        loaded = self.source.load()
        assert not self.source.changed()
        assert SECRET not in repr(loaded)
        return loaded

    def fault(self, name: str, words: str) -> str:
        """A fault of a file of the directory."""
        return f"{self.directory / name}.toml: {words}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A main file with an application, and an empty directory."""
    return Place(tmp_path)


def ids(settings: Settings) -> tuple[list[str], list[str]]:
    """Sellers and keys."""
    return [one.seller_id for one in settings.seller], [one.id for one in settings.access_key]


def refused(place: Place) -> tuple[str, ...]:
    """The faults of a configuration that cannot be loaded."""
    with pytest.raises(SettingsError) as caught:
        place.source.load()
    assert SECRET not in str(caught.value)
    return caught.value.faults


def test_files_are_read_by_name(place: Place) -> None:
    """Sellers, keys, applications and revocations of all files count, in the order of the names; hidden files,
    copies of editors and others are left out; names may lead from any file to any other."""
    place.write(
        b=seller("B1") + key("KB", "B1", "A1"),
        a=seller("A1", application="second") + revoked("KB"),
        c='[[application]]\nname = "second"\nclient_id = "c"\nclient_secret = "s"\n',
    )
    for name in (".hidden.toml", "a.toml~", "readme.txt", "#a.toml#"):
        (place.directory / name).write_text("not TOML [")
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "B1"], ["KB"])
    assert [one.name for one in loaded.settings.application] == ["default", "second"]
    assert loaded.settings.ends == {"KB": datetime(2026, 12, 1, tzinfo=UTC)}
    assert (loaded.faults, loaded.kept, loaded.files) == ((), (), 3)
    assert load_settings(place.main, {}) == loaded.settings
    assert place.source.key_files() == {"KB": place.directory / "b.toml"}
    assert place.source.directory == place.directory


def test_accounts_of_both(place: Place) -> None:
    """The main file may have accounts of its own, before those of the directory."""
    place.main.write_text(place.main.read_text() + seller("M1") + key("KM", "M1", "A1"))
    place.write(a=seller("A1") + key("KA", "M1"))
    assert ids(place.reload().settings) == (["M1", "A1"], ["KM", "KA"])
    assert place.source.key_files() == {"KM": place.main, "KA": place.directory / "a.toml"}


def test_without_a_directory(tmp_path: Path) -> None:
    """A configuration of one file is a source as well."""
    path = tmp_path / "one.toml"
    path.write_text(APPLICATION + seller("A1") + key("K1", "A1"))
    source = AccountSource(path, {})
    assert source.directory is None
    assert source.key_files() == {}
    loaded = source.load()
    assert loaded.settings == load_settings(path, {})
    assert (loaded.files, source.directory, source.key_files()) == (0, None, {"K1": path})
    assert not source.changed()


def test_secrets_are_relative_to_their_file(tmp_path: Path) -> None:
    """A secret in a file of the directory comes from the environment, or from a file relative to that file; when that
    file changes, or appears, this is a change."""
    place = Place(tmp_path, {"TOKEN": "from-env"})
    text = seller("A1").replace(f'"{SECRET}"', '{ env = "TOKEN" }') + key("K1", "A1")
    place.write(a=text.replace(f'"{SECRET}"', '{ file = "secrets/k1" }'))
    assert refused(place)[0].endswith(
        f"access_key[1].secret: {place.directory}/secrets/k1 cannot be read: No such file or directory"
    )
    (place.directory / "secrets").mkdir()
    (place.directory / "secrets" / "k1").write_text("one\n")
    settings = place.reload().settings
    assert settings.seller[0].refresh_token.get_secret_value() == "from-env"
    assert settings.access_key[0].secret.get_secret_value() == "one"
    (place.directory / "secrets" / "k1").write_text("another\n")
    assert place.reload().settings.access_key[0].secret.get_secret_value() == "another"


def test_what_a_file_of_accounts_may_not_hold(place: Place) -> None:
    """Other tables belong into the main file; what is no setting at all is named as such; every fault of every file
    is told."""
    place.write(
        a=seller("A1") + key("K1", "A1"), b='state = "redis://h"\n[server]\nport = 1\n[[key]]\n', c="[[seller]]"
    )
    loaded = place.reload()
    assert loaded.faults == (
        place.fault("b", "state: belongs into the main file"),
        place.fault("b", "server: belongs into the main file"),
        place.fault("b", "key: there is no such setting"),
        place.fault("c", "seller[1].seller_id: is missing"),
        place.fault("c", "seller[1].refresh_token: is missing"),
        place.fault("c", "seller[1].marketplaces: is missing"),
    )
    assert (ids(loaded.settings), loaded.kept, loaded.files) == ((["A1"], ["K1"]), (), 3)
    with pytest.raises(SettingsError) as caught:
        load_settings(place.main, {})
    assert caught.value.faults == loaded.faults


def test_a_bad_file_keeps_what_it_said(place: Place) -> None:
    """A file that is bad counts as it was when it was last good, whole; when it is good again, as it is; when it is
    gone, not at all."""
    place.write(a=seller("A1") + key("K1", "A1"), b=seller("B1") + seller("B2") + key("K2", "B1"))
    place.reload()
    place.write(b=seller("B3") + key("K2", "B3") + "[[seller")
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "B1", "B2"], ["K1", "K2"])
    assert loaded.kept == (str(place.directory / "b.toml"),)
    assert [fault.partition(" (")[0] for fault in loaded.faults] == [
        place.fault("b", "not TOML: Expected ']]' at the end of an array declaration")
    ]
    place.write(a=seller("A1", more="# other words") + key("K1", "A1"))
    assert ids(place.reload().settings) == (["A1", "B1", "B2"], ["K1", "K2"])
    place.write(b=seller("B3") + key("K2", "B3"))
    loaded = place.reload()
    assert (ids(loaded.settings), loaded.kept, loaded.faults) == ((["A1", "B3"], ["K1", "K2"]), (), ())
    (place.directory / "b.toml").unlink()
    assert ids(place.reload().settings) == (["A1"], ["K1"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", "is not UTF-8 text: save it as UTF-8"),
        (seller("B1").encode("utf-16"), "is not UTF-8 text: save it as UTF-8"),
        (b"[[seller", "not TOML: "),
        (b"x = " + b"[" * 100_000, "not TOML: "),
    ],
    ids=["bytes", "utf-16", "toml", "depth"],
)
def test_what_is_no_toml(place: Place, content: bytes, words: str) -> None:
    """Bytes that are no text, text that is no TOML, and lists without end are faults of their file alone."""
    place.write(a=seller("A1") + key("K1", "A1"))
    (place.directory / "b.toml").write_bytes(content)
    (fault,) = place.reload().faults
    assert fault.startswith(place.fault("b", words))


def test_what_notepad_writes(place: Place) -> None:
    """The mark that Windows puts before text in UTF-8 is no part of it."""
    (place.directory / "a.toml").write_text(seller("A1") + key("K1", "A1"), encoding="utf-8-sig")
    assert ids(place.reload().settings) == (["A1"], ["K1"])


@contextlib.contextmanager
def never_stuck(fifo: Path) -> Iterator[None]:
    """Whoever waits for a writer of ``fifo`` is set free after a while, and that fails the test."""
    freed = threading.Event()

    def free() -> None:
        freed.set()
        os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))

    timer = threading.Timer(20, free)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    assert not freed.is_set()


def test_what_is_no_regular_file(place: Place) -> None:
    """A directory, a FIFO that nobody writes, a socket, a device and a link that leads nowhere are faults of their
    name; links to regular files are read."""
    place.write(a=seller("A1") + key("K1", "A1"))
    (place.directory / "elsewhere").write_text(seller("L1"))
    (place.directory / "link.toml").symlink_to("elsewhere")
    (place.directory / "directory.toml").mkdir()
    os.mkfifo(place.directory / "fifo.toml")
    (place.directory / "fifo2.toml").symlink_to("fifo.toml")
    (place.directory / "device.toml").symlink_to("/dev/zero")
    (place.directory / "nowhere.toml").symlink_to("none")
    with socket.socket(socket.AF_UNIX) as one, never_stuck(place.directory / "fifo.toml"):
        here = Path.cwd()
        os.chdir(place.directory)  # the address of a socket must be short
        try:
            one.bind("socket.toml")
        finally:
            os.chdir(here)
        loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "L1"], ["K1"])
    kinds = {"device": "a device", "directory": "a directory", "fifo": "a FIFO", "fifo2": "a FIFO"}
    assert loaded.faults == (
        *(
            place.fault(name, f"is {kind}, and is not read: put a regular file in its place")
            for name, kind in kinds.items()
        ),
        place.fault("nowhere", "cannot be read: No such file or directory"),
        place.fault("socket", "is a socket, and is not read: put a regular file in its place"),
    )


def test_a_secret_that_is_no_regular_file(place: Place) -> None:
    """Nor does a FIFO in the place of a secret keep anybody waiting."""
    os.mkfifo(place.directory / "token")
    place.write(a=seller("A1") + key("K1", "A1"), b=seller("B1").replace(f'"{SECRET}"', '{ file = "token" }'))
    with never_stuck(place.directory / "token"):
        (fault,) = place.reload().faults
    assert "seller[1].refresh_token: " in fault
    assert fault.endswith("/token is a FIFO, and is not read: put a regular file in its place")


def test_a_file_that_becomes_a_fifo_while_it_is_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also between a look at it and its opening, a file cannot turn into something that makes us wait."""
    place.write(a=seller("A1") + key("K1", "A1"))
    place.reload()
    regular = os.stat(place.directory / "a.toml")
    fifo = place.directory / "b.toml"
    os.mkfifo(fifo)
    real = reading.os.stat
    monkeypatch.setattr(reading.os, "stat", lambda path, **more: regular if path == str(fifo) else real(path, **more))
    with never_stuck(fifo):
        loaded = place.source.load()
    assert loaded.faults == (place.fault("b", "is a FIFO, and is not read: put a regular file in its place"),)


def test_names_that_are_there_twice(place: Place) -> None:
    """A name that the main file or an earlier file has is a fault of the later file, of which nothing counts then."""
    place.main.write_text(place.main.read_text() + seller("M1"))
    place.write(
        a=seller("A1") + key("K1", "A1"),
        b=seller("B1") + seller("A1"),
        c=key("K1", "A1") + APPLICATION,
        d=seller("M1"),
        e=seller("E1") * 2,
    )
    loaded = place.reload()
    assert ids(loaded.settings) == (["M1", "A1"], ["K1"])
    assert loaded.faults == (
        place.fault("b", f"seller.seller_id: A1 is already in {place.directory}/a.toml: remove one of them"),
        place.fault("c", "application.name: default is already in the main file: remove one of them"),
        place.fault("c", f"access_key.id: K1 is already in {place.directory}/a.toml: remove one of them"),
        place.fault("d", "seller.seller_id: M1 is already in the main file: remove one of them"),
        place.fault("e", "seller.seller_id: E1 is there twice"),
    )


def test_a_new_file_pushes_nothing_out(place: Place) -> None:
    """Whatever its name, a new file that repeats what is served is the one that is not used; and so is a file that
    is changed to repeat it, of which the last good state counts."""
    place.write(m=seller("A1") + seller("B1") + key("K1", "A1"), x=seller("X1"))
    place.reload()
    place.write(a=seller("A1") + seller("C1"), b=seller("D1"))
    loaded = place.reload()
    assert ids(loaded.settings) == (["D1", "A1", "B1", "X1"], ["K1"])
    assert loaded.faults == (
        place.fault("a", f"seller.seller_id: A1 is already in {place.directory}/m.toml: remove one of them"),
    )
    place.write(b=seller("D1") + seller("X1"))
    loaded = place.reload()
    assert ids(loaded.settings)[0] == ["D1", "A1", "B1", "X1"]
    assert loaded.kept == (str(place.directory / "b.toml"),)
    place.write(m=seller("B1") + key("K1", "B1"))
    loaded = place.reload()
    assert ids(loaded.settings)[0] == ["A1", "C1", "D1", "B1", "X1"]


def test_a_doomed_file_pushes_nothing_out(place: Place) -> None:
    """A file that leads nowhere takes no name from a later one, even when both are new."""
    place.write(a=seller("B1") + key("K1", "NOBODY"), b=seller("B1") + key("K2", "B1"))
    loaded = place.reload()
    assert ids(loaded.settings) == (["B1"], ["K2"])
    assert loaded.faults == (place.fault("a", "access_key[1].sellers: no [[seller]] has seller_id NOBODY"),)


def test_names_that_lead_nowhere(place: Place) -> None:
    """A file whose names lead nowhere, be it because another file is bad, is not used."""
    place.write(
        a=seller("A1") + key("K1", "A1"),
        b=seller("B1", application="none"),
        c=key("K2", "A1", "B1", more=f'mws_auth_tokens = {{ C1 = "{SECRET}" }}'),
        d=seller("D1") + "[[",
        e=key("K3", "D1"),
    )
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1"], ["K1"])
    assert loaded.faults[:2] == (
        place.fault("b", "seller[1].application: no [[application]] is named none"),
        place.fault("c", "access_key[1].mws_auth_tokens: no [[seller]] has seller_id C1"),
    )
    assert loaded.faults[2].startswith(place.fault("d", "not TOML: "))
    assert loaded.faults[3:] == (place.fault("e", "access_key[1].sellers: no [[seller]] has seller_id D1"),)


def test_what_is_kept_must_still_fit(place: Place) -> None:
    """When a seller goes, keys in other files go on for the others that they may reach, and their files are told of;
    a key that reaches nobody any more is unknown, like a seller whose application is gone."""
    application = '[[application]]\nname = "second"\nclient_id = "c"\nclient_secret = "s"\n'
    token = f'mws_auth_tokens = {{ B1 = "{SECRET}", A1 = "{SECRET}" }}'
    place.write(
        a=seller("A1"),
        b=seller("B1"),
        c=key("K1", "A1", "B1", more=token) + key("K2", "B1"),
        p=application,
        s=seller("S1", application="second") + seller("S2"),
        t=key("K3", "S1", "S2"),
    )
    place.reload()
    (place.directory / "b.toml").unlink()
    (place.directory / "p.toml").unlink()
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "S2"], ["K1", "K3"])
    assert [one.sellers for one in loaded.settings.access_key] == [("A1",), ("S2",)]
    assert list(loaded.settings.access_key[0].mws_auth_tokens) == ["A1"]
    assert [Path(path).stem for path in loaded.kept] == ["c", "s", "t"]
    assert place.fault("c", "access_key[2].sellers: no [[seller]] has seller_id B1") in loaded.faults
    place.write(b=seller("B1"), p=application)
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "B1", "S1", "S2"], ["K1", "K2", "K3"])
    assert (loaded.kept, loaded.faults) == ((), ())


def test_a_seller_that_moves(place: Place) -> None:
    """A seller that stands in a good file now is no longer kept from a bad one, nor comes back when both are bad."""
    place.write(a=seller("A1") + seller("A2") + key("K1", "A1"), b=seller("B1"))
    place.reload()
    place.write(a="[[", b=seller("B1") + seller("A2"))
    assert ids(place.reload().settings)[0] == ["A1", "B1", "A2"]
    place.write(b="[[")
    loaded = place.reload()
    assert ids(loaded.settings)[0] == ["A1", "B1", "A2"]
    assert len(loaded.kept) == 2


def test_a_key_and_an_application_that_move(place: Place) -> None:
    """So it is with keys and applications: what a good file says of them goes before what is kept of a bad one."""
    second = '[[application]]\nname = "second"\nclient_id = "{}"\nclient_secret = "s"\n'
    place.write(a=seller("A1") + key("K1", "A1") + second.format("old"), b=seller("B1"))
    place.reload()
    place.write(a="[[", b=seller("B1") + key("K1", "B1") + second.format("new"))
    settings = place.reload().settings
    assert [(one.id, one.sellers) for one in settings.access_key] == [("K1", ("B1",))]
    assert [one.client_id for one in settings.application] == ["client", "new"]


def test_faults_of_the_main_file(place: Place) -> None:
    """Of a main file that is bad nothing counts, and what was in force of it goes on; other files are taken over
    meanwhile: a key that is revoked then is unknown. When the main file is good again, it counts."""
    place.write(a=seller("A1") + key("K1", "A1"))
    before = place.reload().settings
    good = place.main.read_text()
    fault = f"{place.main}: server.prot: there is no such setting"
    place.main.write_text('accounts = "elsewhere.d"\n[server]\nhosts = ["h"]\nprot = 1\n')
    loaded = place.reload()
    assert (loaded.settings, loaded.faults, loaded.files) == (before, (fault,), 1)
    place.write(b=seller("B1") + key("K2", "B1") + revoked("K1"), c="[[")
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "B1"], ["K1", "K2"])
    assert list(loaded.settings.ends) == ["K1"]
    assert loaded.settings.server == before.server
    assert loaded.faults[0] == fault
    assert loaded.faults[1].startswith(place.fault("c", "not TOML"))
    assert place.source.key_files()["K2"] == place.directory / "b.toml"
    assert place.source.directory == place.directory
    (place.directory / "b.toml").unlink()
    (place.directory / "c.toml").unlink()
    loaded = place.reload()
    assert (loaded.settings, loaded.faults) == (before, (fault,))
    place.main.write_text(f'{good}[server]\nhosts = ["h"]\n')
    loaded = place.reload()
    assert (ids(loaded.settings), loaded.settings.server.hosts, loaded.faults) == ((["A1"], ["K1"]), ("h",), ())


def test_a_main_file_that_is_no_toml(place: Place) -> None:
    """A main file that is cut off is named once in its fault; the other files are taken over."""
    place.write(a=seller("A1") + key("K1", "A1"))
    place.reload()
    place.main.write_text("[server")
    place.write(revoked=revoked("K1"))
    loaded = place.reload()
    (fault,) = loaded.faults
    assert fault.startswith(f"{place.main}: not TOML: ")
    assert list(loaded.settings.ends) == ["K1"]
    place.main.unlink()
    assert place.reload().faults == (f"{place.main}: cannot be read: No such file or directory",)


def test_a_certificate_that_is_renewed(place: Place, tmp_path: Path) -> None:
    """While a certificate and its key do not belong together, keys can be revoked."""
    write_certificate(tmp_path, "ours")
    write_certificate(tmp_path, "other")
    renewed = (tmp_path / "other.pem").read_bytes(), (tmp_path / "other.key").read_bytes()
    server = '[server]\ncertificate = "ours.pem"\nprivate_key = "ours.key"\n'
    place.main.write_text(place.main.read_text() + server)
    place.write(a=seller("A1") + key("K1", "A1"))
    place.reload()
    (tmp_path / "ours.pem").write_bytes(renewed[0])
    (fault,) = place.reload().faults
    assert fault.startswith(f"{place.main}: server.certificate: must be a chain in PEM")
    place.write(revoked=revoked("K1"))
    loaded = place.reload()
    assert (list(loaded.settings.ends), loaded.faults) == (["K1"], (fault,))
    (tmp_path / "ours.key").write_bytes(renewed[1])
    assert place.reload().faults == ()


def test_a_main_file_that_leads_nowhere(place: Place) -> None:
    """A key of the main file that leads nowhere is a fault of it, told with those of the files that may be why. While
    it is in force, what of it still leads somewhere counts."""
    place.main.write_text(place.main.read_text() + seller("M1") + key("KM", "A1", "M1") + key("KN", "A1"))
    place.write(a=seller("A1") + "[[")
    first, *others = refused(place)
    assert first.startswith(place.fault("a", "not TOML"))
    assert others == [f"access_key[{number}].sellers: no [[seller]] has seller_id A1" for number in (1, 2)]
    place.write(a=seller("A1"))
    assert ids(place.reload().settings) == (["M1", "A1"], ["KM", "KN"])
    (place.directory / "a.toml").unlink()
    place.write(revoked=revoked("KM"))
    loaded = place.reload()
    assert loaded.faults == tuple(f"{place.main}: {words}" for words in others)
    assert ids(loaded.settings) == (["M1"], ["KM"])
    assert loaded.settings.access_key[0].sellers == ("M1",)
    assert list(loaded.settings.ends) == ["KM"]
    place.write(a=seller("A1"))
    loaded = place.reload()
    assert (ids(loaded.settings), loaded.faults) == ((["M1", "A1"], ["KM", "KN"]), ())


def test_a_new_main_file_that_leads_nowhere(place: Place) -> None:
    """Nothing of a new main file counts when it leads nowhere, nor of the directory that it names; a file that is
    written there may be what it lacks."""
    place.write(a=seller("A1", application="default") + key("K1", "A1"))
    before = place.reload().settings
    other = place.directory.with_name("other.d")
    other.mkdir()
    (other / "x.toml").write_text(seller("X1"))
    text = place.main.read_text().replace("sellers.d", "other.d") + key("KM", "X1", "X2")
    place.main.write_text(text + '[server]\nhosts = ["h"]\n')
    loaded = place.reload()
    fault = f"{place.main}: access_key[1].sellers: no [[seller]] has seller_id X2"
    assert (loaded.settings, loaded.faults) == (before, (fault,))
    place.write(b=revoked("K1"))
    assert list(place.reload().settings.ends) == ["K1"]
    (other / "y.toml").write_text(seller("X2"))
    loaded = place.reload()
    assert (ids(loaded.settings), loaded.settings.server.hosts) == ((["X1", "X2"], ["KM"]), ("h",))
    assert loaded.faults == ()


def test_an_application_of_the_main_file_that_moves(place: Place) -> None:
    """A seller of the main file whose application is gone with another file is unknown, and so is its key."""
    second = '[[application]]\nname = "second"\nclient_id = "c"\nclient_secret = "s"\n'
    place.main.write_text(place.main.read_text() + seller("M1", application="second") + key("KM", "M1"))
    place.write(a=seller("A1") + key("K1", "A1"), b=second, c=key("KC", "A1", "M1"))
    assert ids(place.reload().settings) == (["M1", "A1"], ["KM", "K1", "KC"])
    (place.directory / "b.toml").unlink()
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1"], ["K1", "KC"])
    assert [one.sellers for one in loaded.settings.access_key] == [("A1",), ("A1",)]
    assert loaded.faults == (
        f"{place.main}: seller[1].application: no [[application]] is named second",
        place.fault("c", "access_key[1].sellers: no [[seller]] has seller_id M1"),
    )


def test_all_faults_at_the_start(place: Place) -> None:
    """The first time, faults of the main file and of the others are told together."""
    place.main.write_text('accounts = "sellers.d"\n[server]\nport = -1\n')
    place.write(a="[[seller]]\nregion = 'na'\n")
    told = refused(place)
    assert [fault.rpartition("/")[2].partition(":")[0] for fault in told] == ["server.port", *["a.toml"] * 3]
    with pytest.raises(SettingsError) as caught:
        load_settings(place.main, {})
    assert caught.value.faults == told


def test_nobody_to_serve(place: Place) -> None:
    """The first time, a directory without a seller or without a key is refused."""
    assert refused(place) == (
        f"seller: there is none that can be used: write a [[seller]] into a file *.toml of {place.directory}",
        f"access_key: there is none that can be used: write a [[access_key]] into a file *.toml of {place.directory}",
    )
    with pytest.raises(SettingsError, match="there is none that can be used"):
        load_settings(place.main, {})
    place.write(a=seller("A1") + "[[")
    assert refused(place)[0].startswith(place.fault("a", "not TOML"))
    assert ids(AccountSource(place.main, {}).load(may_be_empty=True).settings) == ([], [])
    place.write(a=seller("A1") + key("K1", "A1"))
    place.reload()


_STAYS = "is left, so what was in force stays: put the files back into {}; "
NOBODY = f"accounts: no [[seller]] {_STAYS}if nobody is to be served any more, restart mws-bridge"
NO_KEY = (
    f"accounts: no [[access_key]] {_STAYS}"
    "if no key is to be valid any more, revoke them (mws-bridge keys) or restart mws-bridge"
)


def test_nobody_is_left(place: Place) -> None:
    """When nothing would be left, as when a mount is lost, all that was in force stays, revocations too, and says so
    until something is there again."""
    place.write(
        a=seller("A1") + seller("A2") + key("K1", "A1"),
        b=key("K2", "A1", "A2") + key("K3", "A2"),
        revoked=revoked("K2"),
    )
    before = place.reload().settings
    hold = place.directory.with_name("hold")
    hold.mkdir()
    for path in list(place.directory.iterdir()):
        path.rename(hold / path.name)
    loaded = place.reload()
    assert loaded.settings == before
    assert loaded.faults == (NOBODY.format(place.directory), NO_KEY.format(place.directory))
    assert [Path(path).stem for path in loaded.kept] == ["a", "b", "revoked"]
    assert (loaded.files, place.source.load()) == (0, loaded)
    place.write(z=revoked("K3"))  # a leaked key can be ended in this state too
    loaded = place.reload()
    assert ids(loaded.settings) == ids(before)
    assert sorted(loaded.settings.ends) == ["K2", "K3"]
    (place.directory / "z.toml").unlink()
    for path in list(hold.iterdir()):
        path.rename(place.directory / path.name)
    loaded = place.reload()
    assert (loaded.settings, loaded.faults, loaded.kept) == (before, (), ())
    (place.directory / "b.toml").unlink()
    loaded = place.reload()
    assert (ids(loaded.settings), loaded.faults) == ((["A1", "A2"], ["K1"]), ())


def test_no_key_is_left(place: Place) -> None:
    """So it is when only the keys would go, or only the sellers; what is there by then counts as it is."""
    place.write(a=seller("A1"), b=seller("B1"), k=key("K1", "A1", "B1"))
    place.reload()
    (place.directory / "k.toml").unlink()
    place.write(b=seller("B2"))
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "B2"], ["K1"])
    assert loaded.settings.access_key[0].sellers == ("A1",)
    assert loaded.faults == (NO_KEY.format(place.directory),)
    place.write(k=key("K1", "A1"))
    assert place.reload().faults == ()
    for name in "ab":
        (place.directory / f"{name}.toml").unlink()
    loaded = place.reload()
    assert ids(loaded.settings) == (["A1", "B2"], ["K1"])
    assert loaded.faults == (NOBODY.format(place.directory), NO_KEY.format(place.directory))
    place.write(c=seller("C1") + key("K2", "C1"))
    loaded = place.reload()
    assert ids(loaded.settings) == (["C1"], ["K2"])
    assert loaded.faults == (place.fault("k", "access_key[1].sellers: no [[seller]] has seller_id A1"),)


def test_nobody_is_left_and_the_main_file_is_bad(place: Place) -> None:
    """Both are told, and what was in force stays; so it does when a new main file has nobody left."""
    place.main.write_text(place.main.read_text() + key("KM", "A1"))
    place.write(a=seller("A1") + key("K1", "A1"))
    before = place.reload().settings
    good = place.main.read_text()
    (place.directory / "a.toml").unlink()
    loaded = place.reload()
    assert loaded.settings == before
    assert loaded.faults == (
        f"{place.main}: access_key[1].sellers: no [[seller]] has seller_id A1",
        NOBODY.format(place.directory),
        NO_KEY.format(place.directory),
    )
    place.main.write_text(good + "[server]\nprot = 1\n")
    loaded = place.reload()
    assert loaded.settings == before
    assert loaded.faults == (
        f"{place.main}: server.prot: there is no such setting",
        NOBODY.format(place.directory),
        NO_KEY.format(place.directory),
    )
    other = place.directory.with_name("other.d")
    other.mkdir()
    place.write(a=seller("A1") + key("K1", "A1"))
    place.main.write_text(f'accounts = "other.d"\n{APPLICATION}')
    loaded = place.reload()
    assert (loaded.settings, loaded.faults) == (before, (NOBODY.format(other), NO_KEY.format(other)))


@pytest.mark.parametrize("content", ["", " \n\t\n", "# [[seller]]\n", "seller = []\n"])
def test_a_file_that_was_cut_short(place: Place, content: str) -> None:
    """A file in which nothing is left is bad: what it held stays. When it is deleted, this goes; a new file may be
    empty."""
    place.write(a=seller("A1") + key("K1", "A1"), b=seller("B1") + key("K2", "B1") + revoked("K1"), c=content)
    before = place.reload()
    assert before.faults == ()
    place.write(b=content)
    loaded = place.reload()
    assert loaded.settings == before.settings
    assert loaded.kept == (str(place.directory / "b.toml"),)
    words = "is empty, and what it held stays in force: write that again, or delete the file to remove it"
    assert loaded.faults == (place.fault("b", words),)
    assert place.source.load() == loaded
    (place.directory / "b.toml").unlink()
    loaded = place.reload()
    assert (ids(loaded.settings), loaded.settings.ends, loaded.faults) == ((["A1"], ["K1"]), {}, ())


def test_what_is_not_used_and_what_may_end_keys(place: Place) -> None:
    """Files that do not count as they are are named, and those of them that end nobody knows which keys, however they
    say so."""
    place.write(a=seller("A1") + key("K1", "A1"), b=seller("B1") + "[[", c=key("K2", "NOBODY") + revoked("K1"))
    loaded = place.reload()
    assert [Path(path).stem for path in loaded.unused] == ["b", "c"]
    assert loaded.unsure == ()  # what the last one revokes counts
    texts = {
        "d": b"\xef\xbb\xbf[[revoked]]\n[[",
        "e": (revoked("K1") + "[[").encode("utf-16"),
        "f": b"x = 1\nrevoked = [{",
        "g": b'[["revoked"]]\n[[',
    }
    for name, content in texts.items():
        (place.directory / f"{name}.toml").write_bytes(content)
    place.write(revoked="[[")
    loaded = place.reload()
    assert [Path(path).stem for path in loaded.unused] == ["b", "c", "d", "e", "f", "g", "revoked"]
    assert [Path(path).stem for path in loaded.unsure] == ["d", "e", "f", "g", "revoked"]


def test_a_main_file_may_be_empty_for_whoever_makes_keys(tmp_path: Path) -> None:
    """Without a directory, a configuration without keys can be read on request only."""
    path = tmp_path / "one.toml"
    path.write_text(APPLICATION + seller("A1"))
    assert ids(AccountSource(path, {}).load(may_be_empty=True).settings) == (["A1"], [])
    with pytest.raises(SettingsError, match=r"^access_key: is missing$"):
        AccountSource(path, {}).load()


def test_a_directory_that_is_not_there(place: Place) -> None:
    """The first time that is a fault of the configuration; later all goes on, and says so once."""
    place.write(a=seller("A1") + key("K1", "A1"))
    elsewhere = place.directory.with_name("elsewhere")
    place.directory.rename(elsewhere)
    words = f"accounts: cannot list {place.directory}: No such file or directory"
    assert refused(place) == (words,)
    elsewhere.rename(place.directory)
    before = place.reload().settings
    place.directory.rename(elsewhere)
    loaded = place.reload()
    assert (loaded.settings, loaded.faults, loaded.files) == (before, (words,), 1)
    elsewhere.rename(place.directory)
    assert place.reload().faults == ()


def test_revoked_keys_do_not_come_back(place: Place) -> None:
    """At the start, a file that ends keys must be good: else keys that were revoked would be valid again. Later its
    last good state counts; and what a good file revokes counts also when the rest of it leads nowhere."""
    place.write(a=seller("A1") + key("K1", "A1"), revoked='[[revoked]]\nid = "K1"\n')
    assert refused(place)[-1] == place.fault("revoked", "ends access keys, and cannot be used: repair it first")
    place.write(revoked="", b=revoked("K1") + "[[")
    assert refused(place)[-1] == place.fault("b", "ends access keys, and cannot be used: repair it first")
    place.write(b=revoked("K1", "2026-01-01"))
    ends = {"K1": datetime(2026, 1, 1, tzinfo=UTC)}
    assert place.reload().settings.ends == ends
    place.write(b="[[")
    assert place.reload().settings.ends == ends
    place.write(b=revoked("K1", "2025-01-01") + key("K2", "NOBODY"))
    loaded = place.reload()
    assert loaded.settings.ends == {"K1": datetime(2025, 1, 1, tzinfo=UTC)}
    assert ids(loaded.settings)[1] == ["K1"]
    (place.directory / "b.toml").unlink()
    assert place.reload().settings.ends == {}


def test_a_new_file_that_only_revokes_in_vain(place: Place) -> None:
    """What a new file revokes counts and stays, although the rest of it was never good."""
    place.write(a=seller("A1") + key("K1", "A1"))
    place.reload()
    place.write(b=revoked("K1") + key("K2", "NOBODY"))
    loaded = place.reload()
    assert (list(loaded.settings.ends), loaded.kept) == (["K1"], ())
    place.write(b="[[")
    assert list(place.reload().settings.ends) == ["K1"]


def test_the_swap_of_kubernetes(tmp_path: Path) -> None:
    """A mounted ConfigMap or Secret: files are links through ``..data``, which is swapped as a whole; that is seen,
    and never half of it."""
    place = Place(tmp_path)

    def publish(version: str, **files: str) -> None:
        folder = place.directory / f"..{version}"
        folder.mkdir()
        for name, text in files.items():
            (folder / f"{name}.toml").write_text(text)
        draft = place.directory / "..data_tmp"
        draft.symlink_to(folder.name)
        draft.replace(place.directory / "..data")
        for name in files:
            link = place.directory / f"{name}.toml"
            if not link.is_symlink():
                link.symlink_to(f"..data/{name}.toml")

    publish("1", a=seller("A1") + key("K1", "A1"), b=seller("B1"))
    loaded = place.reload()
    assert (ids(loaded.settings), loaded.files) == ((["A1", "B1"], ["K1"]), 2)
    publish("2", a=seller("A1") + key("K2", "A1"), b=seller("B1"))
    assert ids(place.reload().settings) == (["A1", "B1"], ["K2"])


def test_permissions_are_a_change(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that becomes readable has changed, though nobody wrote it."""
    place.write(a=seller("A1") + key("K1", "A1"))
    place.reload()
    before = (place.directory / "a.toml").stat()
    deadline = time.monotonic() + 20
    while (place.directory / "a.toml").stat().st_ctime_ns == before.st_ctime_ns:
        os.chmod(place.directory / "a.toml", 0o600)  # until the file system's clock has moved on
        assert time.monotonic() < deadline
    assert (place.directory / "a.toml").stat().st_mtime_ns == before.st_mtime_ns
    place.reload()


def test_only_what_has_changed_is_read_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many files, a reload reads those that have changed."""
    read: list[str] = []
    from bridge import accounts

    real = accounts.read_account_file

    def counted(path: str, environ: Mapping[str, str]) -> object:
        read.append(Path(path).stem)
        return real(path, environ)

    monkeypatch.setattr(accounts, "read_account_file", counted)
    place.write(a=seller("A1") + key("K1", "A1"), b=seller("B1"), c="[[")
    place.reload()
    assert read == ["a", "b", "c"]
    place.source.load()
    assert read == ["a", "b", "c"]
    place.write(b=seller("B2"))
    place.reload()
    assert read == ["a", "b", "c", "b"]
    place.write(c=seller("C1"))
    place.reload()
    assert read == ["a", "b", "c", "b", "c"]


class Counted(str):
    """An id that counts how often it is compared."""

    __slots__ = ()
    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


def many(numbers: Iterable[int]) -> Entries:
    """Sellers, each with a key of its own."""
    application = ApplicationSettings.model_construct(name=Counted("default"))
    return Entries(
        (application,) if 0 in numbers else (),
        tuple(
            SellerSettings.model_construct(
                seller_id=Counted(f"A{number}"), application=Counted("default"), marketplaces=("ATVPDKIKX0DER",)
            )
            for number in numbers
        ),
        tuple(
            AccessKeySettings.model_construct(id=Counted(f"K{number}"), sellers=(Counted(f"A{number}"),))
            for number in numbers
        ),
    )


@pytest.mark.parametrize("files", [1, 300])
@pytest.mark.parametrize("state", ["good", "kept"])
def test_work_grows_with_the_number_of_sellers(files: int, state: str) -> None:
    """Names are looked up, not searched for: in one file or in many, the comparisons that it takes grow with the
    number of sellers, not with its square."""
    parts = [many(range(number, 300, files)) for number in range(files)]
    candidates = [
        Candidate(AccountFile(str(number), part)) if state == "good" else Candidate(AccountFile(str(number)), part)
        for number, part in enumerate(parts)
    ]
    Counted.comparisons = 0
    fitted = fit(Entries(), candidates)
    assert [fault for part in parts for fault in twice(part)] == []
    assert sum(len(part.seller) + len(part.access_key) for part in fitted.entries) == 600
    assert 0 < Counted.comparisons < 300 * 20


def test_many_files(place: Place) -> None:
    """Hundreds of files are as good as one."""
    names = [f"{number:03}" for number in range(300)]
    place.write(**{f"s{name}": seller(f"A{name}") + key(f"K{name}", f"A{name}") for name in names})
    assert ids(place.reload().settings) == tuple([letter + name for name in names] for letter in "AK")


# --- what is different ----------------------------------------------------------------------------------------------


def settings_of(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "mws-bridge.toml"
    path.write_text(text)
    return load_settings(path, {})


def test_what_has_changed(tmp_path: Path) -> None:
    """Sellers and keys that came, went and changed are named, also those whose application's secret is another; so
    are keys with another end, and settings by when they take effect."""
    second = '[[application]]\nname = "second"\nclient_id = "c"\nclient_secret = "{}"\n'
    before = settings_of(
        tmp_path,
        APPLICATION
        + second.format("1")
        + "".join((seller("A1"), seller("A2"), seller("A3"), seller("A4", application="second")))
        + "".join((key("K1", "A1"), key("K2", "A1"), key("K3", "A1"), revoked("K3"), revoked("K1"))),
    )
    after = settings_of(
        tmp_path,
        "[server]\nlog_level = 'debug'\nhosts = ['h']\nport = 1\n[admin]\n"
        + APPLICATION
        + second.format("2")
        + "".join(
            (seller("A1"), seller("A3", more='upstream = "v0"'), seller("A4", application="second"), seller("A5"))
        )
        + "".join((key("K1", "A1", "A5"), key("K3", "A1"), key("K4", "A1"), revoked("K3", "2026-11-30"))),
    )
    changed = changes(before, after)
    assert changed == Changed(
        sellers_added=("A5",),
        sellers_removed=("A2",),
        sellers_changed=("A3", "A4"),
        keys_added=("K4",),
        keys_removed=("K2",),
        keys_changed=("K1",),
        keys_ending=("K1", "K3"),
        settings=("server.hosts",),
        waiting=("admin", "server.log_level", "server.port"),
    )
    assert changed.lines() == (
        "sellers added: A5",
        "sellers removed: A2",
        "sellers changed: A3, A4",
        "access keys added: K4",
        "access keys removed: K2",
        "access keys changed: K1",
        "access keys with another end: K1, K3",
        "settings changed: server.hosts",
        "changed, but takes effect at the next start: admin, server.log_level, server.port",
    )
    assert changed


def test_nothing_has_changed(tmp_path: Path) -> None:
    """The same settings, read twice, are no change; a new secret of a key is one, and is not shown."""
    text = APPLICATION + seller("A1") + key("K1", "A1")
    before = settings_of(tmp_path, text)
    assert not changes(before, settings_of(tmp_path, text))
    assert changes(before, settings_of(tmp_path, text)).lines() == ()
    changed = changes(before, settings_of(tmp_path, text.replace(SECRET, f"{SECRET}2")))
    assert (changed.sellers_changed, changed.keys_changed) == (("A1",), ("K1",))
    assert SECRET not in repr(changed)


def test_many_changes_are_counted(tmp_path: Path) -> None:
    """A line names ten, and says how many more there are."""
    one = settings_of(tmp_path, APPLICATION + seller("A1") + key("K1", "A1"))
    many = settings_of(
        tmp_path, APPLICATION + "".join(seller(f"A{number}") for number in range(1, 14)) + key("K1", "A1")
    )
    assert changes(one, many).lines() == ("sellers added: A2, A3, A4, A5, A6, A7, A8, A9, A10, A11 and 2 more",)
