"""The kinds of values that settings are made of, each with what is said of a value that is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from bridge.settings.reading import UnreadableError, read_regular, read_secret
from bridge.settings.stamps import Stamp, stamp_of

__all__ = [
    "Moment",
    "Name",
    "Network",
    "NotEmpty",
    "Origin",
    "Patience",
    "ReadableFile",
    "Secret",
    "StoreUrl",
    "Surroundings",
    "Url",
    "check_origin",
]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration is read in: the environment, the directory that its relative paths are of, and whether it
    may name no seller and no key. ``seen`` gets the stamp of each file that it leads to, taken before it is read."""

    environ: Mapping[str, str]
    base: Path = Path()
    may_be_empty: bool = False
    seen: dict[str, Stamp] = field(default_factory=dict)


def _surroundings(info: ValidationInfo) -> Surroundings:
    context: Any = info.context
    return context if isinstance(context, Surroundings) else Surroundings({})


def _resolve_secret(value: object, info: ValidationInfo) -> object:
    """A secret is text, ``{ env = "NAME" }`` or ``{ file = "path" }``; the line end of a file is not part of it, and
    nothing else may be there."""
    if isinstance(value, dict):
        around = _surroundings(info)
        if value.keys() == {"env"} and isinstance(value["env"], str):
            found = around.environ.get(value["env"])
            if not found:
                raise ValueError(f"environment variable {value['env']} is not set")
            return found
        if value.keys() == {"file"} and isinstance(value["file"], str):
            path = str(around.base / value["file"])
            around.seen[path] = stamp_of(path)
            try:
                return read_secret(path)
            except UnreadableError as error:
                raise ValueError(f"{path} {error}") from None
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


_STORES = frozenset({"redis", "rediss", "unix", "valkey", "valkeys"})


def _check_store(secret: SecretStr) -> SecretStr:
    """The address of a store; what is wrong with it is told without repeating it, since it may hold a password."""
    try:
        parts = urlsplit(secret.get_secret_value())
        place = parts.path if parts.scheme == "unix" else parts.hostname
        usable = parts.scheme in _STORES and bool(place)
        _ = parts.port
    except ValueError:
        usable = False
    if not usable:
        words = "is not an address like redis://host:6379/0, rediss://… (TLS) or unix:///path"
        raise ValueError(f"{words}; write @ : / ? # in a password as %40 %3A %2F %3F %23")
    # Imported where it is needed: without a shared store, nobody needs its client.
    from bridge.state.redis import faulty  # noqa: PLC0415

    if fault := faulty(secret.get_secret_value()):
        raise ValueError(f"is not an address of a store: {fault}")
    return secret


def _check_file(text: str, info: ValidationInfo) -> str:
    """The path of a file that can be read, put together with the directory of the configuration."""
    around = _surroundings(info)
    path = str(around.base / text)
    around.seen[path] = stamp_of(path)
    try:
        read_regular(path)
    except UnreadableError as error:
        raise ValueError(f"{path} {error}") from None
    return path


def _check_network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False) if "/" in text else ip_address(text))
    except ValueError:
        raise ValueError("is neither an address nor a network like 10.0.0.0/8") from None


def _midnight(value: object) -> object:
    """TOML has dates without a time."""
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if type(value) is date else value


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _not_empty(value: object, info: ValidationInfo) -> object:
    """Where no directory has more of them, one at least must be written."""
    elsewhere = _surroundings(info).may_be_empty or info.data.get("accounts", "faulty") is not None
    if not elsewhere and value in ((), []):
        raise ValueError("is missing" if value == () else "must not be empty")
    return value


Secret = Annotated[SecretStr, BeforeValidator(_resolve_secret), Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, AfterValidator(_check_url)]
Origin = Annotated[str, AfterValidator(check_origin)]
StoreUrl = Annotated[Secret, AfterValidator(_check_store)]
ReadableFile = Annotated[Name, AfterValidator(_check_file)]
Network = Annotated[str, AfterValidator(_check_network)]
Moment = Annotated[datetime, BeforeValidator(_midnight), AfterValidator(_with_zone)]
#: Seconds.
Patience = Annotated[float, Field(gt=0, le=600)]
#: Put on a list of the main file that a directory of accounts may hold in its stead.
NotEmpty = BeforeValidator(_not_empty)
