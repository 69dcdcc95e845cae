"""The old side of a comparison while the new one is read: in memory while it is small, in a temporary SQLite database
when it is not.

The database holds what the orders hold. It has no name: SQLite makes it where temporary files are made, readable by
nobody else, and removes it from its directory at once (Windows: when it is closed, by whatever), so that nothing of
it stays behind, however the process ends.
"""

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from bridge.diff.entries import Entry
from bridge.diff.profiles import Origin

if TYPE_CHECKING:
    import sqlite3

__all__ = ["MAX_HELD", "Held", "Shelf", "ShelfError"]

#: Bytes held in memory before the database takes over: what an entry holds, and some for the entry itself.
MAX_HELD = 48 * 2**20
_OVERHEAD = 600

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -65536;
CREATE TABLE entry (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, occurrence INTEGER NOT NULL, member TEXT, key TEXT, origin TEXT,
    source TEXT, raw BLOB, digest BLOB, body BLOB, make INTEGER
);
CREATE UNIQUE INDEX by_name ON entry (name, occurrence);
CREATE TABLE met (name TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_ENTRY = "member, key, origin, source, raw, digest, body, make, number, occurrence"


class ShelfError(Exception):
    """The temporary database cannot be written or read: why, and what to do."""


class Held(NamedTuple):
    """An entry on the shelf: its number, and the how-manieth of its name it is."""

    entry: Entry
    number: int
    occurrence: int


class Shelf:
    """Entries by their name, which is member and key, and by their raw digest. What comes twice is kept twice. First
    all are ``put`` and the shelf is ``seal``ed, then they are claimed, each once. A context manager, which raises
    ShelfError for what befalls its database."""

    def __init__(self, *, most: int = MAX_HELD) -> None:
        self._most = most
        self._size = 0
        self._held: dict[tuple[str, int], Held] = {}
        self._raw: dict[bytes, Held] = {}
        self._met: set[str] = set()
        self._claimed = bytearray()
        self._database: sqlite3.Connection | None = None
        self._errors: tuple[type[Exception], ...] = ()
        self._last: tuple[bytes, Held | None] = (b"", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._database is not None:
            self._database.close()
        if isinstance(error, self._errors):
            raise ShelfError(f"{error}; set TMPDIR to a directory with more room") from error

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        name = _name_of(entry.member, entry.key)
        number = len(self._claimed)
        self._claimed.append(0)
        if self._database is None:
            occurrence = 1
            while (name, occurrence) in self._held:
                occurrence += 1
            held = self._held[name, occurrence] = Held(entry, number, occurrence)
            if entry.raw:
                self._raw.setdefault(entry.raw, held)
            self._size += len(entry.body) + _OVERHEAD
            if self._size > self._most:
                self._spill()
        else:
            found = self._database.execute("SELECT count(*) FROM entry WHERE name = ?", (name,)).fetchone()
            self._insert(Held(entry, number, found[0] + 1))

    def _spill(self) -> None:
        import sqlite3  # noqa: PLC0415 - few feeds are large enough

        self._errors = (sqlite3.Error,)
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")
        for held in self._held.values():
            self._insert(held)
        self._held.clear()
        self._raw.clear()

    def _insert(self, held: Held) -> None:
        assert self._database is not None  # noqa: S101 - called when there is one
        entry = held.entry
        row = (held.number, _name_of(entry.member, entry.key), held.occurrence, *entry)
        self._database.execute(
            "INSERT INTO entry (number, name, occurrence, member, key, origin, source, raw, digest, body, make) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )

    def seal(self) -> None:
        """All are there: from now on they can be looked up by their raw digest."""
        if self._database is not None:
            self._database.execute("CREATE INDEX by_raw ON entry (raw) WHERE raw <> x''")

    def find_raw(self, raw: bytes) -> Held | None:
        """An entry with a raw digest, claimed or not."""
        if self._database is None:
            return self._raw.get(raw)
        if self._last[0] != raw:  # it is asked whether there is one, and then for it
            query = f"SELECT {_ENTRY} FROM entry WHERE raw = ? AND raw <> x'' ORDER BY number LIMIT 1"  # noqa: S608
            self._last = (raw, _held_of(self._database.execute(query, (raw,)).fetchone()))
        return self._last[1]

    def find(self, member: str, key: str) -> Held | None:
        """The first entry of a name that is not claimed."""
        name = _name_of(member, key)
        if self._database is None:
            occurrence = 1
            while (held := self._held.get((name, occurrence))) is not None and self._claimed[held.number]:
                occurrence += 1
            return held
        query = f"SELECT {_ENTRY} FROM entry WHERE name = ? ORDER BY occurrence"  # noqa: S608
        found = map(_held_of, self._database.execute(query, (name,)))
        return next((held for held in found if held is not None and not self._claimed[held.number]), None)

    def claim(self, held: Held) -> bool:
        """Mark an entry as found on the other side. False when it is already."""
        if self._claimed[held.number]:
            return False
        self._claimed[held.number] = 1
        return True

    def meet(self, member: str, key: str) -> bool:
        """Note a name of the other side that has no entry left here. True when there never was one, and it is met for
        the first time."""
        name = _name_of(member, key)
        if self._database is None:
            if (name, 1) in self._held or name in self._met:
                return False
            self._met.add(name)
            return True
        if self._database.execute("SELECT 1 FROM entry WHERE name = ?", (name,)).fetchone():
            return False
        return self._database.execute("INSERT OR IGNORE INTO met VALUES (?)", (name,)).rowcount == 1

    def rest(self) -> Iterator[Held]:
        """What nobody claimed, in its order."""
        if self._database is None:
            found: Iterator[Held | None] = iter(self._held.values())
        else:
            query = f"SELECT {_ENTRY} FROM entry ORDER BY number"  # noqa: S608
            found = map(_held_of, self._database.execute(query))
        return (held for held in found if held is not None and not self._claimed[held.number])


def _name_of(member: str, key: str) -> str:
    return f"{member} {key}"


def _held_of(row: tuple[str, str, str, str, bytes, bytes, bytes, int, int, int] | None) -> Held | None:
    if row is None:
        return None
    member, key, origin, source, raw, digest, body, make, number, occurrence = row
    return Held(Entry(member, key, Origin(origin), source, raw, digest, body, make), number, occurrence)
