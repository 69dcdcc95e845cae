"""The static sandbox of Orders v0: fixed answers to fixed questions (reference 1.6).

`static_v0.json` holds, a case a line, what Amazon's model file lists under `x-amzn-api-sandbox` for the six reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import orjson

from bridge.sandbox.answers import Answer, invalid_input

_PREFIX: Final = "TEST_CASE_"
_NO_MATCH: Final = "Could not match input arguments"


@dataclass(frozen=True, slots=True)
class _Case:
    operation: str
    parameters: Mapping[str, frozenset[str]]
    answer: Answer


@cache
def _cases() -> tuple[_Case, ...]:
    rows = orjson.loads(files(__package__).joinpath("static_v0.json").read_bytes())
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


def is_static(parameters: Mapping[str, str]) -> bool:
    """Tell whether a request (path and query parameters together) asks for a static case."""
    return any(parameters.get(name, "").startswith(_PREFIX) for name in ("orderId", "CreatedAfter"))


def answer_static(operation: str, parameters: Mapping[str, str]) -> Answer:
    """Return the case of which all parameters are met, the most specific one; else raise 400.

    Parameters that no case mentions do not matter, but a NextToken must be the one of the case.
    """
    given = {name: frozenset(value.split(",")) for name, value in parameters.items()}
    matching = [
        case
        for case in _cases()
        if case.operation == operation
        and all(given.get(name) == value for name, value in case.parameters.items())
        and ("NextToken" in case.parameters or "NextToken" not in given)
    ]
    if not matching:
        raise invalid_input(_NO_MATCH)
    return max(matching, key=lambda case: len(case.parameters)).answer
