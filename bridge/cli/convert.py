"""``mws-bridge convert``: legacy XML to SP-API JSON and back, over files, directories, archives and pipes.

Nothing here imports what a single small document does not need: it should be converted in a tenth of a second.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NoReturn, Protocol

from bridge.offline.convert import Converter, Options, gather_head, suffix_of
from bridge.offline.report import ConvertError, Note, Report
from bridge.offline.sources import ByteStream, Source, SourceError, find_sources
from bridge.offline.targets import Directory, SingleFile, StandardOutput, Target, TargetError

__all__ = ["run"]

_PIECE = 2**20
#: From this size on a terminal gets a progress bar.
_SHOW_FROM = 4 * 2**20
_SHOWN_NOTES = 20
_SHOWN_NAMES = 5


class _NothingError(Exception):
    """Nothing of a source could be converted, so nothing is published."""


class _Bar(Protocol):
    """Shows how far a run is."""

    def at(self, source: Source | None, consumed: int, report: Report) -> None: ...


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when everything was converted, 2 otherwise."""
    options = Options(
        form=arguments.form,
        lines=arguments.lines,
        page=arguments.page,
        strict=arguments.strict,
        drop=arguments.drop_unknown,
        recover=arguments.recover,
        jobs=arguments.jobs,
    )
    started = time.monotonic()
    report = Report()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        target = _target(arguments, options)
        passed_over: list[str] = []
        found = find_sources(arguments.inputs, exclude=arguments.directory, on_passed_over=passed_over.append)
        sources = list(found)
        _warn_passed_over(passed_over, report)
        total = sum(source.size for source in sources if isinstance(source, Source))
        with target, Converter(options, report) as converter, _progress(arguments, total) as bar:
            for source in sources:
                _convert(source, target, converter, options, report, bar)
    except TargetError as error:
        report.failures.append(ConvertError(error.name, error.problem))
    _tell(report, time.monotonic() - started, quiet=arguments.quiet)
    return 2 if report.failures else 0


def _terminate(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def _warn_passed_over(names: list[str], report: Report) -> None:
    if names:
        more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
        others = "is neither XML nor JSON; it was" if len(names) == 1 else "are neither XML nor JSON; they were"
        report.warn(f"{', '.join(names[:_SHOWN_NAMES])}{more}", f"{others} passed over")


def _target(arguments: argparse.Namespace, options: Options) -> Target:
    output: Path | None = arguments.output
    directory: Path | None = arguments.directory
    if output is not None and directory is None and output.is_dir():
        directory = arguments.directory = output
    if directory is not None:
        for given in arguments.inputs:
            if given != "-" and os.path.isdir(given) and directory.is_dir() and os.path.samefile(given, directory):
                raise TargetError(str(directory), "is an input directory; write to another one")
        return Directory(directory, options.how, force=arguments.force)
    if output is not None and str(output) != "-":
        return SingleFile(output)
    return StandardOutput(sys.stdout.buffer)


def _convert(
    source: Source | SourceError, target: Target, converter: Converter, options: Options, report: Report, bar: _Bar
) -> None:
    if isinstance(source, SourceError):
        report.failures.append(ConvertError(source.name, source.problem))
        return
    try:
        with source.open() as stream:
            head = gather_head(partial(stream.read, _PIECE))
            suffix = suffix_of(head, options)
            if target.is_done(source, suffix):
                report.skipped += 1
                return
            report.files += 1
            failures, documents = len(report.failures), report.documents
            with target.open(source, suffix) as sink:
                watched = _Watched(stream, source, report, bar)
                converter.convert(source.name, head, watched, sink, source.size)
                failed = len(report.failures) > failures
                _refuse_nothing(report.documents - documents, failed=failed)
            if not failed:
                target.mark_done(source, suffix)
    except SourceError as error:
        report.failures.append(ConvertError(error.name, error.problem))
    except TargetError as error:
        if not target.goes_on_after(error):
            raise
        report.failures.append(ConvertError(error.name, error.problem))
    except _NothingError:
        pass  # its failures are in the report
    finally:
        bar.at(None, source.size, report)


def _refuse_nothing(documents: int, *, failed: bool) -> None:
    if failed and not documents:
        raise _NothingError


class _Watched:
    """A stream that tells the progress bar how far it is."""

    def __init__(self, stream: ByteStream, source: Source, report: Report, bar: _Bar) -> None:
        self._stream = stream
        self._source = source
        self._report = report
        self._bar = bar

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._bar.at(self._source, self._stream.consumed, self._report)
        return data


class _NoBar:
    def at(self, source: Source | None, consumed: int, report: Report) -> None:
        """Show nothing."""


def _progress(arguments: argparse.Namespace, total: int) -> AbstractContextManager[_Bar]:
    if arguments.quiet or total < _SHOW_FROM or not sys.stderr.isatty():
        return nullcontext(_NoBar())
    return _rich_bar(total)


@contextmanager
def _rich_bar(total: int) -> Iterator[_Bar]:
    from bridge.cli.progress import ProgressBar  # noqa: PLC0415 - rich takes long to import

    with ProgressBar(total) as bar:
        yield bar


# --- what is told ---------------------------------------------------------------------------------------------------


def _tell(report: Report, seconds: float, *, quiet: bool) -> None:
    """Faults always; repairs, warnings and the summary unless told to be quiet. All of it on the standard error."""
    sys.stdout.flush()
    for failure in report.failures:
        print(f"mws-bridge: {failure}", file=sys.stderr)
        if failure.excerpt:
            print(f"    {failure.excerpt}", file=sys.stderr)
    _tell_notes("repaired", report.repairs, len(report.repairs) + report.repairs_dropped, most=len(report.repairs))
    if not quiet:
        _tell_notes("warning", report.warnings, len(report.warnings) + report.warnings_dropped, most=_SHOWN_NOTES)
    if not quiet:
        print(_summary(report, seconds), file=sys.stderr)


def _tell_notes(word: str, notes: list[Note], total: int, *, most: int) -> None:
    for note in notes[:most]:
        print(f"{word}: {note.source}: {note.text}", file=sys.stderr)
    if total > min(most, len(notes)):
        print(f"{word}: {total - min(most, len(notes))} more", file=sys.stderr)


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _summary(report: Report, seconds: float) -> str:
    """One line: ``2 files: 3 documents, 120 orders, 14 items in 0.1 s; 1 failure``."""
    members = dict(report.members)
    parts = [_number(report.documents, "document"), _number(members.pop("Order", 0), "order")]
    items = members.pop("OrderItem", 0)
    if items:
        parts.append(_number(items, "item"))
    messages = members.pop("Message", 0)
    if messages:
        parts.append(_number(messages, "message"))
    line = f"{_number(report.files, 'file')}: {', '.join(parts)} in {seconds:.1f} s"
    more = [
        (report.skipped, "file done already", "files done already"),
        (report.unknown, "thing that no table knows, kept", "things that no table knows, kept"),
        (report.left_out, "thing that no table knows, left out", "things that no table knows, left out"),
        (len(report.repairs) + report.repairs_dropped, "repair", "repairs"),
        (len(report.warnings) + report.warnings_dropped, "warning", "warnings"),
        (len(report.failures), "failure", "failures"),
    ]
    told = [f"{count:,} {one if count == 1 else many}" for count, one, many in more if count]
    return "; ".join([line, *told])
