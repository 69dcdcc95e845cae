"""A difference a line, then one line ``{"summary": …}``; the keys are those of ``as_json``."""

from typing import TextIO

from bridge.diff.reports.as_json import difference_object, json_line
from bridge.diff.reports.view import View

__all__ = ["write"]


def write(view: View, out: TextIO) -> None:
    """Write the lines."""
    kept = (*view.tally.details, *view.tally.others)
    out.writelines(f"{json_line(difference_object(view, difference))}\n" for difference in kept)
    out.write(f"{json_line({'summary': view.summary()})}\n")
