"""What can be typed after ``mws-bridge``. Parsing imports nothing heavy: each verb brings its own imports."""

import argparse
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from bridge import VERSION
from bridge.cli.feed_options import add_compare_upstreams, add_convert, add_diff, add_replay
from bridge.cli.serving_options import add_call, add_check, add_demo, add_keys, add_sandbox, add_serve

__all__ = ["build_parser", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (``sys.argv`` without the program, by default) and return its exit code."""
    # Not every terminal or pipe can take every buyer's name; what stdout cannot take stays readable as XML.
    for stream, errors in ((sys.stdout, "xmlcharrefreplace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)
    words = sys.argv[1:] if argv is None else argv
    arguments = build_parser(words[0] if words else "").parse_args(words)
    run = _imported(arguments.module) if argv is None else import_module(arguments.module).run
    try:
        code = run(arguments)
        sys.stdout.flush()  # here, where it is known what to do when nobody reads any more
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; a second attempt to flush must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


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
