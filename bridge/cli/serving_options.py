"""The options of the verbs that answer programs and call as they do: demo, serve, sandbox, check, keys, call."""

import argparse
import re
from pathlib import Path

from bridge.cli.options import Verbs, add_account, add_address, add_config, add_verb, instant, number

__all__ = ["add_call", "add_check", "add_demo", "add_keys", "add_sandbox", "add_serve", "option_of"]


def add_demo(verbs: Verbs) -> None:
    """Add ``demo``."""
    parser = add_verb(
        verbs,
        "demo",
        "demo",
        "play a legacy session against an emulated Amazon",
        "Start the endpoint and the SP-API sandbox on loopback, play a signed legacy\n"
        "session against them, show what was asked, what went upstream and what came\n"
        "back. Needs no credentials and no network; the clock of the demo stands still,\n"
        "so that every run shows the same.",
    )
    parser.add_argument("--full", action="store_true", help="show every answer and every line whole")


def add_serve(verbs: Verbs) -> None:
    """Add ``serve``."""
    parser = add_verb(
        verbs,
        "serve",
        "serve",
        "run the endpoint",
        "Run the MWS endpoint for the sellers of the configuration, or with --sandbox\nfor emulated ones.",
    )
    add_config(parser)
    parser.add_argument("--sandbox", action="store_true", help="serve the emulated SP-API; needs no configuration")
    add_address(parser, port=None)
    parser.add_argument(
        "--workers",
        type=number(64, least=1),
        metavar="N",
        help="processes that serve (default: 1, or as configured)",
    )
    parser.add_argument(
        "--admin-port",
        type=number(65535),
        metavar="PORT",
        help="serve the status page, /metrics, /healthz and /readyz there (default: as configured, or not at all)",
    )
    _add_recording(parser)


def _add_recording(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("recording", "what was asked and answered, for diff, convert and replay")
    group.add_argument("--record", type=Path, metavar="DIR", help="keep it in this directory, without secrets")
    group.add_argument(
        "--record-pii", choices=("mask", "keep"), default="mask", help="what becomes of personal data (default: mask)"
    )
    group.add_argument(
        "--record-max-mb",
        type=number(1_000_000),
        default=1024,
        metavar="N",
        help="remove the oldest when there is more than that (default: 1024)",
    )


def add_sandbox(verbs: Verbs) -> None:
    """Add ``sandbox``."""
    parser = add_verb(
        verbs,
        "sandbox",
        "sandbox",
        "run the SP-API emulator alone",
        "Run the emulated SP-API (Login with Amazon, restricted data tokens, Orders v0\n"
        "and v2026-01-01); prints its credentials.",
    )
    parser.add_argument("--seed", type=int, default=2013, help="seed of the emulated orders (default: 2013)")
    parser.add_argument(
        "--orders", type=number(1_000_000), default=3000, help="how many orders there are (default: 3000)"
    )
    parser.add_argument("--no-usage-plans", action="store_true", help="never answer 429")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="OPERATION=FAULT",
        help="answer an operation ('*': every one) with a fault, for example getOrders=slow:3; may be repeated",
    )
    add_address(parser, port=8014)


def add_check(verbs: Verbs) -> None:
    """Add ``check``."""
    parser = add_verb(
        verbs,
        "check",
        "check",
        "validate the configuration and try it against Amazon",
        "Validate the configuration; then, for each seller, log in, ask for the\n"
        "restricted data and list one order, and say in plain words what is wrong.",
    )
    parser.add_argument("sellers", nargs="*", metavar="SELLER", help="a seller_id to try (default: all)")
    add_config(parser)
    parser.add_argument("--offline", action="store_true", help="validate only; call nobody")


def add_keys(verbs: Verbs) -> None:
    """Add ``keys``."""
    parser = add_verb(
        verbs,
        "keys",
        "keys",
        "make, list, rotate and revoke access keys",
        "Make, list, rotate and revoke the key pairs with which old programs sign. Files\n"
        "are written into the directory that accounts names in the configuration; a\n"
        "running bridge takes them over within seconds. Without such a directory it is\n"
        "shown what to write by hand.",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    new = actions.add_parser("new", help="make a key pair", description="Make a key pair, and show it this once.")
    new.add_argument("sellers", nargs="+", metavar="SELLER", help="a seller_id that the key may reach")
    listed = actions.add_parser("list", help="show all keys", description="Show all access keys, without secrets.")
    listed.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    rotate = actions.add_parser(
        "rotate",
        help="make the successor of a key",
        description="Make a key pair for the same sellers, and let the old one end when programs had time to change.",
    )
    rotate.add_argument("id", metavar="ID", help="the access key that is to end")
    rotate.add_argument(
        "--days", type=number(3650), default=14, metavar="N", help="days that both are valid (default: 14)"
    )
    revoke = actions.add_parser("revoke", help="let a key end", description="Let a key end.")
    revoke.add_argument("id", metavar="ID", help="the access key that is to end")
    revoke.add_argument("--at", type=instant, metavar="DATE", help="from when on it is unknown (default: now)")
    for action in (new, listed, rotate, revoke):
        add_config(action)


def add_call(verbs: Verbs) -> None:
    """Add ``call``."""
    from mws_compat.orders import OPERATIONS  # noqa: PLC0415 - no other verb's options come from the table

    parser = add_verb(
        verbs,
        "call",
        "call",
        "send one signed MWS request (a curl for MWS)",
        "Sign a request as legacy programs do, send it, and print the XML that comes\nback.\n\n"
        "Access key, secret and seller come from the options, from MWS_ACCESS_KEY,\n"
        "MWS_SECRET and MWS_SELLER, from --config, or with --sandbox from the demo\naccount.",
    )
    parser.add_argument("operation", metavar="OPERATION", help=f"one of {', '.join(OPERATIONS)}")
    parser.add_argument("--url", help="the endpoint's origin (default: $MWS_URL, else http://127.0.0.1:8013)")
    add_account(parser)
    parser.add_argument("--get", action="store_true", help="send the parameters in the URL of a GET")
    parser.add_argument("--sha1", action="store_true", help="sign with HmacSHA1")
    parser.add_argument(
        "--api-version", default="2013-09-01", metavar="DATE", help="2013-09-01 (default) or 2011-01-01"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the string to sign and the URL; send nothing")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="any parameter as it is; may be repeated"
    )
    group = parser.add_argument_group(
        "parameters of the operation", "an option of a list (--marketplace-id, --order-status, ...) may be repeated"
    )
    parameters = [parameter for operation in OPERATIONS.values() for parameter in operation.parameters]
    for name in dict.fromkeys(parameter.name for parameter in parameters):
        group.add_argument(option_of(name), action="append", metavar="VALUE", dest=f"mws_{name}")


_CAPITALISED = r"[A-Z]+(?![a-z])|[A-Z][a-z]*"


def option_of(name: str) -> str:
    """The option of a parameter: CreatedAfter → --created-after, TFMShipmentStatus → --tfm-shipment-status."""
    return "--" + "-".join(word.lower() for word in re.findall(_CAPITALISED, name))
