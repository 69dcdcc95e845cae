"""The settings that there are: every table, every name, every default."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.settings.fields import (
    Moment,
    Name,
    Network,
    NotEmpty,
    Origin,
    Patience,
    ReadableFile,
    Secret,
    StoreUrl,
    Url,
)
from bridge.upstream.plans import V0_REMOVED
from bridge.upstream.regions import LWA_URL, MARKETPLACES, REGION_HOSTS

__all__ = [
    "AccessKeySettings",
    "AccountFileSettings",
    "AdminSettings",
    "ApplicationSettings",
    "OrderCacheSettings",
    "RevokedSettings",
    "SellerSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "UpstreamSettings",
    "ends_of",
]


class SettingsError(ValueError):
    """A configuration that cannot be used. ``faults`` names every place and its remedy; none holds a secret."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerSettings(_Model):
    """``[server]``: where the endpoint listens and what it tolerates."""

    host: Name = "127.0.0.1"
    port: int = Field(default=8013, ge=0, le=65535)
    hosts: tuple[Name, ...] = ()
    accept_deviant_signatures: tuple[Literal["whatwg-form", "encode-uri-component"], ...] = ()
    strict_status_pair: bool = False
    token_keys: tuple[Secret, ...] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    workers: int = Field(default=1, ge=1, le=64)
    certificate: ReadableFile | None = None
    private_key: ReadableFile | None = None
    head_seconds: Patience = 10.0
    body_seconds: Patience = 30.0
    send_seconds: Patience = 60.0
    connections: int = Field(default=2000, ge=1, le=100_000)
    in_flight: int = Field(default=1000, ge=1, le=100_000)
    in_flight_per_seller: int = Field(default=64, ge=1, le=10_000)
    trusted_proxies: tuple[Network, ...] = ()


class AdminSettings(_Model):
    """``[admin]``: where metrics and the status page are. Without this table there is no such port."""

    host: Name = "127.0.0.1"
    port: int = Field(default=8014, ge=0, le=65535)
    token: Secret | None = None


class UpstreamSettings(_Model):
    """``[upstream]``: how patient the bridge is with SP-API, in seconds, where SP-API is, and until when Orders v0
    may be called."""

    deadline: float = Field(default=25.0, gt=0, le=300)
    connect_timeout: float = Field(default=5.0, gt=0, le=60)
    read_timeout: float = Field(default=12.0, gt=0, le=300)
    attempts: int = Field(default=3, ge=1, le=10)
    max_wait: float = Field(default=2.0, ge=0, le=60)
    v0_until: Moment = V0_REMOVED
    lwa_url: Url = LWA_URL
    origins: dict[Literal["na", "eu", "fe"], Origin] = Field(default_factory=dict)

    def origin_of(self, region: str) -> str:
        """The origin of a region: the configured one, else Amazon's."""
        configured = {str(name): origin for name, origin in self.origins.items()}
        return configured.get(region, REGION_HOSTS[region])


class OrderCacheSettings(_Model):
    """``[order_cache]``: orders that an answer of v2026-01-01 brought are kept to answer the next questions. For
    ``fresh`` seconds they are as good as MWS's own answers were; a listing may be ``stale`` seconds old when the
    alternative is RequestThrottled. ``megabytes`` 0 keeps nothing."""

    megabytes: int = Field(default=64, ge=0, le=65_536)
    fresh: float = Field(default=120.0, ge=0, le=3600)
    stale: float = Field(default=300.0, ge=0, le=3600)


class ApplicationSettings(_Model):
    """``[[application]]``: an SP-API application."""

    name: Name = "default"
    client_id: Name
    client_secret: Secret


class SellerSettings(_Model):
    """``[[seller]]``: a selling partner that has authorised the application. ``region`` is needed only when
    Amazon opened all of the marketplaces after this version was made; ``upstream`` is the version of the Orders API,
    ``auto`` for the newest that the application may use."""

    seller_id: Name
    application: str = "default"
    refresh_token: Secret
    marketplaces: tuple[Name, ...] = Field(min_length=1)
    region: Literal["na", "eu", "fe"] | None = None
    upstream: Literal["auto", "v0", "v2026-01-01"] = "auto"

    @property
    def regions(self) -> set[str]:
        """The region that is set and those of the marketplaces that the table knows: one, in valid settings."""
        known = {MARKETPLACES[id_].region for id_ in self.marketplaces if id_ in MARKETPLACES}
        return known | ({self.region} if self.region else set())


class AccessKeySettings(_Model):
    """``[[access_key]]``: the key pair of a legacy program, and the sellers that it may reach."""

    id: Name
    secret: Secret
    sellers: tuple[Name, ...] = Field(min_length=1)
    mws_auth_tokens: dict[str, Secret] = Field(default_factory=dict)


class RevokedSettings(_Model):
    """``[[revoked]]``: from ``at`` on the access key with that id is unknown, wherever it is configured."""

    id: Name
    at: Moment


class AccountFileSettings(_Model):
    """What a file of the directory ``accounts`` may hold."""

    application: tuple[ApplicationSettings, ...] = ()
    seller: tuple[SellerSettings, ...] = ()
    access_key: tuple[AccessKeySettings, ...] = ()
    revoked: tuple[RevokedSettings, ...] = ()


class Settings(_Model):
    """The whole configuration. ``state`` is the address of a store that several processes share, ``accounts`` a
    directory of more files with sellers and keys, relative to this one."""

    state: StoreUrl | None = None
    accounts: Name | None = None
    server: ServerSettings = ServerSettings()
    admin: AdminSettings | None = None
    upstream: UpstreamSettings = UpstreamSettings()
    order_cache: OrderCacheSettings = OrderCacheSettings()
    application: Annotated[tuple[ApplicationSettings, ...], NotEmpty] = Field(default=(), validate_default=True)
    seller: Annotated[tuple[SellerSettings, ...], NotEmpty] = Field(default=(), validate_default=True)
    access_key: Annotated[tuple[AccessKeySettings, ...], NotEmpty] = Field(default=(), validate_default=True)
    revoked: tuple[RevokedSettings, ...] = ()

    @property
    def ends(self) -> dict[str, datetime]:
        """From when on each revoked access key is unknown."""
        return ends_of(self.revoked)


def ends_of(revoked: Iterable[RevokedSettings]) -> dict[str, datetime]:
    """From when on each access key is unknown: the earliest moment, where there are several."""
    ends: dict[str, datetime] = {}
    for entry in revoked:
        ends[entry.id] = min(entry.at, ends.get(entry.id, entry.at))
    return ends
