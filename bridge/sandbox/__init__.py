"""The Selling Partner API for orders, emulated in memory: stateful, deterministic, offline.

It shares no code with the rest of `bridge`, so that it cannot share a mistake with the client either.
"""

from bridge.sandbox.app import Sandbox, SandboxCall
from bridge.sandbox.faults import FAULTS
from bridge.sandbox.marketplaces import MARKETPLACES, Marketplace
from bridge.sandbox.sellers import (
    DEMO_CLIENT_ID,
    DEMO_CLIENT_SECRET,
    DEMO_SELLERS,
    Application,
    DemoSeller,
)
from bridge.sandbox.settings import SandboxSettings
from bridge.sandbox.store import Snapshot, Store

__all__ = [
    "DEMO_CLIENT_ID",
    "DEMO_CLIENT_SECRET",
    "DEMO_SELLERS",
    "FAULTS",
    "MARKETPLACES",
    "Application",
    "DemoSeller",
    "Marketplace",
    "Sandbox",
    "SandboxCall",
    "SandboxSettings",
    "Snapshot",
    "Store",
]
