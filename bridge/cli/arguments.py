"""What can be typed after ``mws-bridge``. Parsing imports nothing heavy: each verb brings its own imports."""

import argparse
import gc
import io
import os
import re
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

__all__ = ["build_parser", "main", "option_of"]

_CAPITALISED = r"[A-Z]+(?![a-z])|[A-Z][a-z]*"


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
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    adders = {
        "demo": _add_demo,
        "serve": _add_serve,
        "call": _add_call,
        "check": _add_check,
        "keys": _add_keys,
        "sandbox": _add_sandbox,
        "convert": _add_convert,
        "diff": _add_diff,
        "replay": _add_replay,
        "compare-upstreams": _add_compare_upstreams,
    }
    for name, add in adders.items():
        if verb not in adders or name == verb:
            add(verbs)
    return parser


class _Version(argparse.Action):
    """Prints the version; what looks it up takes long to import, and only this needs it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415

        sys.stdout.write(f"mws-bridge {version('mws-bridge')}\n")
        parser.exit()


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
        "play a legacy session against an emulated Amazon",
        "Start the endpoint and the SP-API sandbox on loopback, play a signed legacy\n"
        "session against them, show what was asked, what went upstream and what came\n"
        "back. Needs no credentials and no network; the clock of the demo stands still,\n"
        "so that every run shows the same.",
    )
    parser.add_argument("--full", action="store_true", help="show every answer and every line whole")


def _add_address(parser: argparse.ArgumentParser, *, port: int | None) -> None:
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1, or as configured)")
    default = f"{port}" if port else "8013, or as configured"
    parser.add_argument(
        "--port",
        type=_number(65535),
        default=port,
        help=f"port to listen on; 0 takes a free one (default: {default})",
    )


def _number(most: int, *, least: int = 0) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"write a number from {least} to {most}")
        return int(text)

    return read


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration in TOML (default: mws-bridge.toml, or $MWS_BRIDGE_CONFIG)",
    )


def _add_serve(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "serve",
        "serve",
        "run the endpoint",
        "Run the MWS endpoint for the sellers of the configuration, or with --sandbox\nfor emulated ones.",
    )
    _add_config(parser)
    parser.add_argument("--sandbox", action="store_true", help="serve the emulated SP-API; needs no configuration")
    _add_address(parser, port=None)
    parser.add_argument(
        "--workers",
        type=_number(64, least=1),
        metavar="N",
        help="processes that serve (default: 1, or as configured)",
    )
    parser.add_argument(
        "--admin-port",
        type=_number(65535),
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
        type=_number(1_000_000),
        default=1024,
        metavar="N",
        help="remove the oldest when there is more than that (default: 1024)",
    )


def _add_sandbox(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "sandbox",
        "sandbox",
        "run the SP-API emulator alone",
        "Run the emulated SP-API (Login with Amazon, restricted data tokens, Orders v0\n"
        "and v2026-01-01); prints its credentials.",
    )
    parser.add_argument("--seed", type=int, default=2013, help="seed of the emulated orders (default: 2013)")
    parser.add_argument(
        "--orders", type=_number(1_000_000), default=3000, help="how many orders there are (default: 3000)"
    )
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
        "Validate the configuration; then, for each seller, log in, ask for the\n"
        "restricted data and list one order, and say in plain words what is wrong.",
    )
    parser.add_argument("sellers", nargs="*", metavar="SELLER", help="a seller_id to try (default: all)")
    _add_config(parser)
    parser.add_argument("--offline", action="store_true", help="validate only; call nobody")


def _add_keys(verbs: Verbs) -> None:
    parser = _verb(
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
        "--days", type=_number(3650), default=14, metavar="N", help="days that both are valid (default: 14)"
    )
    revoke = actions.add_parser("revoke", help="let a key end", description="Let a key end.")
    revoke.add_argument("id", metavar="ID", help="the access key that is to end")
    revoke.add_argument("--at", type=_instant, metavar="DATE", help="from when on it is unknown (default: now)")
    for action in (new, listed, rotate, revoke):
        _add_config(action)


def _add_call(verbs: Verbs) -> None:
    from mws_compat.orders import OPERATIONS  # noqa: PLC0415 - no other verb's options come from the table

    parser = _verb(
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
    _add_account(parser)
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


def _add_account(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--access-key", metavar="ID", help="AWSAccessKeyId; its secret is never an option")
    parser.add_argument("--seller", metavar="ID", help="SellerId")
    parser.add_argument("--sandbox", action="store_true", help="use the demo account of serve --sandbox")
    _add_config(parser)


def _add_convert(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "convert",
        "convert",
        "convert archived MWS XML to SP-API JSON, and back",
        "Convert legacy MWS order XML to SP-API JSON, or SP-API JSON to MWS XML: which\n"
        "way, the content of each input says. With --form, JSON becomes JSON of that\n"
        "form: Orders v0 becomes v2026-01-01, or the other way about. Reads answers of\n"
        "the Orders operations, error documents, order reports (_GET_ORDERS_DATA_) and\n"
        "fulfillment feeds, one or many in a file, also .gz, .zst and .zip. What no table\n"
        "knows is kept.\n\n"
        "Exit code 0: all converted; 2: something could not be.",
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="file, directory (recursive), pattern, or - for the standard input"
    )
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write everything to one file (default: the standard output)",
    )
    place.add_argument(
        "-d", "--directory", type=Path, metavar="DIR", help="write one file for each input, in a mirrored directory"
    )
    parser.add_argument("--force", action="store_true", help="convert again what is done already")
    parser.add_argument(
        "--form",
        choices=("sp-api", "sp-api-2026", "generic"),
        default="",
        help="write JSON as Orders v0 has it (default for XML), as v2026-01-01 has it, or as xmltodict makes it",
    )
    parser.add_argument("--lines", action="store_true", help="write one order, item or message a line (NDJSON)")
    parser.add_argument(
        "--page",
        type=_number(1_000_000),
        default=0,
        metavar="N",
        help="orders or items in one XML document (default: no bound)",
    )
    parser.add_argument("--strict", action="store_true", help="take what no table knows for an error")
    parser.add_argument("--drop-unknown", action="store_true", help="leave out of the XML what no table knows")
    parser.add_argument(
        "--recover", action="store_true", help="salvage documents that are not well-formed; lists every repair"
    )
    parser.add_argument(
        "--jobs", type=_number(64), default=1, metavar="N", help="processes that convert large XML (default: 1)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no warnings, no summary")


def _add_diff(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "diff",
        "diff",
        "tell what really changed between two feeds",
        "Compare two feeds order by order: legacy XML, SP-API v0 JSON or lines of it, in\n"
        "files, directories, patterns or archives, in any mixture. Orders pair by their\n"
        "id, items by theirs; spelling, layout and order of elements do not count. What\n"
        "the move from MWS to SP-API explains is told apart from what it does not.\n\n"
        "Exit code 0: the same; 1: different; 2: a side cannot be read.",
    )
    parser.add_argument(
        "old", metavar="OLD", help="file, directory (recursive), pattern, or - for the standard input"
    )
    parser.add_argument("new", metavar="NEW", help="the same")
    parser.add_argument(
        "--profile",
        choices=("exact", "migration", "upgrade", "auto"),
        help="what is expected: nothing; what the move to SP-API explains; what the move from Orders v0 to "
        "v2026-01-01 explains; auto (default): the second, between MWS XML and SP-API JSON",
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="rules of your project, in TOML")
    for name, value, text in (
        ("ignore", "PATH", "do not look at ShippingAddress/Phone, for example"),
        ("only", "PATH", "look nowhere else"),
        ("tolerance", "PATH=NUMBER", "numbers may differ by so much: OrderTotal/Amount=0.01"),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], metavar=value, help=f"{text}; may be repeated")
    _add_report(parser)
    parser.add_argument(
        "--reproduce",
        nargs=2,
        metavar=("ORDER", "DIR"),
        help="write the smallest pair of documents that shows how an order differs",
    )


def _add_report(parser: argparse.ArgumentParser) -> None:
    """The options of ``bridge.cli.diff.publish``."""
    parser.add_argument(
        "--format",
        choices=("text", "json", "ndjson", "junit", "html", "patch"),
        default="text",
        metavar="NAME",
        help="of the report: text (default), json, ndjson, junit, html or patch",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the report there (default: the standard output)"
    )
    parser.add_argument(
        "--details", type=_number(10_000), default=50, metavar="N", help="differences shown one by one (default: 50)"
    )
    parser.add_argument("--show-pii", action="store_true", help="show personal data, which is masked otherwise")
    parser.add_argument(
        "--colour", choices=("auto", "always", "never"), default="auto", help="default: on a terminal"
    )
    parser.add_argument("--no-pager", action="store_true", help="do not page a long report on a terminal")


def _add_replay(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "replay",
        "replay",
        "ask recorded requests again and compare the answers",
        "Ask the requests that serve --record kept again, in their order, and compare\n"
        "each answer with the recorded one: freshly signed at an endpoint, or without\n"
        "any network of the present code over the recorded answers of SP-API.\n\n"
        "Access key and secret come from --access-key, MWS_ACCESS_KEY and MWS_SECRET,\n"
        "from --config, or with --sandbox from the demo account; the seller is the\n"
        "recorded one unless --seller or MWS_SELLER names another.\n\n"
        "Exit code 0: the same; 1: different; 2: something could not be read or asked.",
    )
    parser.add_argument("recording", type=Path, metavar="DIR", help="what serve --record wrote")
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--against", metavar="URL", help="the origin of the endpoint to ask; nobody else is called")
    way.add_argument(
        "--against-recorded-upstream", action="store_true", help="let the present code answer; call nobody"
    )
    _add_account(parser)
    parser.add_argument(
        "--rate", type=_rate, default=1.0, metavar="N", help="requests a second at the most (default: 1)"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="rules for the comparison, in TOML (see diff)")
    _add_report(parser)


def _add_compare_upstreams(verbs: Verbs) -> None:
    parser = _verb(
        verbs,
        "compare-upstreams",
        "compare_upstreams",
        "compare the answers from Orders v0 and v2026-01-01",
        "Read a seller's orders from both versions of SP-API's Orders API, as the\n"
        "endpoint would, and compare the MWS answers that legacy programs would get.\n"
        "What the newer version does by itself is told apart, each time with the reason.\n"
        "Calls Amazon within its usage plans: the items of 60 orders take two minutes.\n\n"
        "Exit code 0: the same but for what is explained; 1: different; 2: unknown.",
    )
    parser.add_argument("seller", metavar="SELLER", help="the seller_id of the configuration")
    parser.add_argument(
        "--since", type=_instant, metavar="DATE", help="orders created since then (default: a day ago)"
    )
    parser.add_argument(
        "--items", type=_number(10_000), default=60, metavar="N", help="orders whose items are compared (default: 60)"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="rules for the comparison, in TOML (see diff)")
    _add_config(parser)
    parser.add_argument("--sandbox", action="store_true", help="compare the emulated sellers of serve --sandbox")
    _add_report(parser)


def _instant(text: str) -> object:
    from mws_compat.schema import parse_instant  # noqa: PLC0415 - only this needs it

    try:
        return parse_instant(text)
    except ValueError:
        raise argparse.ArgumentTypeError("write a date like 2026-11-20 or 2026-11-20T10:00:00Z") from None


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.001 <= rate <= 1000.0:
        raise argparse.ArgumentTypeError("write a number from 0.001 to 1000")
    return rate


def option_of(name: str) -> str:
    """The option of a parameter: CreatedAfter → --created-after, TFMShipmentStatus → --tfm-shipment-status."""
    return "--" + "-".join(word.lower() for word in re.findall(_CAPITALISED, name))
