"""deploy/nginx.conf at work: a real nginx with it, in front of the endpoint, asked as old programs ask."""

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.cli import main
from bridge.cli.config import DEMO_ACCESS_KEY, demo_settings
from bridge.endpoint.app import MAX_BODY_BYTES
from bridge.endpoint.build import build_endpoint
from bridge.endpoint.server import serving
from bridge.observe import RequestEvent
from mws_compat import errors
from mws_compat.writer import render_error
from tests.certificates import Certificate, make_certificate
from tests.cli.running import PATIENCE, new_sandbox
from tests.documents.production import DEPLOY
from tests.support import PATH, Answer, assert_mws, signed_query

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
CONF = (DEPLOY / "nginx.conf").read_text()
PRIVATE = "private@example.com"

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (Debian: apt-get install nginx)")


@dataclass
class Front:
    """nginx in front of an endpoint. ``events`` are the endpoint's, ``stop`` ends the endpoint, not nginx."""

    folder: Path
    port: int
    certificate: Certificate
    events: list[RequestEvent]
    stop: contextlib.AsyncExitStack
    origin: str = field(init=False)

    def __post_init__(self) -> None:
        self.origin = f"https://localhost:{self.port}"

    async def ask(
        self, method: str = "GET", target: str = "", *, source: str = "127.0.0.1", **options: Any
    ) -> httpx.Response:
        """One request over a connection of its own, from a loopback address."""
        transport = httpx.AsyncHTTPTransport(verify=self.certificate.trusting(), local_address=source)
        async with httpx.AsyncClient(transport=transport, timeout=PATIENCE) as client:
            return await client.request(method, f"{self.origin}{target}", **options)

    def signed(self, action: str = "GetServiceStatus", *, method: str = "GET", path: str = PATH, **more: str) -> str:
        """A query that is signed now, for the address under which nginx is reached."""
        now, host = datetime.now(UTC), f"localhost:{self.port}"
        return signed_query(action, more, now=now, method=method, path=path, host=host)

    async def log(self, name: str, lines: int) -> str:
        """A file of nginx's, when it has so many lines: it writes them after it has answered."""
        path = self.folder / name
        for _ in range(1000):
            if len(path.read_text().splitlines()) >= lines:
                break
            await asyncio.sleep(0.01)
        return path.read_text()


def rendered(folder: Path, port: int, upstream: str, certificate: Certificate) -> str:
    """The configuration with places of this test, and what every nginx has around it."""
    text = CONF
    for place, here in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("server 127.0.0.1:8013;", f"server {upstream};"),
        ("/etc/ssl/mws-bridge/fullchain.pem", certificate.certificate),
        ("/etc/ssl/mws-bridge/privkey.pem", certificate.private_key),
        ("/var/log/nginx/", f"{folder}/"),
    ):
        assert place in text
        text = text.replace(place, here)
    places = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log {folder}/main.log;\n"
        f"events {{}}\nhttp {{\n{places}\naccess_log off;\n{text}\n}}\n"
    )


@contextlib.contextmanager
def nginx_with(path: Path, port: int) -> Iterator[None]:
    """Run nginx with a configuration until the block ends; it listens on ``port`` when that begins."""
    assert NGINX is not None
    log = path.with_name("main.log")
    typed = [NGINX, "-p", str(path.parent), "-e", str(log), "-c", str(path)]
    process = subprocess.Popen(typed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(3000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextlib.asynccontextmanager
async def front(folder: Path) -> AsyncIterator[Front]:
    """nginx with our configuration, in front of the endpoint over the sandbox."""
    certificate = make_certificate(folder)
    events: list[RequestEvent] = []
    async with contextlib.AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(serving(new_sandbox().app, mws=False))
        bridge = await stack.enter_async_context(contextlib.AsyncExitStack())
        endpoint = build_endpoint(demo_settings(upstream), emit=events.append)
        origin = await bridge.enter_async_context(serving(endpoint, trusted_proxies=["127.0.0.1"]))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        path = folder / "nginx.conf"
        path.write_text(rendered(folder, port, origin.removeprefix("http://"), certificate))
        stack.enter_context(nginx_with(path, port))
        yield Front(folder, port, certificate, events, bridge)


def written(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for nginx.conf."""
    return {
        path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "nginx.conf"
    }


def test_nginx_finds_no_fault(tmp_path: Path) -> None:
    """``nginx -t`` takes it without a warning."""
    assert NGINX is not None
    path = tmp_path / "nginx.conf"
    path.write_text(rendered(tmp_path, 8443, "127.0.0.1:8013", make_certificate(tmp_path)))
    typed = [NGINX, "-t", "-p", str(tmp_path), "-e", str(tmp_path / "main.log"), "-c", str(path)]
    run = subprocess.run(typed, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert run.returncode == 0, run.stderr
    assert "[warn]" not in run.stderr


def test_errors_of_nginx_are_those_of_the_bridge() -> None:
    """What nginx answers by itself is byte for byte what the bridge would answer."""
    found = re.findall(r"return (\d+) '([^']+)';", CONF)
    faults = (errors.SERVICE_UNAVAILABLE, errors.REQUEST_TOO_LARGE, errors.INVALID_REQUEST)
    assert found == [
        (str(fault.status), render_error(fault, fault.message, request_id="$request_id").decode()) for fault in faults
    ]


async def test_signed_calls_get_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Host, path and query arrive as they were signed, in a POST and in a GET, with a slash at the end, two slashes,
    and one that is written %2F; also a query of 20 KB. The bridge's errors, headers and gzip come back unchanged."""
    async with front(tmp_path) as nginx:
        monkeypatch.setenv("SSL_CERT_FILE", nginx.certificate.certificate)
        typed = ["call", "ListOrders", "--sandbox", "--url", nginx.origin, "--created-after", "2020-01-01"]
        for more in ([], ["--get", "--sha1"]):
            code = await asyncio.to_thread(main, [*typed, "--marketplace-id", "ATVPDKIKX0DER", *more])
            assert code == 0
            assert capsys.readouterr().out.rstrip().endswith("</ListOrdersResponse>")
        answer = await nginx.ask(target=f"{PATH}/?{nginx.signed(path=f'{PATH}/')}")
        assert answer.status_code == 200
        odd = await nginx.ask(target=f"/a//b%2Fc?{nginx.signed(path='/a//b%2Fc')}")
        assert "Resource /a//b%2Fc is not found" in odd.text
        long = {f"Odd.{number}": "a b/~" * 20 for number in range(180)}
        target = f"{PATH}?{nginx.signed(**long)}"
        assert len(target) > 20_000
        assert (await nginx.ask(target=target)).status_code == 200

        gzipped = await nginx.ask(
            "POST",
            PATH,
            content=nginx.signed(
                "ListOrders", method="POST", **{"CreatedAfter": "2020-01-01", "MarketplaceId.Id.1": "ATVPDKIKX0DER"}
            ),
        )
        assert gzipped.headers["content-encoding"] == "gzip"
        assert gzipped.headers["content-type"] == "text/xml"
        refused = await nginx.ask(target=f"{PATH}?{nginx.signed()}x")
        assert refused.status_code == 403
        assert_mws(Answer(refused.status_code, refused.headers, refused.content))
        assert nginx.events[-1].code == "SignatureDoesNotMatch"
        assert nginx.events[-1].request_id == refused.headers["x-mws-request-id"]


async def test_callers_are_told_apart_and_speak_http_1(tmp_path: Path) -> None:
    """The bridge learns each caller's address, whatever the caller says of itself; and nobody is offered HTTP/2."""
    async with front(tmp_path) as nginx:
        forged = {"X-Forwarded-For": "192.0.2.66", "X-Real-IP": "192.0.2.66"}
        for source in ("127.0.0.2", "127.0.0.3"):
            await nginx.ask(target=f"{PATH}?{nginx.signed()}", source=source, headers=forged)
        assert [event.address for event in nginx.events] == ["127.0.0.2", "127.0.0.3"]

        def chosen() -> str | None:
            context = nginx.certificate.trusting("h2", "http/1.1")
            with (
                socket.create_connection(("127.0.0.1", nginx.port), timeout=PATIENCE) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as tls,
            ):
                assert tls.version() in {"TLSv1.2", "TLSv1.3"}
                return tls.selected_alpn_protocol()

        assert await asyncio.to_thread(chosen) == "http/1.1"


async def test_nothing_private_is_written_down(tmp_path: Path) -> None:
    """With and without the bridge behind it: programs get MWS XML with an id, the log has that id, and no file of
    nginx's holds a signature, a parameter or a body."""
    async with front(tmp_path) as nginx:
        query = nginx.signed("ListOrders", BuyerEmail=PRIVATE, CreatedAfter="2020-01-01")
        served = await nginx.ask(target=f"{PATH}?{query}")
        large = await nginx.ask("POST", PATH, content=PRIVATE.encode() * (MAX_BODY_BYTES // len(PRIVATE) + 1))
        await nginx.stop.aclose()
        gone = await nginx.ask(target=f"{PATH}?{query}")
        assert [answer.status_code for answer in (served, large, gone)] == [400, 413, 503]
        ids = [served.headers["x-mws-request-id"]]
        for answer, code in ((large, "InvalidRequest"), (gone, "ServiceUnavailable")):
            assert answer.headers["content-type"] == "text/xml"
            found = Answer(answer.status_code, answer.headers, answer.content)
            assert found.text("Code") == code
            ids.append(found.text("RequestID") or found.text("RequestId") or "")
        log = await nginx.log("mws-bridge.log", 3)
        lines = log.splitlines()
        assert [line.rpartition(" id=")[2] for line in lines] == ids
        assert all(f" {PATH} " in line for line in lines)
        for name, content in written(tmp_path).items():
            for private in (PRIVATE.encode(), b"private%40", b"Signature=", DEMO_ACCESS_KEY.encode()):
                assert private not in content, name
