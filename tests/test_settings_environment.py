"""One seller from the environment: every variable, every fault with the name of its variable, no secret shown."""

from pathlib import Path

import pytest

from bridge.accounts import AccountSource
from bridge.settings import ServerSettings, SettingsError, load_settings
from bridge.settings.environment import speaks_of_a_seller

SECRET = "hunter2-must-never-be-shown"
LEAST = {
    "MWS_BRIDGE_CLIENT_ID": "amzn1.application-oa2-client.0",
    "MWS_BRIDGE_CLIENT_SECRET": f"{SECRET}-client",
    "MWS_BRIDGE_SELLER_ID": "A1SELLER",
    "MWS_BRIDGE_REFRESH_TOKEN": f"{SECRET}-refresh",
    "MWS_BRIDGE_MARKETPLACES": "ATVPDKIKX0DER",
    "MWS_BRIDGE_ACCESS_KEY_ID": "AKIA1",
    "MWS_BRIDGE_ACCESS_KEY_SECRET": f"{SECRET}-access",
}


def faults(environ: dict[str, str]) -> tuple[str, ...]:
    """The faults of an environment; they are those of the source as well, and show no secret."""
    with pytest.raises(SettingsError) as caught:
        load_settings(None, environ)
    with pytest.raises(SettingsError) as again:
        AccountSource(None, environ).load()
    assert again.value.faults == caught.value.faults
    assert SECRET not in str(caught.value)
    return caught.value.faults


def test_the_least() -> None:
    """Application, seller and key are enough; all else is as in a file that says nothing of it."""
    settings = load_settings(None, {**LEAST, "PATH": "/bin", "MWS_SELLER": "other"})
    assert settings.application[0].client_secret.get_secret_value() == f"{SECRET}-client"
    assert settings.seller[0].refresh_token.get_secret_value() == f"{SECRET}-refresh"
    assert settings.access_key[0].secret.get_secret_value() == f"{SECRET}-access"
    assert (settings.seller[0].seller_id, settings.access_key[0].sellers) == ("A1SELLER", ("A1SELLER",))
    assert settings.seller[0].application == settings.application[0].name
    assert settings.server == ServerSettings()
    assert (settings.admin, settings.state, settings.server.token_keys) == (None, None, ())
    assert SECRET not in repr(settings)


def test_everything(tmp_path: Path) -> None:
    """Every variable is read; marketplaces are separated by commas, spaces or both."""
    more = {
        "MARKETPLACES": " ATVPDKIKX0DER,A2EUQ1WTGCTBG2  A1AM78C64UM0Y8, A0NEW\n",
        "UPSTREAM": "v0",
        "REGION": "na",
        "MWS_AUTH_TOKEN": "amzn.mws.1",
        "HOST": "0.0.0.0",
        "PORT": "80",
        "TOKEN_KEY": "seal",
        "STATE": "redis://h",
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
        "WORKERS": "4",
        "ADMIN_HOST": "0.0.0.0",
        "ADMIN_PORT": "9000",
        "ADMIN_TOKEN": "let me in",
    }
    settings = load_settings(None, LEAST | {f"MWS_BRIDGE_{name}": value for name, value in more.items()})
    (seller,), (key,), server, admin = settings.seller, settings.access_key, settings.server, settings.admin
    assert seller.marketplaces == ("ATVPDKIKX0DER", "A2EUQ1WTGCTBG2", "A1AM78C64UM0Y8", "A0NEW")
    assert (seller.upstream, seller.region) == ("v0", "na")
    assert key.mws_auth_tokens["A1SELLER"].get_secret_value() == "amzn.mws.1"
    assert (server.host, server.port, server.workers) == ("0.0.0.0", 80, 4)
    assert (server.log_level, server.log_format) == ("debug", "json")
    assert [one.get_secret_value() for one in server.token_keys] == ["seal"]
    assert settings.state is not None
    assert settings.state.get_secret_value() == "redis://h"
    assert admin is not None
    assert admin.token is not None
    assert (admin.host, admin.port, admin.token.get_secret_value()) == ("0.0.0.0", 9000, "let me in")


def test_secrets_from_files(tmp_path: Path) -> None:
    """Each secret may be in a file that NAME_FILE names, as container platforms mount them; a new content is a
    change."""
    environ = {**LEAST, "MWS_BRIDGE_STATE": "redis://h", "MWS_BRIDGE_ADMIN_TOKEN": "t", "MWS_BRIDGE_TOKEN_KEY": "k"}
    environ["MWS_BRIDGE_MWS_AUTH_TOKEN"] = "m"
    secrets = [
        *(
            "CLIENT_SECRET",
            "REFRESH_TOKEN",
            "ACCESS_KEY_SECRET",
            "MWS_AUTH_TOKEN",
            "TOKEN_KEY",
            "STATE",
            "ADMIN_TOKEN",
        ),
    ]
    expected = load_settings(None, environ)
    for name in secrets:
        (tmp_path / name).write_text(environ.pop(f"MWS_BRIDGE_{name}") + "\n")
        environ[f"MWS_BRIDGE_{name}_FILE"] = str(tmp_path / name)
    source = AccountSource(None, environ)
    assert source.changed()
    assert source.load().settings == expected
    assert not source.changed()
    (tmp_path / "REFRESH_TOKEN").write_text("another\n")
    assert source.changed()
    assert source.load().settings.seller[0].refresh_token.get_secret_value() == "another"
    assert (source.directory, source.key_files()) == (None, {})


def test_what_is_missing() -> None:
    """Every variable that is needed and missing, or empty, is named; of secrets also the other name."""
    assert faults({"MWS_BRIDGE_SELLER_ID": "A1", "MWS_BRIDGE_CLIENT_ID": ""}) == (
        "MWS_BRIDGE_CLIENT_ID: is missing",
        "MWS_BRIDGE_CLIENT_SECRET: is missing: set it, or MWS_BRIDGE_CLIENT_SECRET_FILE",
        "MWS_BRIDGE_REFRESH_TOKEN: is missing: set it, or MWS_BRIDGE_REFRESH_TOKEN_FILE",
        "MWS_BRIDGE_MARKETPLACES: is missing",
        "MWS_BRIDGE_ACCESS_KEY_ID: is missing",
        "MWS_BRIDGE_ACCESS_KEY_SECRET: is missing: set it, or MWS_BRIDGE_ACCESS_KEY_SECRET_FILE",
    )
    assert "MWS_BRIDGE_SELLER_ID: is missing" in faults({})


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"REFRESH_TOKN": SECRET}, "MWS_BRIDGE_REFRESH_TOKN: there is no such variable"),
        ({"HOST_FILE": "x"}, "MWS_BRIDGE_HOST_FILE: there is no such variable"),
        (
            {"REFRESH_TOKEN_FILE": "x"},
            "MWS_BRIDGE_REFRESH_TOKEN: is there beside MWS_BRIDGE_REFRESH_TOKEN_FILE",
        ),
        ({"TOKEN_KEY_FILE": "none"}, "MWS_BRIDGE_TOKEN_KEY_FILE: none cannot be read: No such file"),
        ({"MWS_AUTH_TOKEN_FILE": "/"}, "MWS_BRIDGE_MWS_AUTH_TOKEN_FILE: / is a directory, and is not"),
        ({"PORT": "http"}, "MWS_BRIDGE_PORT: Input should be a valid integer"),
        ({"PORT": "65536"}, "MWS_BRIDGE_PORT: Input should be less than or equal to 65535"),
        ({"MARKETPLACES": " , "}, "MWS_BRIDGE_MARKETPLACES: must not be empty"),
        (
            {"MARKETPLACES": "ATVPDKIKX0DER A1PA6795UKMFR9"},
            "MWS_BRIDGE_MARKETPLACES: must be of one region (now",
        ),
        ({"MARKETPLACES": "A0NEW"}, "MWS_BRIDGE_REGION where all of the marketplaces are new"),
        ({"SELLER_ID": "A" * 201}, "MWS_BRIDGE_SELLER_ID: String should have at most 200 characters"),
        ({"UPSTREAM": SECRET}, "MWS_BRIDGE_UPSTREAM: Input should be 'auto', 'v0' or 'v2026-01-01'"),
        ({"STATE": SECRET, "TOKEN_KEY": "k"}, "MWS_BRIDGE_STATE: is not an address like redis://host"),
        ({"STATE": "redis://h"}, "MWS_BRIDGE_TOKEN_KEY: is missing: processes that share their work must open"),
        (
            {"WORKERS": "2", "TOKEN_KEY": "k"},
            "MWS_BRIDGE_WORKERS: several workers need a store that they share",
        ),
        ({"ADMIN_HOST": "0.0.0.0"}, "MWS_BRIDGE_ADMIN_TOKEN: is missing: who can reach MWS_BRIDGE_ADMIN_HOST from"),
        ({"ADMIN_PORT": "-1"}, "MWS_BRIDGE_ADMIN_PORT: Input should be greater than or equal to 0"),
    ],
)
def test_a_fault_names_its_variable(more: dict[str, str], fault: str) -> None:
    """What is wrong is told of the variable that says it, without its value; so are names that nobody asks for."""
    found = faults(LEAST | {f"MWS_BRIDGE_{name}": value for name, value in more.items()})
    assert fault in found[0]
    assert len({one.partition(":")[0] for one in found}) == 1
    assert all(one.startswith("MWS_BRIDGE_") for one in found)


def test_all_faults_of_an_environment_at_once() -> None:
    """Everything that is wrong is told, not the first thing only."""
    environ = LEAST | {"MWS_BRIDGE_PORT": "x", "MWS_BRIDGE_TYPO": "x", "MWS_BRIDGE_REGION": "mars"}
    del environ["MWS_BRIDGE_CLIENT_ID"]
    assert [fault.partition(":")[0].removeprefix("MWS_BRIDGE_") for fault in faults(environ)] == [
        *("TYPO", "CLIENT_ID", "PORT", "REGION"),
    ]


def test_what_platforms_set_by_themselves() -> None:
    """Kubernetes and Docker set variables for a service named mws-bridge, and for its neighbours; these are none of
    ours, not even MWS_BRIDGE_PORT. The name of the configuration file is no setting either."""
    foreign = {
        "MWS_BRIDGE_CONFIG": "none.toml",
        "MWS_BRIDGE_SERVICE_HOST": "10.0.0.1",
        "MWS_BRIDGE_SERVICE_PORT": "8013",
        "MWS_BRIDGE_SERVICE_PORT_HTTP": "8013",
        "MWS_BRIDGE_PORT": "tcp://10.0.0.1:8013",
        "MWS_BRIDGE_PORT_8013_TCP": "tcp://10.0.0.1:8013",
        "MWS_BRIDGE_PORT_8013_TCP_PROTO": "tcp",
        "MWS_BRIDGE_PORT_8013_TCP_PORT": "8013",
        "MWS_BRIDGE_PORT_8013_TCP_ADDR": "10.0.0.1",
        "MWS_BRIDGE_ADMIN_SERVICE_HOST": "10.0.0.2",
        "MWS_BRIDGE_ADMIN_PORT": "tcp://10.0.0.2:8014",
    }
    assert load_settings(None, LEAST | foreign) == load_settings(None, LEAST)


def test_who_speaks_of_a_seller() -> None:
    """Only a seller id that says something asks for this way."""
    assert speaks_of_a_seller(LEAST)
    assert not speaks_of_a_seller({"MWS_BRIDGE_SELLER_ID": "", "MWS_BRIDGE_CLIENT_ID": "c"})
