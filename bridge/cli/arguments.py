"""What can be typed after ``mws-bridge``. Parsing imports nothing heavy: each verb brings its own imports."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

from mws_compat.orders import OPERATIONS, Parameter

__all__ = ["build_parser", "main"]

#: What running a verb may raise to end with a sentence instead of a traceback.
TROUBLE = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (``sys.argv`` without the program, by default) and return its exit code."""
    arguments = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = import_module(arguments.module).run
    try:
        return run(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; a second attempt to flush must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def build_parser() -> argparse.ArgumentParser:
    """The parser with all verbs, each with the module that runs it as ``module``."""
    parser = argparse.ArgumentParser(
        prog="mws-bridge",
        description="Keeps legacy Amazon MWS order integrations alive: an MWS endpoint in front of SP-API.",
    )
    parser.add_argument("--version", action="version", version=f"mws-bridge {version('mws-bridge')}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add_demo(verbs)
    _add_serve(verbs)
    _add_call(verbs)
    _add_check(verbs)
    _add_sandbox(verbs)
    return parser


# argparse has no public name for what add_subparsers returns.
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def _verb(verbs: Verbs, name: str, module: str, summary: str, description: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(module=f"bridge.cli.{module}")
    return parser


def _add_demo(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "demo",
        "demo",
        "play a legacy session against the endpoint and an emulated SP-API",
        "Start the endpoint and the SP-API sandbox on loopback, play a signed legacy session against them, show\n"
        "what was asked, what went upstream and what came back. Needs no credentials and no network; the clock of\n"
        "the demo stands still, so that every run shows the same.",
    )
    parser.add_argument("--full", action="store_true", help="show every answer whole")


def _add_address(parser: argparse.ArgumentParser, *, port: int | None) -> None:
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, or as configured)")
    parser.add_argument("--port", type=int, default=port, help="port to listen on; 0 takes a free one")


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML configuration (default: $MWS_BRIDGE_CONFIG, else mws-bridge.toml)",
    )


def _add_serve(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "serve",
        "serve",
        "run the endpoint",
        "Run the MWS endpoint for the sellers of the configuration, or with --sandbox for emulated ones.",
    )
    _add_config(parser)
    parser.add_argument("--sandbox", action="store_true", help="serve the emulated SP-API; needs no configuration")
    _add_address(parser, port=None)


def _add_sandbox(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "sandbox",
        "sandbox",
        "run the SP-API emulator alone",
        "Run the emulated SP-API (Login with Amazon, restricted data tokens, Orders v0); prints its credentials.",
    )
    parser.add_argument("--seed", type=int, default=2013, help="seed of the emulated orders (default: 2013)")
    parser.add_argument("--orders", type=int, default=3000, help="how many orders there are (default: 3000)")
    parser.add_argument("--no-usage-plans", action="store_true", help="never answer 429")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="OPERATION=FAULT",
        help="answer an operation ('*': every one) with a fault, for example getOrders=slow:3; may be repeated",
    )
    _add_address(parser, port=8014)


def _add_check(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "check",
        "check",
        "validate the configuration and try it against Amazon",
        "Validate the configuration; then, for each seller, log in, ask for the restricted data and list one order,\n"
        "and say in plain words what is wrong.",
    )
    _add_config(parser)
    parser.add_argument("--offline", action="store_true", help="validate only; call nobody")


def _add_call(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "call",
        "call",
        "send one signed MWS request (a curl for MWS)",
        "Sign a request as legacy programs do, send it, and print the XML that comes back.\n\n"
        "Access key, secret and seller come from the options, from MWS_ACCESS_KEY, MWS_SECRET and MWS_SELLER, from\n"
        "--config, or with --sandbox from the demo account.",
    )
    parser.add_argument("operation", metavar="OPERATION", help=f"one of {', '.join(OPERATIONS)}")
    parser.add_argument("--url", help="the endpoint's origin (default: http://127.0.0.1:8013)")
    parser.add_argument("--access-key", metavar="ID")
    parser.add_argument("--seller", metavar="ID", help="SellerId")
    parser.add_argument("--sandbox", action="store_true", help="use the demo account of serve --sandbox")
    _add_config(parser)
    parser.add_argument("--get", action="store_true", help="send the parameters in the URL of a GET")
    parser.add_argument("--sha1", action="store_true", help="sign with HmacSHA1")
    parser.add_argument("--api-version", default="2013-09-01", help="2013-09-01 (default) or 2011-01-01")
    parser.add_argument("--dry-run", action="store_true", help="print the string to sign and the URL; send nothing")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="any parameter as it is; may be repeated"
    )
    group = parser.add_argument_group("parameters of the operation")
    seen: set[str] = set()
    for operation in OPERATIONS.values():
        for parameter in operation.parameters:
            if parameter.name not in seen:
                seen.add(parameter.name)
                group.add_argument(
                    option_of(parameter), action="append", metavar="VALUE", dest=f"mws_{parameter.name}"
                )


def option_of(parameter: Parameter) -> str:
    """The option of a parameter: CreatedAfter → --created-after."""
    words = "".join(
        f"-{character.lower()}" if character.isupper() and not previous.isupper() else character.lower()
        for previous, character in zip(" " + parameter.name, parameter.name, strict=False)
    )
    return f"-{words}"
