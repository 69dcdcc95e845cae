"""Settings: one TOML file, with secrets by value, from the environment, or from files. All faults at once."""

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)

from bridge.upstream.plans import V0_REMOVED
from bridge.upstream.regions import LWA_URL, MARKETPLACES, REGION_HOSTS

__all__ = [
    "AccessKeySettings",
    "ApplicationSettings",
    "OrderCacheSettings",
    "SellerSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "UpstreamSettings",
    "check_origin",
    "load_settings",
    "parse_settings",
]


class SettingsError(ValueError):
    """A configuration that cannot be used. ``faults`` names every place and its remedy; none holds a secret."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(faults))


def _resolve_secret(value: object, info: ValidationInfo) -> object:
    """A secret is text, ``{ env = "NAME" }`` or ``{ file = "path" }``; the line end of a file is not part of it."""
    context: Mapping[str, object] = info.context or {}
    if isinstance(value, dict):
        if value.keys() == {"env"} and isinstance(value["env"], str):
            environ = context.get("environ")
            found = environ.get(value["env"]) if isinstance(environ, Mapping) else None
            if not found:
                raise ValueError(f"environment variable {value['env']} is not set")
            return found
        if value.keys() == {"file"} and isinstance(value["file"], str):
            base = context.get("base")
            path = (base if isinstance(base, Path) else Path()) / value["file"]
            try:
                return path.read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"cannot read {path}: {type(error).__name__}") from None
        raise ValueError('write a secret as text, { env = "NAME" } or { file = "path" }')
    return value


def _check_url(text: str) -> str:
    """An address that can be called: anything else would show itself only as "no answer", once requests come."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in text):
        raise ValueError("is not an address like https://host:port")
    return text


def check_origin(text: str) -> str:
    """An address without path, and without the slash that people put behind it. Raises ValueError."""
    origin = _check_url(text).rstrip("/")
    parts = urlsplit(origin)
    if parts.path or parts.query or parts.fragment:
        raise ValueError("must end after host and port, without a path")
    return origin


def _midnight(value: object) -> object:
    """TOML has dates without a time."""
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if type(value) is date else value


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Secret = Annotated[SecretStr, BeforeValidator(_resolve_secret), Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, AfterValidator(_check_url)]
Origin = Annotated[str, AfterValidator(check_origin)]


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


class UpstreamSettings(_Model):
    """``[upstream]``: how patient the bridge is with SP-API, in seconds, where SP-API is, and until when Orders v0
    may be called."""

    deadline: float = Field(default=25.0, gt=0, le=300)
    connect_timeout: float = Field(default=5.0, gt=0, le=60)
    read_timeout: float = Field(default=12.0, gt=0, le=300)
    attempts: int = Field(default=3, ge=1, le=10)
    max_wait: float = Field(default=2.0, ge=0, le=60)
    v0_until: Annotated[datetime, BeforeValidator(_midnight), AfterValidator(_with_zone)] = V0_REMOVED
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


class Settings(_Model):
    """The whole configuration."""

    server: ServerSettings = ServerSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    order_cache: OrderCacheSettings = OrderCacheSettings()
    application: tuple[ApplicationSettings, ...] = Field(min_length=1)
    seller: tuple[SellerSettings, ...] = Field(min_length=1)
    access_key: tuple[AccessKeySettings, ...] = Field(min_length=1)


def load_settings(path: Path, environ: Mapping[str, str]) -> Settings:
    """Read a TOML file. Relative secret files are relative to it. Raises SettingsError with every fault."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: not TOML: {error}"]) from None
    return parse_settings(data, environ, base=path.parent)


def parse_settings(data: Mapping[str, object], environ: Mapping[str, str], *, base: Path) -> Settings:
    """Settings of decoded TOML. Raises SettingsError with every fault."""
    try:
        settings = Settings.model_validate(data, context={"environ": environ, "base": base})
    except ValidationError as error:
        found = [
            (fault["loc"], fault["type"], fault["msg"])
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        places = {place[:depth] for place, _, _ in found for depth in range(len(place))}
        # Members that are faulty are not counted, so that their list seems empty too: that is told of the members.
        raise SettingsError(
            [_fault(*one) for one in found if one[1] != "too_short" or one[0] not in places]
        ) from None
    faults = _contradictions(settings)
    if faults:
        raise SettingsError(faults)
    return settings


#: pydantic's kind of fault → our words, where its own speak of Python.
_PLAIN_WORDS = {
    "extra_forbidden": "there is no such setting",
    "missing": "is missing",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
    "model_type": "must be a table",
    "dict_type": "must be a table",
}


def _fault(location: tuple[int | str, ...], kind: str, message: str) -> str:
    place = ""
    for step in location:
        place += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if place else step
    words = _PLAIN_WORDS.get(kind, message.removeprefix("Value error, "))
    if kind == "tuple_type" and len(location) == 1:
        words = f"there may be several: write [[{place}]], with two brackets"
    return f"{place or 'configuration'}: {words}"


def _contradictions(settings: Settings) -> list[str]:
    """What only the whole shows: names that lead nowhere, things that are there twice."""
    faults: list[str] = []
    applications = [application.name for application in settings.application]
    sellers = [seller.seller_id for seller in settings.seller]
    keys = [key.id for key in settings.access_key]
    for kind, names in (("application.name", applications), ("seller.seller_id", sellers), ("access_key.id", keys)):
        faults += [f"{kind}: {name} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    for number, seller in enumerate(settings.seller, 1):
        if seller.application not in applications:
            faults.append(f"seller[{number}].application: no [[application]] is named {seller.application}")
        if len(seller.regions) != 1:
            known = ", ".join(sorted(seller.regions)) or "none that is known"
            faults.append(
                f"seller[{number}].marketplaces: must be of one region (now: {known}), that of the refresh token; "
                "set region where all of the marketplaces are new"
            )
    for number, key in enumerate(settings.access_key, 1):
        faults += [
            f"access_key[{number}].{place}: no [[seller]] has seller_id {name}"
            for place, names in (("sellers", key.sellers), ("mws_auth_tokens", key.mws_auth_tokens))
            for name in names
            if name not in sellers
        ]
    return faults
