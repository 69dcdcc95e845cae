"""Signature Version 2: the canonical string, signing, verifying.

A request is signed over ``VERB \\n host \\n path \\n canonical query``. The canonical query is every parameter but
``Signature``, decoded and encoded again by RFC 3986, sorted by the bytes of the name [wire reference 2.2]. What a
client may have signed as *host* is more than one string (with port, without, Amazon's own name), so verifying takes
a list of hosts and accepts a signature over any of them.
"""

import base64
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

from mws_compat.errors import SIGNATURE_DOES_NOT_MATCH, UNREADABLE_PARAMETER, MwsError

__all__ = [
    "ALGORITHMS",
    "AMAZON_HOSTS",
    "DEVIANT_ENCODINGS",
    "canonical_query",
    "hosts_to_try",
    "sign",
    "string_to_sign",
    "verify",
]

Pairs = Collection[tuple[str, str]]

#: ``SignatureMethod`` → digest
ALGORITHMS: Mapping[str, str] = {"HmacSHA256": "sha256", "HmacSHA1": "sha1"}

_PLAIN = re.compile(r"[A-Za-z0-9\-_.~]*").fullmatch
_PLAIN_PATH = re.compile(r"[A-Za-z0-9\-_.~/]+").fullmatch
_PORT = re.compile(r":[0-9]+$")


def _encode(text: str) -> str:
    """RFC 3986: everything but the unreserved characters as ``%XX`` of UTF-8, upper-case hex."""
    return text if _PLAIN(text) else quote(text, safe="-_.~")


def _encode_whatwg(text: str) -> str:
    # URLSearchParams with '+' mended to %20: '~' becomes %7E and '*' stays, as two Node clients sign.
    return quote(text, safe="-_.*").replace("~", "%7E")


def _encode_uri_component(text: str) -> str:
    # JavaScript's encodeURIComponent: leaves ! ' ( ) * alone.
    return quote(text, safe="-_.~!'()*")


#: Encodings that real clients sign with by mistake, by the name of the setting that accepts them. They differ from
#: the specification only where a value holds one of ``~ * ! ' ( )`` [2.4; legacy-clients 2.12].
DEVIANT_ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "whatwg-form": _encode_whatwg,
    "encode-uri-component": _encode_uri_component,
}


def _by_name(pair: tuple[str, str]) -> bytes:
    return pair[0].encode()


def canonical_query(pairs: Pairs, encode: Callable[[str], str] = _encode) -> str:
    """The sorted, re-encoded query of decoded ``pairs``, without ``Signature``. ``=`` stands after every name, also
    before an empty value."""
    return "&".join(
        f"{encode(name)}={encode(value)}" for name, value in sorted(pairs, key=_by_name) if name != "Signature"
    )


def string_to_sign(method: str, host: str, path: str, query: str) -> str:
    """``VERB \\n host \\n path \\n canonical query``. ``path`` may be as on the wire; an empty one is ``/``."""
    if not _PLAIN_PATH(path):
        path = quote(unquote_to_bytes(path), safe="/-_.~") or "/"
    return f"{method.upper()}\n{host}\n{path}\n{query}"


def sign(secret: str, text: str, algorithm: str = "HmacSHA256") -> str:
    """The base64 signature of a string to sign. KeyError for an ``algorithm`` other than HmacSHA256, HmacSHA1."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), ALGORITHMS[algorithm])).decode()


#: The hosts that MWS had [1.1]: what a client signs that was not told of its new address (a DNS override, a proxy).
AMAZON_HOSTS = (
    "mws.amazonservices.com",
    "mws-eu.amazonservices.com",
    "mws-fe.amazonservices.com",
    "mws.amazonservices.ca",
    "mws.amazonservices.com.mx",
    "mws.amazonservices.ae",
    "mws.amazonservices.in",
    "mws.amazonservices.jp",
    "mws.amazonservices.com.au",
    "mws.amazonservices.com.cn",
    "mws.amazonservices.de",
    "mws.amazonservices.es",
    "mws.amazonservices.fr",
    "mws.amazonservices.it",
    "mws.amazonservices.co.uk",
)


def hosts_to_try(host: str, aliases: Sequence[str] = ()) -> Iterator[str]:
    """Every string that a client may have signed as host, each once, the likeliest first: the Host header, the same
    without port (PHP clients sign so), both as sent and in lower case, then ``aliases``, then the header with a
    scheme before it, as two libraries sign that were given a whole URL for their host."""
    host = host.strip()
    lower = host.lower()
    yield lower  # nearly always the one; the others are worked out only when it is not
    bare = _PORT.sub("", host)
    others = dict.fromkeys((bare.lower(), host, bare, *aliases, f"http://{lower}", f"https://{lower}"))
    yield from (other for other in others if other != lower)


def verify(
    parameters: Mapping[str, str],
    *,
    secret: str,
    method: str,
    path: str,
    hosts: Iterable[str],
    pairs: Pairs,
    canonical: str | None = None,
    encodings: Iterable[str] = (),
) -> None:
    """Check a request's signature over each of ``hosts``; return None when one fits.

    ``parameters`` are the decoded non-empty parameters; ``pairs`` all decoded pairs; ``canonical`` their canonical
    query where it is known already (leaving it out changes no answer); ``encodings`` names of DEVIANT_ENCODINGS to
    accept as well.
    Raises MwsError: InvalidParameterValue (400) for a missing or unknown signature parameter, SignatureDoesNotMatch
    (403) otherwise. The comparison takes the same time whatever the difference.
    """
    for name in ("Signature", "SignatureVersion", "SignatureMethod"):
        if name not in parameters:
            raise MwsError(UNREADABLE_PARAMETER, f"Missing required parameter {name}.")
    if parameters["SignatureVersion"] != "2":
        raise MwsError(UNREADABLE_PARAMETER, "Value of parameter SignatureVersion is not valid: only 2 is.")
    digest = ALGORITHMS.get(parameters["SignatureMethod"])
    if digest is None:
        text = f"Value of parameter SignatureMethod is not valid: use one of {', '.join(ALGORITHMS)}."
        raise MwsError(UNREADABLE_PARAMETER, text)
    # A '+' that the client did not escape arrives as a space; base64 has no spaces.
    given = parameters["Signature"].replace(" ", "+").encode()
    key = secret.encode()
    queries = [canonical if canonical is not None else canonical_query(pairs)]
    queries += [canonical_query(pairs, DEVIANT_ENCODINGS[name]) for name in encodings]
    for host in hosts:
        for query in queries:
            signed = string_to_sign(method, host, path, query).encode()
            wanted = base64.b64encode(hmac.digest(key, signed, digest))
            if hmac.compare_digest(wanted, given):
                return
    raise MwsError(SIGNATURE_DOES_NOT_MATCH)
