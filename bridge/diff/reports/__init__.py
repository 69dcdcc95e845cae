"""What is shown of a finished comparison: to a person at a terminal, to a program, to a CI server, to a colleague.

Each format has a module ``as_…`` of its own, imported when it is asked for.
"""

import importlib as _importlib
import typing as _typing

from bridge.diff.reports.view import View as _View

if _typing.TYPE_CHECKING:
    from bridge.diff.tally import Tally

__all__ = ["FORMATS", "write_report"]

FORMATS: tuple[str, ...] = ("text", "json", "ndjson", "junit", "html", "patch")


def write_report(
    tally: "Tally",
    out: _typing.TextIO,
    *,
    format: str,  # noqa: A002 - what the option of the command is called
    old_name: str,
    new_name: str,
    show_pii: bool = False,
    colour: bool = False,
    width: int = 80,
    details: int = 50,
) -> None:
    """Write a report in one of ``FORMATS``. ``old_name`` and ``new_name`` are what the sides are called.

    Personal data is masked unless ``show_pii``. ``colour``, ``width`` (columns that a line may take; 0: any number)
    and ``details`` (differences that are told one by one) are for ``text``; the other formats hold every difference
    that the tally kept. ``out`` has to take any character; HTML and JUnit say of themselves that they are UTF-8.
    Raises ValueError for an unknown format.
    """
    if format not in FORMATS:
        raise ValueError(f"there is no format {format!r}; choose from {', '.join(FORMATS)}")
    write: _typing.Callable[[_View, _typing.TextIO], None]
    write = _importlib.import_module(f"{__name__}.as_{format}").write
    write(_View(tally, old_name, new_name, show_pii, colour, width, details), out)
