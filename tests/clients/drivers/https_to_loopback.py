"""A requests adapter for libraries that speak https only: the request, already signed, goes out as plain http.

Signing and parsing stay the library's own. In production TLS ends in front of the endpoint and this is not needed.
"""

import requests
from requests.adapters import HTTPAdapter


class PlainHttp(HTTPAdapter):
    def send(self, request: requests.PreparedRequest, **options: object) -> requests.Response:
        request.url = "http://" + request.url.removeprefix("https://")
        return super().send(request, **options)


def session() -> requests.Session:
    made = requests.Session()
    made.mount("https://127.0.0.1", PlainHttp())
    return made
