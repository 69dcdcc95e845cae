"""What deploy/ promises: files that name nothing that there is not, and that hold what the guide says of them."""

import argparse
import http.client
import inspect
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
import yaml

from bridge import VERSION
from bridge.cli.arguments import build_parser
from bridge.endpoint.build import build_state
from bridge.endpoint.limits import Limits
from bridge.processes import supervisor
from bridge.settings import load_settings
from bridge.settings.environment import _KNOWN as VARIABLES
from bridge.settings.environment import PREFIX
from bridge.state.interface import Bucket
from bridge.state.redis import RedisState
from tests.cli.running import PATIENCE, running
from tests.documents import production
from tests.documents.production import DEPLOY
from tests.state.servers import SERVER, Store

ROOT = DEPLOY.parent
GUIDE = (DEPLOY / "README.md").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
#: Every file of deploy/ but for the guide.
TEXTS = {path.name: path.read_text() for path in sorted(DEPLOY.rglob("*")) if path.is_file() and path.suffix != ".md"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continued lines put together."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def of_the_image(word: str) -> list[str]:
    """The arguments of an instruction in the last stage."""
    found = instructions()
    last = max(number for number, (name, _) in enumerate(found) if name == "FROM")
    return [rest for name, rest in found[last:] if name == word]


def json_of(words: str) -> list[str]:
    found: list[str] = yaml.safe_load(words)
    return found


def sections() -> dict[str, list[tuple[str, str]]]:
    """The unit's settings by section."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in TEXTS["mws-bridge.service"].splitlines():
        if line.startswith("["):
            found[line] = []
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[list(found)[-1]].append((name, value))
    return found


UNIT = dict(sections()["[Service]"])


# --- the image ------------------------------------------------------------------------------------------------------


def test_images_have_a_version() -> None:
    """No image is taken without a tag, or with one that changes its meaning."""
    images = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    images += [service["image"] for service in COMPOSE["services"].values()]
    assert len(images) == 5
    for image in images:
        name, _, tag = image.partition(":")
        assert name
        assert re.match(r"\d+\.\d+", tag), image
    assert COMPOSE["services"]["bridge"]["image"] == f"mws-bridge:{VERSION}"
    assert f"mws-bridge:{VERSION} ." in GUIDE


def test_the_image_needs_no_root_and_writes_nothing() -> None:
    """It runs as a user with a fixed number, writes no modules, and takes only wheels."""
    assert of_the_image("USER") == ["10013:10013"]
    assert "--uid 10013 --gid 10013" in of_the_image("RUN")[0]
    assert "PYTHONDONTWRITEBYTECODE=1" in of_the_image("ENV")[0]
    assert of_the_image("STOPSIGNAL") == ["SIGTERM"]
    assert any("--only-binary :all:" in rest for word, rest in instructions() if word == "RUN")
    copied = {source for word, rest in instructions() if word == "COPY" for source in rest.split()[:-1]}
    assert {ROOT / name for name in copied if not name.startswith(("-", "/"))} == {
        ROOT / line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert all((ROOT / name).exists() for name in copied if not name.startswith(("-", "/")))


def test_the_image_serves_where_it_says() -> None:
    """Its command can be typed, listens on the ports that are exposed, and for others than itself."""
    assert json_of(of_the_image("ENTRYPOINT")[0]) == ["mws-bridge"]
    typed = build_parser().parse_args(json_of(of_the_image("CMD")[0]))
    assert (typed.host, typed.port, typed.admin_port) == ("0.0.0.0", 8013, 8014)
    assert of_the_image("EXPOSE") == ["8013 8014"]


# --- compose --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(COMPOSE["services"]))
def test_services_are_locked_up(name: str) -> None:
    """Each has a user that is not root, a file system that cannot be written, no capability, and bounds."""
    service = COMPOSE["services"][name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"]
    assert service["mem_limit"]
    assert "privileged" not in service
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_compose_serves_with_two_workers() -> None:
    """The command can be typed, and it is given longer to stop than the supervisor gives its workers."""
    services = COMPOSE["services"]
    typed = build_parser().parse_args(services["bridge"]["command"])
    assert (typed.workers, typed.host, typed.port, typed.admin_port) == (2, "0.0.0.0", 8013, 8014)
    assert [port.rpartition(":")[2] for port in services["bridge"]["ports"]] == ["8013", "8014"]
    assert services["keys"]["network_mode"] == "none"
    assert services["bridge"]["build"] == {"context": "..", "dockerfile": "deploy/Dockerfile"}
    assert build_parser().parse_args([*services["keys"]["entrypoint"][1:], *services["keys"]["command"]])
    assert int(services["bridge"]["stop_grace_period"].rstrip("s")) > supervisor._GRACE
    assert COMPOSE["networks"]["store"]["internal"]
    assert services["valkey"]["networks"] == ["store"]
    assert "ports" not in services["valkey"]


def test_compose_mounts_directories() -> None:
    """Changes are seen while it runs: what is mounted is a directory, in which an editor may put a new file in place
    of an old one. It is there, or is that of the secrets, which whoever runs it makes. Only the keys are written."""
    mounts = {
        name: {inside: DEPLOY / outside for outside, inside, *_ in (one.split(":") for one in service["volumes"])}
        for name, service in COMPOSE["services"].items()
        if "volumes" in service
    }
    assert mounts["bridge"] == {"/etc/mws-bridge": DEPLOY, "/run/secrets": DEPLOY / "secrets"}
    assert mounts["keys"] == {**mounts["bridge"], "/etc/mws-bridge/sellers.d": DEPLOY / "sellers.d"}
    assert len(mounts) == 2
    assert "mkdir -p secrets" in GUIDE
    for outside in {*mounts["keys"].values()} - {DEPLOY / "secrets"}:
        assert outside.is_dir()
    written = [one for name in mounts for one in COMPOSE["services"][name]["volumes"] if not one.endswith(":ro")]
    assert written == ["./sellers.d:/etc/mws-bridge/sellers.d"]
    assert "secrets" not in COMPOSE  # nor as secrets of Compose's, which are single files
    assert "configs" not in COMPOSE


@pytest.mark.skipif(SERVER is None, reason="neither valkey-server nor redis-server is installed")
@pytest.mark.long
async def test_a_full_store_forgets_orders_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings of compose.yaml, orders that do not fit push out orders, and no usage plan; and the bridge is
    never told that the store is full."""
    monkeypatch.setattr("bridge.state.redis._TIMEOUT", 10.0)  # a busy machine is no subject of this test
    store = Store(tmp_path)
    typed: list[str] = COMPOSE["services"]["valkey"]["command"]
    smaller = [
        ("6mb" if before == "--maxmemory" else word) for before, word in zip(["", *typed], typed, strict=False)
    ]
    assert smaller != typed
    store.start(*smaller[1:])
    try:
        settings = load_settings(_sample("mws-bridge.toml", tmp_path, store.url), {})
        state = build_state(settings)._shared  # type: ignore[attr-defined]
        assert isinstance(state, RedisState)
        plans = [Bucket(f"app:seller{number}:getOrders", 0.0001, 20) for number in range(50)]
        for plan in plans:
            await state.take(plan, 0.0)
        order = Random(5).randbytes(1500)  # as large as one that is packed
        names = [f"order:seller:{number}" for number in range(6000)]
        for start in range(0, len(names), 500):
            await state.put(dict.fromkeys(names[start : start + 500], order), 300.0)
        kept = [value for value in await state.get(names) if value is not None]
        assert 0 < len(kept) < len(names)
        levels = [(await state.level(plan)).tokens for plan in plans]
        assert levels == [pytest.approx(19.0, abs=0.1)] * len(plans)
        await state.aclose()
    finally:
        store.stop()


# --- configurations -------------------------------------------------------------------------------------------------


def _sample(name: str, folder: Path, store: str = "") -> Path:
    """A copy of a sample configuration with its seller and its secrets, in a folder of its own."""
    text = TEXTS[name]
    secrets = folder / "secrets"
    secrets.mkdir()
    for place in set(re.findall(r'file = "([^"]+)"', text)):
        (secrets / Path(place).name).write_text("a secret\n")
        text = text.replace(f'"{place}"', f'"{secrets / Path(place).name}"')
    path = folder / "mws-bridge.toml"
    path.write_text(text.replace("redis://valkey:6379/0", store) if store else text)
    (folder / "sellers.d").mkdir()
    seller = TEXTS["example.toml.sample"]
    key = '[[access_key]]\nid = "AKIA"\nsecret = "s"\nsellers = ["A1EXAMPLESELLER"]\n'
    (folder / "sellers.d" / "example.toml").write_text(seller + key)
    return path


@pytest.mark.parametrize("name", ["mws-bridge.toml", "mws-bridge.systemd.toml"])
def test_the_sample_configurations_are_right(name: str, tmp_path: Path) -> None:
    """They are taken without a fault; the container's fits to compose.yaml: workers, store, admin port."""
    settings = load_settings(_sample(name, tmp_path), {})
    assert settings.seller[0].seller_id == "A1EXAMPLESELLER"
    assert settings.admin is not None
    assert settings.admin.token is not None
    assert settings.server.trusted_proxies
    if name == "mws-bridge.toml":
        assert settings.state is not None
        assert settings.state.get_secret_value().startswith("redis://valkey:")
        assert settings.admin.host == "0.0.0.0"
        made = re.findall(
            r"> (secrets/\w+)", GUIDE.partition("With containers")[2].partition("Without containers")[0]
        )
        mounted = {f"/run/{place}" for place in made}
    else:
        assert settings.admin.host == "127.0.0.1"
        mounted = set(re.findall(r"(?:> |- )(secrets/\w+)", GUIDE.partition("Without containers")[2]))
    assert set(re.findall(r'file = "([^"]+)"', TEXTS[name])) == mounted


def test_the_unit_is_hardened() -> None:
    """No root, no new privileges, no capability, nothing to write; time to end; a reload."""
    assert UNIT["User"] == UNIT["Group"] == "mws-bridge"
    assert UNIT["NoNewPrivileges"] == "yes"
    assert UNIT["ProtectSystem"] == "strict"
    assert UNIT["CapabilityBoundingSet"] == UNIT["AmbientCapabilities"] == ""
    assert UNIT["KillSignal"] == "SIGTERM"
    assert UNIT["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert int(UNIT["TimeoutStopSec"]) > supervisor._GRACE
    assert UNIT["Restart"] == "on-failure"
    program, *typed = shlex.split(UNIT["ExecStart"])
    assert program == "/opt/mws-bridge/bin/mws-bridge"
    assert str(build_parser().parse_args(typed).config) == "/etc/mws-bridge/mws-bridge.toml"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    """systemd knows every setting of the unit; the program is put where it is here."""
    unit = tmp_path / "mws-bridge.service"
    unit.write_text(TEXTS["mws-bridge.service"].replace("/opt/mws-bridge/bin/mws-bridge", sys.executable))
    run = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    told = [line for line in run.stderr.splitlines() if "mws-bridge" in line]
    assert (told, run.returncode) == ([], 0)


# --- names ----------------------------------------------------------------------------------------------------------


def test_variables_exist() -> None:
    """Every variable that is named anywhere is one that is read; the guide names all."""
    named = {name for text in (GUIDE, *TEXTS.values()) for name in re.findall(rf"{PREFIX}([A-Z_]+[A-Z])", text)}
    assert named - {"CONFIG"} <= VARIABLES
    assert {name for name in VARIABLES if not name.endswith("_FILE")} <= named


def test_settings_exist() -> None:
    """Every setting that is named in a text, a comment or the guide is one."""
    named = set()
    for text in (GUIDE, *TEXTS.values()):
        named |= set(re.findall(r"(?<![-\w])((?:server|admin|upstream|order_cache)\.[a-z_0-9]+[a-z0-9])\b", text))
    known = {f"{table}.{name}" for table, model in production._TABLES.items() if table for name in model.model_fields}
    assert named == known


def test_figures_of_the_delays_are_right() -> None:
    """What the guide says of wrong signatures is what the limits are."""
    defaults = {name: one.default for name, one in inspect.signature(Limits).parameters.items()}
    assert f"no more than {defaults['delayed_of_address'] / defaults['longest_delay']:g} of these answers" in GUIDE
    assert defaults["delayed"] == 1000
    assert "A thousand of them wait" in GUIDE


def commands() -> Iterator[list[str]]:
    """Every command line of mws-bridge that the guide and the samples tell somebody to type."""
    texts = [GUIDE, *TEXTS.values()]
    for text in texts:
        for found in re.findall(
            r"(?:`|^|\s|/)mws-bridge ((?:keys|check|call|serve)\b[^`\x22\n#,]*)", text, re.MULTILINE
        ):
            yield shlex.split(found.replace("…", "").rstrip(" .,:;)"), posix=False)
        for found in re.findall(r"--rm keys ((?:new|list|rotate|revoke)\b[^`\n]*)", text):
            yield ["keys", *found.split()]


def options_of(parser: argparse.ArgumentParser, words: list[str]) -> set[str]:
    """The options of a verb, and of its action where it has some."""
    options = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and words and words[0] in action.choices:
            return options | options_of(action.choices[words[0]], words[1:])
    return options


def test_commands_exist() -> None:
    """Every command that the guide names can be typed: the verb is one, and so are its options."""
    found = list(commands())
    assert {words[0] for words in found} == {"keys", "check", "call", "serve"}
    for words in found:
        known = options_of(build_parser(), words)
        assert {word for word in words if word.startswith("--")} <= known, words


def test_links_lead_somewhere() -> None:
    """Links lead to files and headings that there are."""
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", GUIDE):
        path = DEPLOY / target if target else DEPLOY / "README.md"
        assert path.is_file(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, anchor
    for name in re.findall(r"^\| `([^|]*)` \|", GUIDE.partition("\n## ")[0], re.MULTILINE):
        assert all((DEPLOY / one).is_file() for one in name.split("`, `"))


# --- a bridge that runs ---------------------------------------------------------------------------------------------


@pytest.mark.long
def test_who_asks_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The image's own health check is content with a bridge that lives, also where a proxy is set for Amazon, and not
    with one that is gone; and what prometheus.yml sends opens the metrics."""
    (words,) = of_the_image("HEALTHCHECK")
    python, *rest = json_of(words.partition("CMD ")[2])
    assert python == "python"
    assert "8014" in rest[-1]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    def healthy(port: str) -> bool:
        asked = [sys.executable, *(word.replace("8014", port) for word in rest)]
        return subprocess.run(asked, stderr=subprocess.DEVNULL, timeout=PATIENCE, check=False).returncode == 0

    (scrape,) = yaml.safe_load(TEXTS["prometheus.yml"])["scrape_configs"]
    assert set(scrape["authorization"]) == {"credentials_file"}  # a bearer
    assert scrape["static_configs"][0]["targets"] == ["127.0.0.1:8014"]
    path = _sample("mws-bridge.systemd.toml", tmp_path)
    with running("serve", "--config", str(path), "--port", "0", "--admin-port", "0") as process:
        assert process.stdout is not None
        page = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert page
        assert healthy(page[1])
        asked = http.client.HTTPConnection("127.0.0.1", int(page[1]), timeout=PATIENCE)
        asked.request("GET", scrape.get("metrics_path", "/metrics"), headers={"Authorization": "Bearer a secret"})
        assert asked.getresponse().status == 200
        asked.close()
    assert not healthy(page[1])
