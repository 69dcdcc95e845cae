"""What a conversion did: counts, failures, repairs, warnings. No values of documents are kept."""

from collections import Counter
from dataclasses import dataclass, field

from mws_compat.errors import ReadError

__all__ = ["MAX_NOTES", "ConvertError", "Note", "Report"]


#: What libxml2 says of a document and what that means for a person. It has changed its words.
_IN_WORDS = dict.fromkeys(
    ("Invalid bytes in character encoding", "Input is not proper UTF-8, indicate encoding !"),
    'bytes that are not UTF-8; declare their encoding, <?xml version="1.0" encoding="ISO-8859-1"?> for example, '
    "or convert with --recover",
)


class ConvertError(ValueError):
    """A document that cannot be converted. ``source`` names the file, ``place`` the line and column or the JSON path,
    ``excerpt`` shows the damaged line with its letters and digits masked."""

    def __init__(self, source: str, problem: str, *, place: str = "", excerpt: str = "") -> None:
        self.source = source
        self.problem = problem
        self.place = place
        self.excerpt = excerpt
        super().__init__(": ".join(part for part in (source, place, problem) if part))

    @classmethod
    def of(cls, source: str, error: ReadError) -> "ConvertError":
        """A reader's refusal, in a file."""
        place = f"line {error.line}, column {error.column}" if error.line else ""
        return cls(source, _IN_WORDS.get(error.problem, error.problem), place=place, excerpt=error.excerpt)


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should look at: where, and what."""

    source: str
    text: str


#: Notes kept word by word; past it they are only counted.
MAX_NOTES = 1000


@dataclass(slots=True)
class Report:
    """The counts of a run. ``members`` counts orders, items and messages by their element's name; ``unknown`` is how
    many elements, attributes and texts no table knows that are in the output, ``left_out`` how many that are not;
    ``odd`` how many values were not of their kind."""

    files: int = 0
    skipped: int = 0
    documents: int = 0
    members: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    left_out: int = 0
    odd: int = 0
    failures: list[ConvertError] = field(default_factory=list)
    warnings: list[Note] = field(default_factory=list)
    repairs: list[Note] = field(default_factory=list)
    warnings_dropped: int = 0
    repairs_dropped: int = 0

    def warn(self, source: str, text: str) -> None:
        """Note a warning."""
        self.warnings_dropped += _note(self.warnings, source, text)

    def repaired(self, source: str, text: str) -> None:
        """Note a repair."""
        self.repairs_dropped += _note(self.repairs, source, text)


def _note(notes: list[Note], source: str, text: str) -> bool:
    """Keep a note; whether it had to be dropped instead."""
    if len(notes) >= MAX_NOTES:
        return True
    notes.append(Note(source, text))
    return False
