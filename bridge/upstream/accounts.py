"""Who we are to Amazon: applications and the sellers that have authorised them. Secrets stay out of every repr."""

from dataclasses import dataclass, field

__all__ = ["Application", "Seller"]


@dataclass(frozen=True, slots=True)
class Application:
    """An SP-API application, as Login with Amazon knows it."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seller:
    """A selling partner. ``refresh_token`` is good for one region; ``marketplace_ids`` are the marketplaces in which
    the seller is registered there, at least one; ``upstream`` is the version of the Orders API that is wanted:
    ``v0``, ``v2026-01-01``, or ``auto`` for the newest that Amazon lets the application use."""

    seller_id: str
    application: Application
    refresh_token: str = field(repr=False)
    region: str
    marketplace_ids: tuple[str, ...]
    upstream: str = "auto"
