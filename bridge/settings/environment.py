"""The settings of one seller from variables ``MWS_BRIDGE_…``, as containers like it."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from bridge.settings.faults import Fault
from bridge.settings.fields import Surroundings
from bridge.settings.files import MainFile, check_main

__all__ = ["PREFIX", "read_environment", "speaks_of_a_seller"]

PREFIX = "MWS_BRIDGE_"
#: Names the configuration file, and is nothing that a file could say.
_CONFIG = "CONFIG"


class _Variable(NamedTuple):
    """A variable without the prefix, and the setting that it is. A secret may be in a file that NAME_FILE names."""

    name: str
    location: tuple[int | str, ...]
    secret: bool = False
    needed: bool = False


_VARIABLES = (
    _Variable("STATE", ("state",), secret=True),
    _Variable("HOST", ("server", "host")),
    _Variable("PORT", ("server", "port")),
    _Variable("TOKEN_KEY", ("server", "token_keys"), secret=True),
    _Variable("LOG_LEVEL", ("server", "log_level")),
    _Variable("LOG_FORMAT", ("server", "log_format")),
    _Variable("WORKERS", ("server", "workers")),
    _Variable("ADMIN_HOST", ("admin", "host")),
    _Variable("ADMIN_PORT", ("admin", "port")),
    _Variable("ADMIN_TOKEN", ("admin", "token"), secret=True),
    _Variable("CLIENT_ID", ("application", 0, "client_id"), needed=True),
    _Variable("CLIENT_SECRET", ("application", 0, "client_secret"), secret=True, needed=True),
    _Variable("SELLER_ID", ("seller", 0, "seller_id"), needed=True),
    _Variable("REFRESH_TOKEN", ("seller", 0, "refresh_token"), secret=True, needed=True),
    _Variable("MARKETPLACES", ("seller", 0, "marketplaces"), needed=True),
    _Variable("REGION", ("seller", 0, "region")),
    _Variable("UPSTREAM", ("seller", 0, "upstream")),
    _Variable("ACCESS_KEY_ID", ("access_key", 0, "id"), needed=True),
    _Variable("ACCESS_KEY_SECRET", ("access_key", 0, "secret"), secret=True, needed=True),
    _Variable("MWS_AUTH_TOKEN", ("access_key", 0, "mws_auth_tokens"), secret=True),
)
_KNOWN = {name for one in _VARIABLES for name in (one.name, *([f"{one.name}_FILE"] if one.secret else []))}
#: What Kubernetes and Docker set by themselves for a service of such a name, and the address that they put into a
#: variable of ours.
_OF_A_SERVICE = re.compile(r"(.*_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_AN_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def speaks_of_a_seller(environ: Mapping[str, str]) -> bool:
    """Whether somebody means to configure a seller by the environment."""
    return bool(environ.get(f"{PREFIX}SELLER_ID"))


def read_environment(environ: Mapping[str, str]) -> MainFile:
    """Read the variables. One that is empty is not set; the faults name variables instead of settings."""
    given = {
        name.removeprefix(PREFIX): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value and not _is_foreign(name.removeprefix(PREFIX), value)
    }
    faults = [Fault((PREFIX + name,), "there is no such variable") for name in sorted(given.keys() - _KNOWN)]
    data: dict[str, Any] = {"application": [{}], "seller": [{}], "access_key": [{}]}
    names: dict[tuple[int | str, ...], str] = {}
    for variable in _VARIABLES:
        name = names[variable.location] = PREFIX + variable.name
        value: Any = given.get(variable.name)
        path = given.get(f"{variable.name}_FILE") if variable.secret else None
        if path and value:
            faults.append(Fault((name,), f"is there beside {name}_FILE: remove one of them"))
        elif path:
            names[variable.location] = f"{name}_FILE"
            value = {"file": path}
        if value:
            _put(data, variable, value, given)
        elif variable.needed:
            faults.append(Fault((name,), f"is missing{f': set it, or {name}_FILE' if variable.secret else ''}"))
    main = check_main(data, Surroundings(environ))
    faults += [
        Fault((_name_of(fault, names),), _in_variables(fault.words))
        for fault in main.faults
        if fault.words != "is missing" or fault.location not in names
    ]
    return MainFile(None if faults else main.settings, None, tuple(faults), main.stamps)


def _is_foreign(name: str, value: str) -> bool:
    return (
        name == _CONFIG
        or _OF_A_SERVICE.fullmatch(name) is not None
        or (name.endswith("PORT") and _AN_ADDRESS.match(value) is not None)
    )


def _put(data: dict[str, Any], variable: _Variable, value: Any, given: Mapping[str, str]) -> None:
    if variable.name == "MARKETPLACES":
        value = re.split(r"[,\s]+", value.strip(", \t\n"))
    elif variable.name == "TOKEN_KEY":
        value = [value]
    elif variable.name == "MWS_AUTH_TOKEN":
        value = {given.get("SELLER_ID", ""): value}
    elif variable.name == "SELLER_ID":
        data["access_key"][0]["sellers"] = [value]
    inner: Any = data
    for step in variable.location[:-1]:
        inner = inner[step] if isinstance(step, int) else inner.setdefault(step, {})
    inner[variable.location[-1]] = value


def _name_of(fault: Fault, names: Mapping[tuple[int | str, ...], str]) -> str:
    """The variable of the setting where a fault is, or of that which it is in."""
    for depth in range(len(fault.location), 0, -1):
        if fault.location[:depth] in names:
            return names[fault.location[:depth]]
    return names["seller", 0, "seller_id"]  # the seller of the access key


_IN_VARIABLES = (
    ('state = "redis://…"', f"{PREFIX}STATE=redis://…"),
    ("admin.host", f"{PREFIX}ADMIN_HOST"),
    ("set region where", f"set {PREFIX}REGION where"),
)


def _in_variables(words: str) -> str:
    for setting, variable in _IN_VARIABLES:
        words = words.replace(setting, variable)
    return words
