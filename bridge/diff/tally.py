"""What a comparison came to: counts, the places where most differs, and the differences themselves up to a bound."""

from collections import Counter
from dataclasses import dataclass, field

from bridge.diff.differences import Change, Difference, Verdict

__all__ = ["MAX_DETAILS", "Place", "Tally"]

#: Differences that count, and others, kept one by one; past it they are only counted.
MAX_DETAILS = 10_000


@dataclass(slots=True)
class Place:
    """Everything of one kind at one spot, with one verdict and reason: how often, and the first of it."""

    change: Change
    spot: str
    verdict: Verdict
    reason: str
    example: Difference
    count: int = 0


@dataclass(slots=True)
class Tally:
    """``compared`` counts the orders, items, messages and documents that both sides have, ``equal`` those of them
    without a difference, ``different`` those with one that counts, ``expected`` and ``ignored`` those with no other
    than such. ``missing``, ``extra`` and ``duplicate`` count those that only one side has, or has twice, whatever is
    thought of it. ``members`` counts what was compared by its element's name.

    ``faults`` says of what had to be left out why it could not be compared: with any, the comparison is not complete.

    ``details`` are the differences in the order in which they were found: those that count, and, up to the same
    bound, the others.
    """

    compared: int = 0
    equal: int = 0
    different: int = 0
    expected: int = 0
    ignored: int = 0
    missing: int = 0
    extra: int = 0
    duplicate: int = 0
    members: Counter[str] = field(default_factory=Counter)
    differences: Counter[Verdict] = field(default_factory=Counter)
    details: list[Difference] = field(default_factory=list)
    others: list[Difference] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    profile: str = ""
    _places: dict[tuple[Change, str, Verdict, str], Place] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether everything could be compared, and nothing was found that counts."""
        return not self.differences[Verdict.DIFFERENT] and not self.faults

    def add(self, difference: Difference) -> None:
        """Count a difference, and keep it if there is room."""
        self.differences[difference.verdict] += 1
        key = (difference.change, difference.spot, difference.verdict, difference.reason)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = Place(*key, example=difference)
        place.count += 1
        kept = self.details if difference.verdict is Verdict.DIFFERENT else self.others
        if len(kept) < MAX_DETAILS:
            kept.append(difference)

    def pair(self, member: str, found: list[Difference]) -> None:
        """Count two records that were compared, with their judged differences."""
        self.compared += 1
        self.members[member] += 1
        verdicts = {difference.verdict for difference in found}
        if not verdicts:
            self.equal += 1
        elif Verdict.DIFFERENT in verdicts:
            self.different += 1
        elif Verdict.EXPECTED in verdicts:
            self.expected += 1
        else:
            self.ignored += 1
        for difference in found:
            self.add(difference)

    def equals(self, member: str, count: int = 1) -> None:
        """Count pairs of records that are equal."""
        self.compared += count
        self.equal += count
        self.members[member] += count

    def lone(self, difference: Difference) -> None:
        """Count a record that only one side has, or has twice."""
        if difference.change is Change.MISSING:
            self.missing += 1
        elif difference.change is Change.EXTRA:
            self.extra += 1
        else:
            self.duplicate += 1
        self.add(difference)

    def places(self, verdict: Verdict = Verdict.DIFFERENT) -> list[Place]:
        """The places with a verdict, those with most differences first."""
        found = [place for place in self._places.values() if place.verdict is verdict]
        return sorted(found, key=lambda place: (-place.count, place.spot, place.change))
