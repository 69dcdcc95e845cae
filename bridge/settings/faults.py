"""What is wrong with settings, each thing with its place and in words."""

import ssl
from collections import Counter
from collections.abc import Collection, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from pydantic import ValidationError

from bridge.settings.models import (
    AccessKeySettings,
    AccountFileSettings,
    ApplicationSettings,
    RevokedSettings,
    SellerSettings,
    Settings,
)

__all__ = ["Entries", "Fault", "astray", "entries_of", "faults_of", "process_faults", "seller_faults", "twice"]


class Fault(NamedTuple):
    """What is wrong, and where: names of tables and settings, and positions in lists counted from 0."""

    location: tuple[int | str, ...]
    words: str

    def __str__(self) -> str:
        place = ""
        for step in self.location:
            place += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if place else step
        return f"{place or 'configuration'}: {self.words}"


class Entries(NamedTuple):
    """The accounts that one file holds."""

    application: tuple[ApplicationSettings, ...] = ()
    seller: tuple[SellerSettings, ...] = ()
    access_key: tuple[AccessKeySettings, ...] = ()
    revoked: tuple[RevokedSettings, ...] = ()

    def names(self) -> list[tuple[str, str, str]]:
        """Everything that there may be once only: its table, the setting that names it, and its name."""
        return [
            *(("application", "name", entry.name) for entry in self.application),
            *(("seller", "seller_id", entry.seller_id) for entry in self.seller),
            *(("access_key", "id", entry.id) for entry in self.access_key),
        ]


def entries_of(settings: Settings | AccountFileSettings) -> Entries:
    """The accounts of a file, apart from what else it says."""
    return Entries(settings.application, settings.seller, settings.access_key, settings.revoked)


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


def faults_of(error: ValidationError) -> list[Fault]:
    """Everything that pydantic found, without the values."""
    found = [
        (fault["loc"], fault["type"], fault["msg"])
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    places = {place[:depth] for place, _, _ in found for depth in range(len(place))}
    # Members that are faulty are not counted, so that their list seems empty too: that is told of the members.
    return [_in_words(*one) for one in found if one[1] != "too_short" or one[0] not in places]


def _in_words(location: tuple[int | str, ...], kind: str, message: str) -> Fault:
    words = _PLAIN_WORDS.get(kind, message.removeprefix("Value error, "))
    if kind == "tuple_type" and len(location) == 1:
        words = f"there may be several: write [[{location[0]}]], with two brackets"
    return Fault(location, words)


def twice(entries: Entries) -> list[Fault]:
    """Names that one file gives twice."""
    return [
        Fault((table, setting), f"{name} is there twice")
        for (table, setting, name), count in Counter(entries.names()).items()
        if count > 1
    ]


def seller_faults(sellers: Sequence[SellerSettings]) -> list[Fault]:
    """Sellers that are not of one region."""
    faults: list[Fault] = []
    for number, seller in enumerate(sellers):
        regions = seller.regions
        if len(regions) != 1:
            known = ", ".join(sorted(regions)) or "none that is known"
            words = (
                f"must be of one region (now: {known}), that of the refresh token; "
                "set region where all of the marketplaces are new"
            )
            faults.append(Fault(("seller", number, "marketplaces"), words))
    return faults


def astray(entries: Entries, applications: Collection[str], sellers: Collection[str]) -> list[Fault]:
    """Names that lead to no application and no seller; the collections must be quick to look into."""
    faults = [
        Fault(("seller", number, "application"), f"no [[application]] is named {seller.application}")
        for number, seller in enumerate(entries.seller)
        if seller.application not in applications
    ]
    return faults + [
        Fault(("access_key", number, place), f"no [[seller]] has seller_id {name}")
        for number, key in enumerate(entries.access_key)
        for place, names in (("sellers", key.sellers), ("mws_auth_tokens", key.mws_auth_tokens))
        for name in names
        if name not in sellers
    ]


def process_faults(settings: Settings) -> list[Fault]:
    """What the tables that are not about accounts need of each other."""
    faults: list[Fault] = []
    server, admin = settings.server, settings.admin
    for here, there in (("certificate", "private_key"), ("private_key", "certificate")):
        if getattr(server, here) is None and getattr(server, there) is not None:
            faults.append(Fault(("server", here), f"is missing: server.{there} is of no use without it"))
    if server.certificate and server.private_key:
        faults += _certificate_faults(server.certificate, server.private_key)
    if server.workers > 1 and settings.state is None:
        words = 'several workers need a store that they share: set state = "redis://…"'
        faults.append(Fault(("server", "workers"), words))
    if not server.token_keys and (settings.state is not None or server.workers > 1):
        words = "is missing: processes that share their work must open each other's NextTokens"
        faults.append(Fault(("server", "token_keys"), words))
    if admin is not None and admin.token is None and not _is_loopback(admin.host):
        words = "is missing: who can reach admin.host from other machines must know one"
        faults.append(Fault(("admin", "token"), words))
    return faults


def _certificate_faults(certificate: str, private_key: str) -> list[Fault]:
    try:
        # An encrypted key would ask for its pass phrase on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, private_key, password="")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        words = f"must be a chain in PEM, and server.private_key its key in PEM without a pass phrase ({reason})"
        return [Fault(("server", "certificate"), words)]
    return []


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
