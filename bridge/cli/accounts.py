"""In whose name a verb calls an endpoint."""

import argparse
import os
import sys

from bridge.cli.config import DEMO_ACCESS_KEY, DEMO_SECRET, config_path, load_or_explain, name_of
from bridge.cli.signing import Account
from bridge.sandbox import DEMO_SELLERS

__all__ = ["find_account"]


def find_account(arguments: argparse.Namespace, *, seller: str = "") -> Account | None:
    """The account of the options, the environment, the demo or the configuration, in this order; None after saying
    why there is none. ``seller`` is called for when neither option nor environment names one."""
    key = arguments.access_key or os.environ.get("MWS_ACCESS_KEY", "")
    secret = os.environ.get("MWS_SECRET", "")  # never an option: command lines are seen by every user of a machine
    seller = arguments.seller or os.environ.get("MWS_SELLER", "") or seller
    if arguments.sandbox:
        return Account(DEMO_ACCESS_KEY, DEMO_SECRET, seller or DEMO_SELLERS[0].selling_partner_id)
    if not (key and secret):
        path = config_path(arguments)
        if path is not None and not path.exists():
            print(
                "mws-bridge: whose key? Set MWS_ACCESS_KEY and MWS_SECRET, or use --config or --sandbox",
                file=sys.stderr,
            )
            return None
        settings = load_or_explain(path)
        if settings is None:
            return None
        entries = [entry for entry in settings.access_key if key in {"", entry.id}]
        if not entries:
            print(f"mws-bridge: {name_of(path)} has no access key {key}", file=sys.stderr)
            return None
        entry = next((entry for entry in entries if seller in entry.sellers), entries[0])
        seller = seller or entry.sellers[0]
        token = entry.mws_auth_tokens.get(seller)
        return Account(entry.id, entry.secret.get_secret_value(), seller, token.get_secret_value() if token else "")
    return Account(key, secret, seller)
