"""What can be typed after ``mws-bridge``. Parsing imports nothing heavy: each verb brings its own imports."""

import argparse
import errno
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TextIO

from bridge import VERSION
from bridge.cli.feed_options import add_compare_upstreams, add_convert, add_diff, add_replay
from bridge.cli.serving_options import add_call, add_check, add_demo, add_keys, add_sandbox, add_serve

__all__ = ["build_parser", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (``sys.argv`` without the program, by default) and return its exit code."""
    _open_what_is_closed()
    # Not every terminal or pipe can take every buyer's name; what stdout cannot take stays readable as XML.
    for stream, errors in ((sys.stdout, "xmlcharrefreplace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    try:
        try:
            code = _run(argv)
        finally:  # after --help, which ends by SystemExit, too
            sys.stdout.flush()  # here, where it is known what to do when nobody reads any more
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _give_up_lost_streams()  # whoever read our output has gone
        return _SIGPIPE
    except OSError as error:
        return _failed(error)
    return code


def _run(argv: Sequence[str] | None) -> int:
    words = sys.argv[1:] if argv is None else argv
    arguments = build_parser(words[0] if words else "").parse_args(words)
    run: Callable[[argparse.Namespace], int]
    run = _imported(arguments.module) if argv is None else import_module(arguments.module).run
    return run(arguments)


#: What a shell says of a program that SIGPIPE has ended.
_SIGPIPE = 128 + 13


def _failed(error: OSError) -> int:
    """Say what could not be read or written. Returns 2: it is no outcome."""
    from bridge.offline.faults import in_words  # noqa: PLC0415 - --help needs no words for it

    lost = _give_up_lost_streams()
    place = error.filename or ("<stdout>" if sys.stdout in lost else "")
    reason = "is closed" if error.errno == errno.EBADF else in_words(error)
    with suppress(OSError):
        print(f"mws-bridge: {f'{place}: ' if place else ''}{reason}", file=sys.stderr, flush=True)
    _give_up_lost_streams()
    return 2


def _give_up_lost_streams() -> list[TextIO]:
    """Send what cannot be written to nowhere: Python flushes once more at exit, and would fail then. Returns the
    streams of which that is true."""
    lost = []
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            lost.append(stream)
            with suppress(OSError):  # a stream without a file behind it
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return lost


def _open_what_is_closed() -> None:
    """Have streams where the caller closed them (``>&-``): else the next file that is opened gets their number, and
    what is printed is lost without a word. Whatever is written to the standard output then fails."""
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)  # takes the number; it remains closed for whoever reads
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives


def _imported(module: str) -> Callable[[argparse.Namespace], int]:
    """A verb's ``run``, in a process that is ours. What is imported stays to the end: the garbage collector need not
    look through it again and again while it grows, nor once more when the process ends."""
    gc.disable()
    try:
        run: Callable[[argparse.Namespace], int] = import_module(module).run
    finally:
        gc.freeze()
        gc.enable()
    return run


def build_parser(verb: str = "") -> argparse.ArgumentParser:
    """The parser with all verbs, each with the module that runs it as ``module``. When ``verb`` is one of them, with
    that one alone: the others' options take longer to set up than a small document takes to convert."""
    parser = argparse.ArgumentParser(
        prog="mws-bridge",
        description="Keeps legacy Amazon MWS order integrations alive: an MWS endpoint in front of SP-API.",
    )
    parser.add_argument("--version", action="version", version=f"mws-bridge {VERSION}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    adders = {
        "demo": add_demo,
        "serve": add_serve,
        "call": add_call,
        "check": add_check,
        "keys": add_keys,
        "sandbox": add_sandbox,
        "convert": add_convert,
        "diff": add_diff,
        "replay": add_replay,
        "compare-upstreams": add_compare_upstreams,
    }
    for name, add in adders.items():
        if verb not in adders or name == verb:
            add(verbs)
    return parser
