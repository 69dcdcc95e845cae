"""State in Valkey or Redis, shared by all copies of the bridge. Values are sealed before they leave this process.

Buckets keep the store's own time, and one script does each step on them, so that copies cannot take the same token.
"""

import logging
import secrets
import struct
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from isal import igzip
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as BrokenConnectionError
from redis.exceptions import RedisError

from bridge.sealing import KeyRing, SealError
from bridge.state.interface import Bucket, Heard, StoreError, Taken

__all__ = ["SCHEMES", "RedisState", "check", "faulty"]

#: Schemes of URLs that are understood. Valkey speaks Redis's protocol.
SCHEMES = ("redis", "rediss", "unix", "valkey", "valkeys")

_PREFIX = "mws-bridge:"
#: Seconds in which the store must have answered: it stands beside us, and a caller is waiting.
_TIMEOUT = 0.5
_CONNECTIONS = 64
_VERSION = struct.Struct(">d")
#: Before the content: whether it is packed. An order shrinks to a fifth.
_PLAIN, _PACKED = b"\x00", b"\x01"
_MIN_PACKED = 512
#: Seconds between two lines about values that cannot be opened: there may be thousands of them.
_QUIET = 60.0

_log = logging.getLogger("mws_bridge.state")

# A bucket is a hash of tokens, the time of the store at which that was so, the rate that was learned, and when its
# life began. It is forgotten after a day without use: a plan's rate is told with every answer, and the bucket is full
# by then.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'rate', 'life')
local burst = tonumber(ARGV[1])
local rate = tonumber(kept[3]) or tonumber(ARGV[2])
local wait = tonumber(ARGV[3])
local tokens = burst
if kept[1] then
  tokens = math.min(burst, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * rate)
end
local life = kept[4] or string.format('%.6f', now)
local lowered = ARGV[4] ~= '' and ARGV[5] ~= kept[4]
if lowered then tokens = math.min(tokens, tonumber(ARGV[4])) end
local delay = math.max(0, 1 - tokens) / rate
local granted = 0
if delay <= wait then
  granted = 1
  tokens = tokens - 1
end
if granted == 1 or lowered then
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', string.format('%.6f', now), 'life', life)
  redis.call('EXPIRE', KEYS[1], 86400)
elseif not kept[4] then
  life = ''
end
return {granted, string.format('%.9f', delay), string.format('%.9f', tokens), string.format('%.17g', rate), life}
"""
# The tokens of the time that has passed came at the old rate.
_LEARN = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'rate')
if kept[1] then
  local rate = tonumber(kept[3]) or tonumber(ARGV[2])
  local tokens = math.min(tonumber(ARGV[1]), tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * rate)
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.9f', tokens), 'at', string.format('%.6f', now))
end
redis.call('HSET', KEYS[1], 'rate', ARGV[3])
redis.call('EXPIRE', KEYS[1], 86400)
"""
# A value begins with its version.
_PUT = """
local there = redis.call('GETRANGE', KEYS[1], 0, 7)
if #there == 8 and struct.unpack('>d', there) > struct.unpack('>d', ARGV[1]) then return end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
"""
_EXTEND = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisState:
    """State in the store at ``url``. ``ring`` seals values; one that cannot be opened counts as not there, and the
    log says so. Several bridges may share one store: sellers are told apart by their applications and regions.
    ``clock`` gives monotonic seconds."""

    def __init__(self, url: str, ring: KeyRing, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = _client(url)
        self._ring = ring
        self._clock = clock
        self._told_at = float("-inf")
        self._take = self._redis.register_script(_TAKE)
        self._put = self._redis.register_script(_PUT)
        self._learn = self._redis.register_script(_LEARN)
        self._extend = self._redis.register_script(_EXTEND)
        self._release = self._redis.register_script(_RELEASE)

    # --- buckets ------------------------------------------------------------------------------------------------

    async def take(self, bucket: Bucket, wait: float, heard: Heard | None = None) -> Taken:
        return await self._ask_bucket(bucket, wait, heard)

    async def level(self, bucket: Bucket, heard: Heard | None = None) -> Taken:
        return await self._ask_bucket(bucket, -1.0, heard)

    async def learn(self, bucket: Bucket, rate: float) -> None:
        arguments: list[str | int] = [bucket.burst, repr(bucket.rate), repr(rate)]
        await _asked(lambda: self._learn(keys=[_bucket_key(bucket)], args=arguments))

    async def drain(self, bucket: Bucket) -> None:
        await self._ask_bucket(bucket, -1.0, Heard(0.0))

    async def _ask_bucket(self, bucket: Bucket, wait: float, heard: Heard | None) -> Taken:
        known = ("", "") if heard is None else (repr(heard.tokens), heard.life)
        arguments: list[str | int] = [bucket.burst, repr(bucket.rate), repr(wait), *known]
        granted, delay, tokens, rate, life = await _asked(
            lambda: self._take(keys=[_bucket_key(bucket)], args=arguments)
        )
        return Taken(granted == 1, float(delay), float(tokens), float(rate), life.decode())

    # --- values -------------------------------------------------------------------------------------------------

    async def get(self, names: Sequence[str]) -> list[bytes | None]:
        if not names:
            return []
        found = await _asked(lambda: self._redis.mget([_PREFIX + name for name in names]))
        return [self._opened(name, sealed) for name, sealed in zip(names, found, strict=True)]

    async def put(self, values: Mapping[str, bytes], seconds: float, *, version: float = 0.0) -> None:
        if not values:
            return
        milliseconds = max(1, int(seconds * 1000))
        head = _VERSION.pack(version)
        pipeline = self._redis.pipeline(transaction=False)
        for name, content in values.items():
            await self._put(
                keys=[_PREFIX + name], args=[head + self._sealed(name, content), milliseconds], client=pipeline
            )
        await _asked(pipeline.execute)

    async def drop(self, names: Sequence[str]) -> None:
        if names:
            await _asked(lambda: self._redis.delete(*(_PREFIX + name for name in names)))

    async def sweep(self) -> None:
        """The store does it."""

    def _sealed(self, name: str, content: bytes) -> bytes:
        plain = _PLAIN + content if len(content) < _MIN_PACKED else _PACKED + igzip.compress(content, 1)
        return self._ring.seal(plain, bound_to=name.encode())

    def _opened(self, name: str, sealed: bytes | None) -> bytes | None:
        if sealed is None:
            return None
        try:
            plain = self._ring.open(sealed[_VERSION.size :], bound_to=name.encode())
        except SealError:
            if self._clock() - self._told_at >= _QUIET:
                self._told_at = self._clock()
                _log.warning(
                    "the shared store holds what cannot be opened: is server.token_keys the same on all machines?"
                )
            return None
        return plain[1:] if plain[:1] == _PLAIN else _unpacked(plain[1:])

    # --- leases -------------------------------------------------------------------------------------------------

    async def lease(self, name: str, seconds: float) -> str | None:
        word = secrets.token_hex(8)
        milliseconds = max(1, int(seconds * 1000))
        taken = await _asked(lambda: self._redis.set(_lease_key(name), word, nx=True, px=milliseconds))
        return word if taken else None

    async def extend(self, name: str, word: str, seconds: float) -> None:
        await _asked(lambda: self._extend(keys=[_lease_key(name)], args=[word, max(1, int(seconds * 1000))]))

    async def release(self, name: str, word: str) -> None:
        await _asked(lambda: self._release(keys=[_lease_key(name)], args=[word]))

    async def aclose(self) -> None:
        await self._redis.aclose()


def faulty(url: str) -> str | None:
    """What is wrong with a URL of a known scheme, without asking the store; None when it is right."""
    try:
        _client(url).connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except TypeError:
        return "it has an option that is unknown"
    except ValueError:
        return "an option of it, the port, or the number of the database is no number"
    return None


def check(url: str, run: Callable[[Awaitable[None]], None]) -> str | None:
    """Why the store at ``url`` cannot be used, in words; None when it can. ``run`` runs to the end."""

    async def ask() -> None:
        client = _client(url)
        try:
            # One that is full, or is a copy that may only be read, answers questions and is of no use.
            await _asked(lambda: client.set(f"{_PREFIX}probe", b"", px=1000))
        finally:
            await client.aclose()

    try:
        run(ask())
    except StoreError as error:
        return str(error)
    return None


def _client(url: str) -> Redis:
    scheme, _, rest = url.partition("://")
    known = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
    pool = BlockingConnectionPool.from_url(
        f"{known}://{rest}",
        max_connections=_CONNECTIONS,
        timeout=_TIMEOUT,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        # Once more, on a new connection: the store may have been started anew since the last command.
        retry=Retry(NoBackoff(), 1, supported_errors=(BrokenConnectionError,)),
        client_name="mws-bridge",
    )
    return Redis.from_pool(pool)


def _unpacked(packed: bytes) -> bytes:
    content: bytes = igzip.decompress(packed)  # type: ignore[no-untyped-call] # isal's stubs leave it out
    return content


def _bucket_key(bucket: Bucket) -> str:
    return f"{_PREFIX}bucket:{bucket.name}"


def _lease_key(name: str) -> str:
    return f"{_PREFIX}lease:{name}"


async def _asked(ask: Callable[[], Any]) -> Any:
    with _as_store_errors():
        return await ask()


@contextmanager
def _as_store_errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreError(type(error).__name__) from None
