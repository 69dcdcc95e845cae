"""The rules of the project that owns a feed, from a TOML file::

profile = "migration"                     # exact, migration, upgrade or auto; the command line goes first
only = ["OrderTotal", "ShippingAddress"]  # differences anywhere else are ignored

[[ignore]]                                # nobody wants to see these
path = "ShippingAddress/Phone"
reason = "we stopped keeping it in 2021"

[[expect]]                                # these are right, and counted as expected
path = "Order/OrderStatus"
change = "changed-value"                  # optional: one kind of change, or a list of them
reason = "Unshipped orders were shipped in the meantime"

[[tolerance]]                             # numbers that may differ by so much
path = "OrderTotal/Amount"
within = "0.01"
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from bridge.diff.differences import Change, Verdict
from bridge.diff.profiles import AUTO, PROFILES, Pattern, Rule

__all__ = ["Rules", "RulesError", "load_rules", "parse_rules", "parse_tolerance"]


class RulesError(ValueError):
    """Rules that cannot be used; ``faults`` names every place and its remedy."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


@dataclass(slots=True)
class Rules:
    """What a rules file says. ``profile`` is '' where it says nothing of that."""

    profile: str = ""
    rules: list[Rule] = field(default_factory=list)
    only: list[Pattern] = field(default_factory=list)


def load_rules(path: Path) -> Rules:
    """Read a rules file. Raises RulesError with every fault."""
    import tomllib  # noqa: PLC0415 - most comparisons have none

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RulesError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesError([f"{path}: not TOML: {error}"]) from None
    try:
        return parse_rules(data)
    except RulesError as error:
        raise RulesError([f"{path}: {fault}" for fault in error.faults]) from None


def parse_tolerance(text: str) -> Rule:
    """The rule of ``PATH=NUMBER``. Raises ValueError."""
    path, equals, number = text.rpartition("=")
    if not equals:
        raise ValueError(f"{text!r} is not PATH=NUMBER, for example OrderTotal/Amount=0.01")
    return _tolerance(path, number)


def _tolerance(path: str, number: object) -> Rule:
    pattern = Pattern(path)
    try:
        within = Decimal(number if isinstance(number, str | int) and not isinstance(number, bool) else "")
    except InvalidOperation:
        within = Decimal("nan")
    if not within.is_finite():
        raise ValueError('write the number as text, for example within = "0.01"')
    if within < 0:
        raise ValueError(f"within {within}: must not be negative")
    return Rule(pattern, Verdict.IGNORED, f"within {within}", tolerance=within)


def parse_rules(data: Mapping[str, object]) -> Rules:
    """The rules of decoded TOML. Raises RulesError with every fault."""
    rules = Rules()
    faults = [f"{name}: there is no such rule; there are {', '.join(_KNOWN)}" for name in data if name not in _KNOWN]
    profile = data.get("profile", "")
    if profile not in {"", AUTO, *PROFILES}:
        faults.append(f"profile: must be one of {', '.join([AUTO, *PROFILES])}")
    else:
        rules.profile = str(profile)
    only = data.get("only", [])
    for number, text in enumerate(only if isinstance(only, list) else [None], 1):
        try:
            rules.only.append(Pattern(_text(text)))
        except ValueError as error:
            faults.append(f"only[{number}]: {error}")
    for kind in ("ignore", "expect", "tolerance"):
        for number, table in enumerate(_tables(data.get(kind, [])), 1):
            try:
                rules.rules.append(_rule(kind, table))
            except ValueError as error:
                faults.append(f"{kind}[{number}]: {error}")
    if faults:
        raise RulesError(faults)
    return rules


_KNOWN = ("profile", "only", "ignore", "expect", "tolerance")
_FIELDS = {
    "ignore": {"path", "change", "reason"},
    "expect": {"path", "change", "reason"},
    "tolerance": {"path", "within"},
}


def _tables(value: object) -> Iterator[object]:
    yield from value if isinstance(value, list) else [value]


def _rule(kind: str, table: object) -> Rule:
    if not isinstance(table, dict):
        raise ValueError(f"write [[{kind}]] and below it path = …")  # noqa: TRY004 - a fault of the file
    unknown = sorted(table.keys() - _FIELDS[kind])
    if unknown:
        raise ValueError(f"{unknown[0]}: there is no such setting; there are {', '.join(sorted(_FIELDS[kind]))}")
    if "path" not in table:
        raise ValueError('needs a path, for example path = "ShippingAddress/Phone"')
    if kind == "tolerance":
        return _tolerance(_text(table["path"]), table.get("within"))
    verdict = Verdict.IGNORED if kind == "ignore" else Verdict.EXPECTED
    if kind == "expect" and not table.get("reason"):
        raise ValueError("needs a reason: it is what the report says")
    reason = _text(table.get("reason", "ignored by a rule"))
    return Rule(Pattern(_text(table["path"])), verdict, reason, frozenset(_changes(table.get("change", []))))


def _changes(value: object) -> Iterator[Change]:
    for name in value if isinstance(value, list) else [value]:
        try:
            yield Change(str(name))
        except ValueError:
            raise ValueError(f"change: must be one of {', '.join(Change)}") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("text expected")  # noqa: TRY004 - a fault of the file
    return value
