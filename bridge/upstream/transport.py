"""httpx's API over aiohttp's connections.

httpx's own connection pool looks at every connection on every request; with 32 in flight that is over half the cost
of fetching a page of orders (``tests/bench/`` measures it). aiohttp's does not. Only the transport differs: requests,
responses and exceptions are httpx's, and a test may put any other transport in its place.
"""

from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from isal import isal_zlib
from isal.igzip_lib import IsalError
from yarl import URL

__all__ = ["MAX_ANSWER_BYTES", "AiohttpTransport"]

#: A page of 100 orders is about 0.2 MB; nothing that SP-API sends for orders comes near this.
MAX_ANSWER_BYTES = 32 * 2**20


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests through one aiohttp session, which it makes when first used and closes in ``aclose``.

    ``trust_env`` takes a proxy from the environment (HTTPS_PROXY, NO_PROXY). Redirects are not followed here and
    cookies are not kept. Raises httpx's exceptions: ConnectTimeout, ConnectError, ReadTimeout, RemoteProtocolError
    (the answer broke off or is no HTTP), ReadError (also an answer over MAX_ANSWER_BYTES, packed or unpacked),
    DecodingError (it cannot be unpacked).
    """

    def __init__(self, *, trust_env: bool = True, max_connections: int = 100) -> None:
        # Not aiohttp's own trust_env: that reads ~/.netrc as well, and would send what it finds there to Amazon.
        self._proxies = getproxies() if trust_env else {}
        self._max_connections = max_connections
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._max_connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # it would be done without a bound
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                read_bufsize=2**18,
            )
            # aiohttp sends a GET whose connection broke once more by itself, which would go past the usage plan and
            # the number of attempts. It has no public switch for that; a test watches this one.
            self._session._retry_connection = False  # noqa: SLF001
        return self._session

    def _proxy_for(self, url: httpx.URL) -> str | None:
        proxy = self._proxies.get(url.scheme) if self._proxies else None
        return proxy if proxy and not proxy_bypass(url.host) else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        limits = request.extensions.get("timeout", {})
        timeout = aiohttp.ClientTimeout(
            total=None, connect=limits.get("pool"), sock_connect=limits.get("connect"), sock_read=limits.get("read")
        )
        try:
            async with self._open().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=await request.aread() or None,
                timeout=timeout,
                allow_redirects=False,
                proxy=self._proxy_for(request.url),
            ) as answer:
                if (answer.content_length or 0) > MAX_ANSWER_BYTES:
                    raise httpx.ReadError(f"answer of {answer.content_length} bytes is too large", request=request)
                body = await answer.read() if answer.content_length is not None else await _bounded(answer, request)
                headers = list(answer.raw_headers)
                if answer.headers.get("content-encoding", "").strip().lower() == "gzip":
                    body = _unpacked(body, request)
                    headers = [header for header in headers if header[0].lower() != b"content-encoding"]
                return httpx.Response(answer.status, headers=headers, content=body)
        except aiohttp.ConnectionTimeoutError as error:
            raise httpx.ConnectTimeout("connecting took too long", request=request) from error
        except TimeoutError as error:
            raise httpx.ReadTimeout("the answer took too long", request=request) from error
        except aiohttp.ClientConnectorError as error:
            raise httpx.ConnectError(type(error).__name__, request=request) from error
        except aiohttp.ClientError as error:
            # The class says what happened; the text of an aiohttp error may repeat headers or body.
            raise httpx.RemoteProtocolError(type(error).__name__, request=request) from error
        except OSError as error:
            raise httpx.ReadError(type(error).__name__, request=request) from error

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _bounded(answer: aiohttp.ClientResponse, request: httpx.Request) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise httpx.ReadError("answer is too large", request=request)
    return bytes(body)


def _unpacked(body: bytes, request: httpx.Request) -> bytes:
    """A gzipped body unpacked, as far as an answer may be large; httpx itself would unpack a few packed megabytes to
    gigabytes."""
    try:
        content = isal_zlib.decompressobj(wbits=31).decompress(body, MAX_ANSWER_BYTES + 1)
    except IsalError as error:  # type: ignore[misc]  # its stub calls it an instance
        raise httpx.DecodingError("the answer is no gzip", request=request) from error
    if len(content) > MAX_ANSWER_BYTES:
        raise httpx.ReadError("answer is too large unpacked", request=request)
    return content
