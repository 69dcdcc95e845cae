"""The tests' judge of documents: what it remembers makes it no milder."""

from copy import deepcopy
from itertools import cycle

from tests.sandbox.model import Judge, validator
from tests.sandbox.probe import EVERYTHING, NA

MODEL = ("orders_2026-01-01.json", "GetOrderResponse")


def places(value, way=()):
    """Every way into a JSON value."""
    yield way
    if isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*way, step))


def changed(document, way, value):
    """A copy with another value at the end of a way; None: with the member left out."""
    copy = deepcopy(document)
    holder = copy
    for step in way[:-1]:
        holder = holder[step]
    if value is None:
        del holder[way[-1]]
    else:
        holder[way[-1]] = value
    return copy


def test_a_judge_that_knows_a_document_finds_every_fault_in_it(demo):
    """However much was found sound before, a document with a change anywhere is judged as the model judges it."""
    document = {"order": demo.search(NA, EVERYTHING).json["orders"][0]}
    values = cycle([None, 7, -1, 1.5, "another", True, "NOVEL", {}, {"novel": "x"}, [], ["x"]])
    experienced, strict = Judge(*MODEL), validator(*MODEL)
    assert experienced.faults(document) == []
    verdicts = set()
    for way in places(document):
        if len(way) > 1:
            other = changed(document, way, next(values))
            expected = [error.message for error in strict.iter_errors(other)]
            assert experienced.faults(other) == expected, way
            verdicts.add(bool(expected))
    assert verdicts == {True, False}
