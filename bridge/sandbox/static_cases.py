"""The static sandbox: fixed answers to fixed questions (reference 1.6 and 1.7).

`static_v0.json` and `static_v2026.json` hold, a case a line, what Amazon's model files list under
`x-amzn-api-sandbox` for the six reads of v0 and the two of v2026.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import orjson

from bridge.sandbox.answers import Answer, invalid_input

_PREFIX: Final = "TEST_CASE_"
_FILES: Final = ("static_v0.json", "static_v2026.json")
_TOKENS: Final = ("NextToken", "paginationToken")
_NO_MATCH: Final = "Could not match input arguments"


@dataclass(frozen=True, slots=True)
class _Case:
    operation: str
    parameters: Mapping[str, frozenset[str]]
    answer: Answer


@cache
def _cases() -> tuple[_Case, ...]:
    rows = [row for name in _FILES for row in orjson.loads(files(__package__).joinpath(name).read_bytes())]
    return tuple(
        _Case(
            row["operation"],
            {
                name: frozenset(value if isinstance(value, list) else [value])
                for name, value in row["parameters"].items()
            },
            Answer(row["status"], orjson.dumps(row["response"])),
        )
        for row in rows
    )


def _matching(operation: str, parameters: Mapping[str, str]) -> list[_Case]:
    """Return the cases of which all parameters are met, lists as sets; one for a first page has no paging token."""
    given = {name: frozenset(value.split(",")) for name, value in parameters.items()}
    return [
        case
        for case in _cases()
        if case.operation == operation
        and all(given.get(name) == value for name, value in case.parameters.items())
        and all(name in case.parameters or name not in given for name in _TOKENS)
    ]


def is_static(operation: str, parameters: Mapping[str, str]) -> bool:
    """Tell whether a request (path and query parameters together) asks for a static case.

    It does when it speaks of a test case, or of an order that is one. v2026 has searches besides that might be meant
    in earnest: these have to be a case in every parameter.
    """
    date = "createdAfter" if operation == "searchOrders" else "CreatedAfter"
    if any(parameters.get(name, "").startswith(_PREFIX) for name in ("orderId", date)):
        return True
    order_id = frozenset({parameters.get("orderId", "")})
    known = any(case.operation == operation and case.parameters.get("orderId") == order_id for case in _cases())
    return known or bool(_matching(operation, parameters))


def answer_static(operation: str, parameters: Mapping[str, str]) -> Answer:
    """Return the case of which all parameters are met, the most specific one; else raise 400.

    Parameters that no case mentions do not matter.
    """
    matching = _matching(operation, parameters)
    if not matching:
        raise invalid_input(_NO_MATCH)
    return max(matching, key=lambda case: len(case.parameters)).answer
