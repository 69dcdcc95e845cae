"""Where a verb's configuration comes from: a file, the environment, or the demo account over the sandbox."""

import argparse
import os
import sys
from pathlib import Path

from bridge.settings import Settings, SettingsError, load_settings, parse_settings
from bridge.settings.environment import speaks_of_a_seller

__all__ = [
    "DEMO_ACCESS_KEY",
    "DEMO_SECRET",
    "config_path",
    "demo_settings",
    "explain",
    "load_or_explain",
    "name_of",
]

# Of the same shape as real ones, '/' and '+' included, so that a client which does not escape them is found out.
DEMO_ACCESS_KEY = "AKIASANDBOX000000001"
DEMO_SECRET = "sandbox/secret+key/for/legacy/programs00"  # noqa: S105 - it opens nothing but the sandbox
_DEMO_TOKEN_KEY = "seals the NextTokens of the demo, the same way in every run"  # noqa: S105 - as above


def demo_settings(origin: str, *, host: str = "127.0.0.1", port: int = 0, upstream: str = "auto") -> Settings:
    """The settings of an endpoint over a sandbox at ``origin``: every demo seller, served from version ``upstream``
    of the Orders API, and one access key for all of them."""
    # Imported where it is needed: the other verbs start without it.
    from bridge.sandbox import DEMO_CLIENT_ID, DEMO_CLIENT_SECRET, DEMO_SELLERS  # noqa: PLC0415

    return parse_settings(
        {
            "server": {"host": host, "port": port, "token_keys": [_DEMO_TOKEN_KEY]},
            "upstream": {"lwa_url": f"{origin}/auth/o2/token", "origins": dict.fromkeys(("na", "eu", "fe"), origin)},
            "application": [{"client_id": DEMO_CLIENT_ID, "client_secret": DEMO_CLIENT_SECRET}],
            "seller": [
                {
                    "seller_id": seller.selling_partner_id,
                    "refresh_token": seller.refresh_token,
                    "marketplaces": list(seller.marketplace_ids),
                    "upstream": upstream,
                }
                for seller in DEMO_SELLERS
            ],
            "access_key": [
                {
                    "id": DEMO_ACCESS_KEY,
                    "secret": DEMO_SECRET,
                    "sellers": [seller.selling_partner_id for seller in DEMO_SELLERS],
                }
            ],
        },
        {},
        base=Path(),
    )


def config_path(arguments: argparse.Namespace) -> Path | None:
    """The configuration file that is meant; None for one seller in the environment. Where both are there, the file is
    meant, and stderr says so."""
    chosen: Path | None = arguments.config
    path = chosen or Path(os.environ.get("MWS_BRIDGE_CONFIG") or "mws-bridge.toml")
    if not speaks_of_a_seller(os.environ):
        return path
    if chosen is None and not os.environ.get("MWS_BRIDGE_CONFIG") and not path.exists():
        return None
    print(
        f"mws-bridge: note: {path} counts; MWS_BRIDGE_SELLER_ID and what belongs to it are not looked at",
        file=sys.stderr,
    )
    return path


def name_of(path: Path | None) -> str:
    """What to call a configuration when something is said of it."""
    return str(path) if path else "the configuration in the environment (MWS_BRIDGE_…)"


def load_or_explain(path: Path | None) -> Settings | None:
    """The settings of a file, or without one of the environment; None after every fault has been printed to
    stderr."""
    try:
        return load_settings(path, os.environ)
    except SettingsError as error:
        explain(path, error)
        return None


def explain(path: Path | None, error: SettingsError) -> None:
    """Print to stderr why a configuration cannot be used."""
    print(f"mws-bridge: {name_of(path)} cannot be used:", file=sys.stderr)
    for fault in error.faults:
        print(f"  {fault}", file=sys.stderr)
