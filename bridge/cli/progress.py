"""The progress bar of a conversion: bytes, orders, rate, time left."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from bridge.offline.report import Report
from bridge.offline.sources import Source

__all__ = ["ProgressBar"]


class ProgressBar:
    """A bar over ``total`` bytes on the standard error."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),  # a file may be called a[b].xml
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("{task.fields[orders]:,} orders"),
            TimeRemainingColumn(),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=total, orders=0)
        self._before = 0

    def at(self, source: Source | None, consumed: int, report: Report) -> None:
        """``consumed`` bytes of ``source`` are read; None: a source of that size is done with."""
        orders = sum(report.members.values())
        if source is None:
            self._before += consumed
            self._progress.update(self._task, completed=self._before, orders=orders)
        else:
            name = source.name if len(source.name) <= 32 else f"…{source.name[-31:]}"
            self._progress.update(self._task, completed=self._before + consumed, orders=orders, description=name)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
