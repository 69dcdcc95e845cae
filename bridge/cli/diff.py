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
from bridge.diff.places import is_known
from bridge.diff.profiles import AUTO, Pattern, Rule
from bridge.diff.records import compare_records
from bridge.diff.reports import write_report
from bridge.diff.reports.output import print_report, why_not, write_file
from bridge.diff.rules import Rules, RulesError, load_rules, parse_tolerance
from bridge.diff.tally import Tally
from bridge.offline.faults import in_words

__all__ = ["misspelt_paths", "publish", "refused", "run", "tell_unused", "trouble"]

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
    if refused(arguments, [arguments.old, arguments.new]):
        return 2
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
    if misspelt := misspelt_paths(rules):
        return trouble(misspelt)
    code = publish(tally, arguments, old_name=arguments.old, new_name=arguments.new)
    tell_unused(rules)
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


def misspelt_paths(rules: Rules, *, own: frozenset[str] = frozenset()) -> list[str]:
    """What is to be said of each ``only`` that neither side had a place for, and no table knows: that nothing differs
    there would prove nothing. ``own`` are names of places that stand in no table."""
    return [
        f"only {pattern.text}: neither side has such a place, and no table knows one; correct the path"
        for pattern in rules.only
        if not pattern.met and not is_known(pattern) and own.isdisjoint(pattern.names)
    ]


def tell_unused(rules: Rules) -> None:
    """Say which rules were of no use: they may be misspelt."""
    notes = [f"neither side has anything at {pattern.text}" for pattern in rules.only if not pattern.met]
    for rule in rules.rules:
        if not rule.pattern.met:
            notes.append(f"no difference is at {rule.pattern.text}: {rule.reason}")
        elif not rule.used:
            notes.append(f"no difference at {rule.pattern.text} is one that the rule is for: {rule.reason}")
    for note in notes:
        print(f"mws-bridge: note: {note}", file=sys.stderr)


def trouble(faults: Sequence[str]) -> int:
    """Say what is in the way of a comparison. Returns 2."""
    for fault in faults[:_MOST_FAULTS]:
        print(f"mws-bridge: {fault}", file=sys.stderr)
    if len(faults) > _MOST_FAULTS:
        print(f"mws-bridge: and {len(faults) - _MOST_FAULTS:,} more", file=sys.stderr)
    return 2


# --- the report -----------------------------------------------------------------------------------------------------


def refused(arguments: argparse.Namespace, inputs: Sequence[str | Path], *, recording: Path | None = None) -> bool:
    """Whether the report must not be written where ``output`` says, since it would destroy what is read: the
    ``inputs``, the rules, or a part of ``recording``. Then it has been said."""
    if _output_of(arguments) is None:
        return False
    rules = [arguments.rules] if arguments.rules else []
    reason = why_not(arguments.output, [*inputs, *rules], recording=recording)
    if reason:
        trouble([f"{arguments.output}: {reason}"])
    return bool(reason)


def _output_of(arguments: argparse.Namespace) -> Path | None:
    """The file that ``output`` names; None for the standard output."""
    output: Path | None = arguments.output
    return None if output is None or str(output) == "-" else output


def publish(tally: Tally, arguments: argparse.Namespace, *, old_name: str, new_name: str) -> int:
    """Write the report as the options say (``format``, ``output``, ``details``, ``show_pii``, ``colour``,
    ``no_pager``). Returns the exit code: 0 the same, 1 different, 2 when it cannot be written or the comparison is
    not complete. Raises OSError when it is the standard output that cannot be written."""
    output = _output_of(arguments)
    terminal = output is None and sys.stdout.isatty()
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
    plain = arguments.format == "text"
    if output is not None:
        try:
            write_file(output, text)
        except BrokenPipeError:
            raise
        except OSError as error:
            return trouble([f"{output}: {in_words(error)}"])
    elif not (plain and terminal and not arguments.no_pager and _page(text)):
        print_report(text, plain=plain)
    if tally.faults:
        return 2
    return 0 if tally.same else 1


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
