"""The tables and command output in README.md and MIGRATION.md, made from the code by cog.

``python -m cogapp -r README.md MIGRATION.md deploy/README.md`` writes them anew; ``--check`` (in .ci/run) says
whether they are true. What deploy/README.md has of its own is in ``production``.
"""

import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from bridge.diff.upgrade import differing_fields, lost_fields
from bridge.mapping import calls_v2026, orders_v0, orders_v2026
from bridge.mapping.choices_v2026 import CHOICES
from bridge.mapping.links import Link, LinkMap, Lost
from bridge.mapping.rows import Omitted, Row, StructMap
from bridge.upstream.plans import OPERATIONS as UPSTREAM
from mws_compat import errors
from mws_compat.orders import ADDRESS, OPERATIONS, Parameter
from mws_compat.schema import Field, ListOf, Struct

#: Which upstream operation a legacy operation is paid with.
_PAID_WITH = {
    "ListOrders": ("getOrders", "searchOrders"),
    "GetOrder": ("getOrder", "getOrder2026"),
    "ListOrderItems": ("getOrderItems", "getOrder2026"),
    "GetServiceStatus": ("", ""),
}
#: What an operation costs beside its plan.
_REMARKS = {
    "GetOrder": "v0: several ids are one getOrders call; v2026: a call for each id that was not just listed",
    "ListOrderItems": "v2026: nothing for orders that were just listed",
    "GetServiceStatus": "answered by the bridge",
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '¦') for cell in line)} |" for line in lines)


def parameters() -> str:
    """Every parameter of every operation, and where it goes."""
    rows = []
    for operation in OPERATIONS.values():
        for parameter in operation.parameters:
            names = " or ".join(f"`{prefix}.N`" for prefix in parameter.lists) or f"`{parameter.name}`"
            rows.append((operation.name, names, _values(parameter), _goes_to(operation.name, parameter)))
    return _table(("operation", "parameter", "values", "goes to"), rows)


def _values(parameter: Parameter) -> str:
    if parameter.values:
        return ", ".join(parameter.values)
    if parameter.kind == "integer":
        return f"{parameter.least} to {parameter.most}"
    text = "date-time" if parameter.kind == "instant" else "text"
    return f"1 to {parameter.most} values" if parameter.lists else text


def _goes_to(operation: str, parameter: Parameter) -> str:
    if parameter.name == "NextToken":
        return "opened by the bridge; the whole first query is inside"
    if operation == "GetOrder":
        return "the path of getOrder; with v0 also `AmazonOrderIds` of getOrders"
    if operation == "ListOrderItems":
        return "the path of getOrderItems; of getOrder"
    target = orders_v0.QUERY_NAMES.get(parameter.name)
    newer = calls_v2026.QUERY_NAMES.get(parameter.name)
    if target is None:
        return "no counterpart: no order matches, so the answer is empty"
    return f"`{target}`; " + (f"`{newer}`" if newer else "filtered by the bridge")


_HEAD = ("MWS element", "SP-API Orders v0", "SP-API Orders v2026-01-01", "")


def elements() -> str:
    """Every element of Order and OrderItem with its sources."""
    order = _sources_of(orders_v0.ORDER_MAP, orders_v2026.ORDER_MAP, "Order")
    return _table(_HEAD, [*order, *_sources_of(orders_v0.ITEM_MAP, orders_v2026.ITEM_MAP, "OrderItem")])


def address_elements() -> str:
    """The elements of an address with their sources."""
    return _table(_HEAD, _sources_of(orders_v0.ADDRESS_MAP, orders_v2026.ADDRESS_MAP, "ShippingAddress"))


class _Source(NamedTuple):
    """Where an element comes from: a path, '' for nowhere, and a remark."""

    path: str
    remark: str


def _sources_of(old: StructMap, new: LinkMap, path: str) -> list[tuple[str, str, str, str]]:
    rows = {row.mws: row for row in old.rows}
    links = {row.mws: row for row in new.rows}
    before = {place: one for field in old.struct.fields for place, one in _walk(field, rows[field.name], path, "")}
    after = {place: one for field in new.struct.fields for place, one in _walk(field, links[field.name], path, "")}
    # One of the two may have nothing below a place that the other one goes into.
    everything = list(dict.fromkeys([*before, *after]))
    places = [place for place in everything if not any(other.startswith(f"{place}/") for other in everything)]
    return [(f"`{place}`", *_cells(_nearest(before, place), _nearest(after, place))) for place in places]


def _nearest(sources: Mapping[str, _Source], place: str) -> _Source:
    while place not in sources:
        place, _, last = place.rpartition("/")
        assert last, "an element that one of the tables does not have"
    return sources[place]


def _cells(old: _Source, new: _Source) -> tuple[str, str, str]:
    remarks = [f"{name}: {one.remark}" for name, one in (("v0", old), ("v2026", new)) if one.remark]
    if old.remark == new.remark:
        remarks = [old.remark] if old.remark else []
    return (f"`{old.path}`" if old.path else "—", f"`{new.path}`" if new.path else "—", "; ".join(remarks))


def _walk(field: Field, row: Row | Link | Omitted | Lost, path: str, source: str) -> Iterator[tuple[str, _Source]]:
    place = f"{path}/{field.name}"
    if isinstance(row, Omitted | Lost):
        yield place, _Source("", row.reason)
        return
    below = f"{source}{row.source}"
    kind = field.kind
    if isinstance(kind, ListOf):
        place = f"{place}/{kind.member}"
        below = below if below.endswith("]") or ("[]" in below and row.via is None) else f"{below}[]"
    struct = kind.of if isinstance(kind, ListOf) else kind
    if struct is ADDRESS:
        remark = "see below" if field.name == "ShippingAddress" else "like ShippingAddress"
        yield f"{place}/…", _Source(below, remark)
    elif isinstance(struct, Struct) and row.via is not None:
        rows = {inner.mws: inner for inner in row.via.rows}
        for inner in struct.fields:
            yield from _walk(inner, rows[inner.name], place, f"{below}." if below else "")
    else:
        yield place, _Source(below, ", ".join(filter(None, ("restricted" if row.restricted else "", row.note))))


def unused() -> str:
    """What SP-API has and MWS had no element for."""
    tables: tuple[tuple[str, StructMap | LinkMap, str], ...] = (
        ("Order", orders_v0.ORDER_MAP, "v0"),
        ("OrderItem", orders_v0.ITEM_MAP, "v0"),
        ("Address", orders_v0.ADDRESS_MAP, "v0"),
        ("Order", orders_v2026.ORDER_MAP, "v2026"),
        ("OrderItem", orders_v2026.ITEM_MAP, "v2026"),
        ("Address", orders_v2026.ADDRESS_MAP, "v2026"),
    )
    rows = [
        (version, f"`{name}.{field.source}`", field.reason)
        for name, table, version in tables
        for field in table.unused
    ]
    return _table(("version", "member", "why it is left out"), rows)


def lost() -> str:
    """What v0 has and v2026 does not, or tells otherwise."""
    rows = [(f"`{spot}`", reason.partition(": ")[2]) for spot, reason in lost_fields().items()]
    rows += [(f"`{spot}`", differs.reason) for spot, differs in differing_fields().items()]
    return _table(("MWS element", "what v2026-01-01 does to it"), rows)


def choices() -> str:
    """What Amazon's documents leave open about v2026, and what is taken for true."""
    return _table(("open", "the bridge", "because"), CHOICES)


def error_catalogue() -> str:
    """Every error that the bridge can answer."""
    faults = [value for name, value in vars(errors).items() if isinstance(value, errors.Fault) and name.isupper()]
    rows = [
        (f"`{fault.code}`", str(fault.status), fault.type or "(empty)", f"`{fault.id_element}`", fault.message)
        for fault in faults
    ]
    return _table(("code", "HTTP", "Type", "request id in", "message (where the place has none of its own)"), rows)


def throttles() -> str:
    """MWS's quotas beside the usage plans that bind now."""
    rows = []
    for name, upstream in _PAID_WITH.items():
        quota = OPERATIONS[name].quota
        shared = " + ".join(operation.name for operation in OPERATIONS.values() if operation.quota is quota)
        plans = [f"{UPSTREAM[one].burst}, then {UPSTREAM[one].rate:g} a second" if one else "—" for one in upstream]
        mws = f"{quota.burst}, then one every {quota.restore_seconds} s"
        rows.append((shared, mws, *plans, _REMARKS.get(name, "")))
    return _table(("operations (one quota)", "MWS allowed", "Orders v0 allows", "v2026-01-01 allows", ""), rows)


def shell(line: str) -> str:
    """A command line of ``mws-bridge`` and what it prints, first on the standard error, in a code block."""
    words = shlex.split(line)
    assert words[0] == "mws-bridge"
    run = _run(words[1:], check=False)
    told = "".join(part if part.endswith("\n") or not part else f"{part}\n" for part in (run.stderr, run.stdout))
    code = f"(exit code {run.returncode})\n" if run.returncode else ""
    return f"```console\n$ {line}\n{told}{code}```"


def python(code: str) -> str:
    """A piece of Python and what it prints, in code blocks."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return f"```python\n{code.strip()}\n```\n\n```\n{run.stdout.rstrip()}\n```"


def _run(words: Sequence[str], *, check: bool) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words],
        capture_output=True,
        text=True,
        check=check,
        env={"COLUMNS": "100", "PATH": "", "PYTHONWARNINGS": "ignore"},
    )


def command(*words: str, first: int = 0, last: int = 0) -> str:
    """What ``mws-bridge`` with these words prints, in a code block; only the lines ``first`` to ``last`` if given."""
    run = _run(words, check=True)
    lines = run.stdout.rstrip("\n").split("\n")
    kept = lines[first : last or None]
    return "```\n" + "\n".join(kept) + ("\n…" if last and last < len(lines) else "") + "\n```"
