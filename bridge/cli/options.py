"""What the options of several verbs share."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

__all__ = ["Verbs", "add_account", "add_address", "add_config", "add_verb", "instant", "number", "rate"]

# argparse has no public name for what add_subparsers returns.
Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def add_verb(verbs: Verbs, name: str, module: str, summary: str, description: str) -> argparse.ArgumentParser:
    """Add a verb, which ``bridge.cli.MODULE`` runs; its parser takes the options."""
    parser = verbs.add_parser(
        name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(module=f"bridge.cli.{module}")
    return parser


def add_address(parser: argparse.ArgumentParser, *, port: int | None) -> None:
    """Where to listen: ``--host`` and ``--port``, 0 for a free one; without ``port`` the default is configured."""
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, or as configured)")
    default = f"{port}" if port else "8013, or as configured"
    parser.add_argument(
        "--port",
        type=number(65535),
        default=port,
        help=f"port to listen on; 0 takes a free one (default: {default})",
    )


def number(most: int, *, least: int = 0) -> Callable[[str], int]:
    """The type of an option that takes a whole number between ``least`` and ``most``."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"write a number from {least} to {most}")
        return int(text)

    return read


def add_config(parser: argparse.ArgumentParser) -> None:
    """Which configuration: ``--config``."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration in TOML (default: mws-bridge.toml, or $MWS_BRIDGE_CONFIG)",
    )


def add_account(parser: argparse.ArgumentParser) -> None:
    """As whom to call: ``--access-key``, ``--seller``, or the demo account."""
    parser.add_argument("--access-key", metavar="ID", help="AWSAccessKeyId; its secret is never an option")
    parser.add_argument("--seller", metavar="ID", help="SellerId")
    parser.add_argument("--sandbox", action="store_true", help="use the demo account of serve --sandbox")
    add_config(parser)


def instant(text: str) -> object:
    """The type of an option that takes a date or an instant: an aware datetime, UTC where no zone is told."""
    from mws_compat.schema import parse_instant  # noqa: PLC0415 - only this needs it

    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError("write a date like 2026-11-20 or 2026-11-20T10:00:00Z") from None


def rate(text: str) -> float:
    """The type of an option that takes requests a second."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.001 <= found <= 1000.0:
        raise argparse.ArgumentTypeError("write a number from 0.001 to 1000")
    return found
