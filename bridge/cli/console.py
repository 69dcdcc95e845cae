"""Printing for people: coloured on a terminal, plain when piped."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

__all__ = ["heading", "line", "show_table", "show_xml"]


class _Console(Console):
    """Leaves it to the command line's end to say what it means that nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console() -> Console:
    # Looked up for each use, so that a test or a pager that replaces stdout is heard. No highlighting of its own:
    # ids and numbers are data here, and wrapping would break lines that people copy.
    return _Console(file=sys.stdout, highlight=False, soft_wrap=True)


def show_xml(text: str, *, most_lines: int = 0) -> None:
    """Print XML; past ``most_lines`` (0: all) only say how much was left out."""
    lines = text.rstrip("\n").split("\n")
    kept = lines[:most_lines] if most_lines else lines
    console = _console()
    if console.is_terminal:
        console.print(Syntax("\n".join(kept), "xml", theme="ansi_dark", background_color="default"))
    else:
        sys.stdout.write("\n".join(kept) + "\n")
    if len(kept) < len(lines):
        console.print(Text(f"… {len(lines) - len(kept)} more lines (--full shows them)", style="dim"))


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table. What does not fit into a line of a terminal is folded; a pipe has lines of any length."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold cyan")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = _console()
    if not console.is_terminal:
        console.width = 10_000  # the table is as wide as what is in it
    console.print(table, soft_wrap=False)


def heading(text: str) -> None:
    """Print a line that begins a section."""
    _console().print(Text(text, style="bold cyan"))


def line(text: str, style: str = "") -> None:
    """Print a line; ``style`` is rich's and counts only on a terminal."""
    _console().print(Text(text, style=style))
