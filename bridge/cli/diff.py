"""``mws-bridge diff``: tell what really changed in a feed from what only looks changed."""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path

from bridge.diff.comparison import DiffError, compare_all, find_records
from bridge.diff.differences import Verdict
from bridge.diff.entries import struct_of
from bridge.diff.profiles import AUTO, Pattern, Rule
from bridge.diff.records import compare_records
from bridge.diff.reports import write_report
from bridge.diff.rules import Rules, RulesError, load_rules, parse_tolerance
from bridge.diff.tally import Tally
from bridge.offline.faults import in_words

__all__ = ["publish", "run", "trouble"]

_MOST_FAULTS = 20


def run(arguments: argparse.Namespace) -> int:
    """Returns 0 when the sides are the same, 1 when they differ, 2 when something is in the way of knowing."""
    try:
        rules = _rules(arguments)
    except RulesError as error:
        return trouble(error.faults)
    if arguments.old == arguments.new == "-":
        return trouble(["only one side can be the standard input"])
    if arguments.reproduce:
        return _reproduce(arguments, *arguments.reproduce)
    try:
        tally = compare_all(
            arguments.old,
            arguments.new,
            arguments.profile or rules.profile or AUTO,
            rules=rules.rules,
            only=rules.only,
        )
    except DiffError as error:
        return trouble([str(fault) for fault in error.faults])
    code = publish(tally, arguments, old_name=arguments.old, new_name=arguments.new)
    _tell_unused(rules)
    return code


def _rules(arguments: argparse.Namespace) -> Rules:
    """Those of the command line, then those of the file. Raises RulesError with every fault."""
    rules, faults = Rules(), []
    for option, texts in (("--ignore", arguments.ignore), ("--only", arguments.only)):
        for text in texts:
            try:
                pattern = Pattern(text)
            except ValueError as error:
                faults.append(f"{option} {text}: {error}")
                continue
            if option == "--only":
                rules.only.append(pattern)
            else:
                rules.rules.append(Rule(pattern, Verdict.IGNORED, f"--ignore {text}"))
    for text in arguments.tolerance:
        try:
            rules.rules.append(parse_tolerance(text))
        except ValueError as error:
            faults.append(f"--tolerance {text}: {error}")
    if arguments.rules:
        try:
            read = load_rules(arguments.rules)
        except RulesError as error:
            faults += error.faults
        else:
            rules = Rules(read.profile, rules.rules + read.rules, rules.only + read.only)
    if faults:
        raise RulesError(faults)
    return rules


def _tell_unused(rules: Rules) -> None:
    """A rule that matches nothing may be misspelt."""
    for rule in rules.rules:
        if not rule.used:
            print(f"mws-bridge: note: no difference is at {rule.pattern.text}: {rule.reason}", file=sys.stderr)


def trouble(faults: Sequence[str]) -> int:
    """Say what is in the way of a comparison. Returns 2."""
    for fault in faults[:_MOST_FAULTS]:
        print(f"mws-bridge: {fault}", file=sys.stderr)
    if len(faults) > _MOST_FAULTS:
        print(f"mws-bridge: and {len(faults) - _MOST_FAULTS:,} more", file=sys.stderr)
    return 2


# --- the report -----------------------------------------------------------------------------------------------------


def publish(tally: Tally, arguments: argparse.Namespace, *, old_name: str, new_name: str) -> int:
    """Write the report as the options say (``format``, ``output``, ``details``, ``show_pii``, ``colour``,
    ``no_pager``). Returns the exit code: 0 the same, 1 different, 2 when it cannot be written."""
    terminal = arguments.output is None and sys.stdout.isatty()
    report = StringIO()
    write_report(
        tally,
        report,
        format=arguments.format,
        old_name=old_name,
        new_name=new_name,
        show_pii=arguments.show_pii,
        colour=arguments.colour == "always"
        or (arguments.colour == "auto" and terminal and "NO_COLOR" not in os.environ),
        width=shutil.get_terminal_size().columns if terminal else 0,
        details=arguments.details,
    )
    text = report.getvalue()
    if arguments.output is not None:
        try:
            _write(arguments.output, text)
        except OSError as error:
            return trouble([f"{arguments.output}: {in_words(error)}"])
    elif arguments.format != "text":
        sys.stdout.buffer.write(text.encode())  # what says that it is UTF-8 is that, whatever the terminal's encoding
    elif not (terminal and not arguments.no_pager and _page(text)):
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    return 0 if tally.same else 1


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else to read: a report may hold what it was told to show."""
    waiting = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        waiting.replace(path)
    except OSError:
        with suppress(OSError):
            waiting.unlink()
        raise


def _page(text: str) -> bool:
    """Show a text that is longer than the terminal with the user's pager. False when there is none."""
    if text.count("\n") < shutil.get_terminal_size().lines:
        return False
    command = shlex.split(os.environ.get("PAGER", "less"))
    if not command or shutil.which(command[0]) is None:
        return False
    environ = {"LESS": "FRX", **os.environ}
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environ, encoding="utf-8")  # noqa: S603 - theirs
    with suppress(BrokenPipeError):  # they have seen enough
        process.communicate(text)
    process.wait()
    return True


# --- a pair of fixtures ---------------------------------------------------------------------------------------------


def _reproduce(arguments: argparse.Namespace, key: str, directory: str) -> int:
    from bridge.diff.reproduce import reproduce  # noqa: PLC0415 - only this needs it

    try:
        old, new = find_records(arguments.old, key), find_records(arguments.new, key)
    except DiffError as error:
        return trouble([str(fault) for fault in error.faults])
    if not old or not new:
        return trouble(
            [f"{key} is not on {'either' if not old and not new else 'the old' if not old else 'the new'} side"]
        )
    for path, (member, record) in old.items():
        other = new.get(path)
        if other is None or next(iter(compare_records(record, other[1], struct_of(member), ())), None) is None:
            continue
        try:
            written = reproduce(
                path, record, other[1], struct_of(member), Path(directory), show_pii=arguments.show_pii
            )
        except OSError as error:
            return trouble([f"{error.filename or directory}: {in_words(error)}"])
        except ValueError as error:  # a document that is no order, or one that cannot be written as XML
            return trouble([f"{path}: {error}"])
        for file in written:
            print(file)
        return 1
    print(f"mws-bridge: {key} is the same on both sides", file=sys.stderr)
    return 0
