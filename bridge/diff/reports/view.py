"""What every report says of a comparison, before it is put into a form."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from unicodedata import normalize

from bridge.diff.differences import Change, Difference, Verdict, path_of, spot_of
from bridge.diff.tally import Tally

__all__ = ["MASKED", "Row", "View", "counted", "visible", "visible_pair"]

#: Said of values that are not shown as they are: two that differ may look the same.
MASKED = "masked"

_WORDS = {
    "Order": ("order", "orders"),
    "OrderItem": ("item", "items"),
    "Message": ("message", "messages"),
    "AmazonEnvelope": ("envelope", "envelopes"),
}


class Row(NamedTuple):
    """A difference as texts. ``record`` is the path of what it is in, ``kind`` that without keys, ``place`` the path
    from there on, '' for the record itself; ``old`` and ``new`` are None where a side has nothing; ``masked`` says
    that they are not the values themselves."""

    change: Change
    path: str
    spot: str
    record: str
    kind: str
    place: str
    old: str | None
    new: str | None
    masked: bool
    verdict: Verdict
    reason: str
    old_source: str
    new_source: str


@dataclass(frozen=True, slots=True)
class View:
    """A comparison and how it is to be shown; the fields are ``write_report``'s arguments."""

    tally: Tally
    old_name: str
    new_name: str
    show_pii: bool = False
    colour: bool = False
    width: int = 0
    details: int = 50

    def row(self, difference: Difference) -> Row:
        """A difference as texts that may be shown."""
        old, new = (side(show_pii=self.show_pii) for side in (difference.old_text, difference.new_text))
        true = difference.old_text(show_pii=True), difference.new_text(show_pii=True)
        split = difference.record_steps
        return Row(
            difference.change,
            self.path(difference),
            difference.spot,
            path_of(difference.steps[:split], show_pii=self.show_pii),
            spot_of(difference.steps[:split]),
            path_of(difference.steps[split:], show_pii=self.show_pii),
            old,
            new,
            (old, new) != true,
            difference.verdict,
            difference.reason,
            difference.old_source,
            difference.new_source,
        )

    def path(self, difference: Difference) -> str:
        """Its path as it may be shown."""
        return path_of(difference.steps, show_pii=self.show_pii)

    def grouped(self, differences: Iterable[Difference]) -> list[list[Row]]:
        """The differences of each record together, in the order in which the records were met first."""
        groups: dict[object, list[Row]] = {}  # by steps: two records may look the same when they are masked
        for difference in differences:
            record = difference.steps[: difference.record_steps]
            groups.setdefault(record, []).append(self.row(difference))
        return list(groups.values())

    def summary(self) -> dict[str, object]:
        """The counts, by the names that every machine-readable report has for them. ``faults`` says what
        could not be compared, ``listed`` how many differences of each verdict the tally kept one by one."""
        tally = self.tally
        listed = {verdict.value: 0 for verdict in Verdict}
        for difference in (*tally.details, *tally.others):
            listed[difference.verdict] += 1
        return {
            "old": self.old_name,
            "new": self.new_name,
            "profile": tally.profile,
            "same": tally.same,
            "compared": tally.compared,
            "equal": tally.equal,
            "different": tally.different,
            "expected": tally.expected,
            "ignored": tally.ignored,
            "missing": tally.missing,
            "extra": tally.extra,
            "duplicate": tally.duplicate,
            "members": dict(tally.members),
            "faults": tally.faults,
            "differences": {verdict.value: tally.differences[verdict] for verdict in Verdict},
            "listed": listed,
        }

    def members(self) -> str:
        """What was compared: ``1,204 orders, 1 item``; '' when nothing was."""
        return ", ".join(
            counted(count, *_WORDS.get(name, (name, name))) for name, count in self.tally.members.most_common()
        )

    def headline(self) -> str:
        """The outcome in one sentence."""
        tally = self.tally
        others = tally.differences.total() - tally.differences[Verdict.DIFFERENT]
        if tally.same:
            but = f", but for {counted(others, 'difference that does', 'differences that do')} not count"
            return f"The same: {counted(tally.compared, 'record', 'records')} compared{but if others else ''}."
        parts = [
            (tally.different, f"of {tally.compared:,} compared {'differs' if tally.different == 1 else 'differ'}"),
            (tally.missing, "missing"),
            (tally.extra, "extra"),
            (tally.duplicate, "duplicate"),
        ]
        told = ", ".join(f"{count:,} {what}" for count, what in parts if count)
        if tally.faults:
            compared = f"no difference that counts in {counted(tally.compared, 'record', 'records')} compared"
            return f"Not complete, {counted(len(tally.faults), 'fault', 'faults')}: {told or compared}."
        return f"Different: {told}."


def counted(count: int, one: str, many: str) -> str:
    """``1 order``, ``1,204 orders``"""
    return f"{count:,} {one if count == 1 else many}"


def visible(text: str) -> str:
    """Text in one line in which nothing hides: line ends, control characters, odd spaces, what turns the direction of
    writing, and halves of characters are written as escapes. A terminal, a viewer or an XML parser takes it for what
    it is."""
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    return _in_ascii(character)


def _in_ascii(text: str) -> str:
    return text.encode("unicode_escape").decode()


def visible_pair(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Both texts as ``visible`` shows them; when they would look the same although they differ, as an accent that is
    part of its letter or follows it, all but ASCII is escaped."""
    if old is not None and new is not None and old != new and normalize("NFC", old) == normalize("NFC", new):
        return _in_ascii(old), _in_ascii(new)
    return None if old is None else visible(old), None if new is None else visible(new)
