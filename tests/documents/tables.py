"""The tables and command output in README.md and MIGRATION.md, made from the code by cog.

``python -m cogapp -r README.md MIGRATION.md`` writes them anew; ``--check`` (in .ci/run) says whether they are true.
"""

import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence

from bridge.mapping import orders_v0
from bridge.mapping.rows import Omitted, Row, StructMap
from bridge.upstream.plans import OPERATIONS as UPSTREAM
from mws_compat import errors
from mws_compat.orders import ADDRESS, OPERATIONS, Parameter
from mws_compat.schema import Field, ListOf, Struct

#: Which upstream operation a legacy operation is paid with.
_PAID_WITH = {
    "ListOrders": "getOrders",
    "GetOrder": "getOrder (one id) or getOrders (up to 50 ids, one token)",
    "ListOrderItems": "getOrderItems",
    "GetServiceStatus": "nothing: answered by the bridge",
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
        return "the path of getOrder, or `AmazonOrderIds` of getOrders"
    if operation == "ListOrderItems":
        return "the path of getOrderItems"
    target = orders_v0.QUERY_NAMES.get(parameter.name)
    return f"`{target}`" if target else "no counterpart: no order matches, so the answer is empty"


def elements() -> str:
    """Every element of Order and OrderItem with its source."""
    rows = [*_rows_of(orders_v0.ORDER_MAP, "Order", ""), *_rows_of(orders_v0.ITEM_MAP, "OrderItem", "")]
    return _table(("MWS element", "SP-API Orders v0", ""), rows)


def address_elements() -> str:
    """The elements of an address with their sources."""
    return _table(("MWS element", "SP-API Orders v0", ""), _rows_of(orders_v0.ADDRESS_MAP, "ShippingAddress", ""))


def _rows_of(table: StructMap, path: str, source: str) -> list[tuple[str, str, str]]:
    rows = {row.mws: row for row in table.rows}
    found: list[tuple[str, str, str]] = []
    for field in table.struct.fields:
        found += _rows_of_field(field, rows[field.name], path, source)
    return found


def _rows_of_field(field: Field, row: Row | Omitted, path: str, source: str) -> list[tuple[str, str, str]]:
    place = f"{path}/{field.name}"
    if isinstance(row, Omitted):
        return [(f"`{place}`", "—", row.reason)]
    below = f"{source}{row.source}"
    kind = field.kind
    if isinstance(kind, ListOf):
        place, below = f"{place}/{kind.member}", f"{below}[]"
    struct = kind.of if isinstance(kind, ListOf) else kind
    if struct is ADDRESS and field.name != "ShippingAddress":
        return [(f"`{place}/…`", f"`{below}`", "like ShippingAddress")]
    if struct is ADDRESS:
        return [(f"`{place}/…`", f"`{below}`", "see below")]
    if isinstance(struct, Struct) and row.via is not None:
        return _rows_of(row.via, place, f"{below}.")
    return [(f"`{place}`", f"`{below}`", ", ".join(filter(None, ("restricted" if row.restricted else "", row.note))))]


def unused() -> str:
    """What SP-API has and MWS had no element for."""
    tables = (("Order", orders_v0.ORDER_MAP), ("OrderItem", orders_v0.ITEM_MAP), ("Address", orders_v0.ADDRESS_MAP))
    rows = [(f"`{name}.{field.source}`", field.reason) for name, table in tables for field in table.unused]
    return _table(("SP-API Orders v0", "why it is left out"), rows)


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
    for name, paid_with in _PAID_WITH.items():
        quota = OPERATIONS[name].quota
        shared = " + ".join(operation.name for operation in OPERATIONS.values() if operation.quota is quota)
        plan = UPSTREAM.get(paid_with.split(" ")[0])
        now = f"{plan.burst}, then {plan.rate:g} a second" if plan else "—"
        rows.append((shared, f"{quota.burst}, then one every {quota.restore_seconds} s", paid_with, now))
    return _table(("operations (one quota)", "MWS allowed", "the bridge asks", "SP-API allows"), rows)


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
