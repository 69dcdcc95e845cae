"""The options of the verbs that read what was kept: convert, diff, replay, compare-upstreams."""

import argparse
from pathlib import Path

from bridge.cli.options import Verbs, add_account, add_config, add_verb, instant, number, rate

__all__ = ["add_compare_upstreams", "add_convert", "add_diff", "add_replay"]


def add_convert(verbs: Verbs) -> None:
    """Add ``convert``."""
    parser = add_verb(
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
        type=_path,
        metavar="FILE",
        help="write everything to one file (default: the standard output)",
    )
    place.add_argument(
        "-d", "--directory", type=_path, metavar="DIR", help="write one file for each input, in a mirrored directory"
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
        type=number(1_000_000),
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
        "--jobs", type=number(64), default=1, metavar="N", help="processes that convert large XML (default: 1)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no warnings, no summary")


def _path(text: str) -> Path:
    """Where to write. Without a name, which is a script's variable that was not set, it would be this directory."""
    if not text:
        raise argparse.ArgumentTypeError("a name is needed; this one is empty")
    return Path(text)


def add_diff(verbs: Verbs) -> None:
    """Add ``diff``."""
    parser = add_verb(
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
        "--details", type=number(10_000), default=50, metavar="N", help="differences shown one by one (default: 50)"
    )
    parser.add_argument("--show-pii", action="store_true", help="show personal data, which is masked otherwise")
    parser.add_argument(
        "--colour", choices=("auto", "always", "never"), default="auto", help="default: on a terminal"
    )
    parser.add_argument("--no-pager", action="store_true", help="do not page a long report on a terminal")


def add_replay(verbs: Verbs) -> None:
    """Add ``replay``."""
    parser = add_verb(
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
    add_account(parser)
    parser.add_argument(
        "--rate", type=rate, default=1.0, metavar="N", help="requests a second at the most (default: 1)"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="rules for the comparison, in TOML (see diff)")
    _add_report(parser)


def add_compare_upstreams(verbs: Verbs) -> None:
    """Add ``compare-upstreams``."""
    parser = add_verb(
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
        "--since", type=instant, metavar="DATE", help="orders created since then (default: a day ago)"
    )
    parser.add_argument(
        "--items", type=number(10_000), default=60, metavar="N", help="orders whose items are compared (default: 60)"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="rules for the comparison, in TOML (see diff)")
    add_config(parser)
    parser.add_argument("--sandbox", action="store_true", help="compare the emulated sellers of serve --sandbox")
    _add_report(parser)
