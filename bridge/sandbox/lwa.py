"""Login with Amazon: `POST /auth/o2/token` (reference 5.1)."""

import hmac
from collections.abc import Sequence
from typing import Final

import orjson

from bridge.sandbox.answers import Answer, Request, parse_query
from bridge.sandbox.sellers import CLIENT_CREDENTIALS_GRANT, REFRESH_TOKEN_GRANT, Application, DemoSeller
from bridge.sandbox.tokens import TokenDesk

LWA_PATH: Final = "/auth/o2/token"
SCOPES: Final = frozenset(
    {
        "sellingpartnerapi::notifications",
        "sellingpartnerapi::client_credential:rotation",
        "sellingpartnerapi::shipments:track",
    }
)
INVALID_GRANT: Final = (
    "The request has an invalid grant parameter : refresh_token. "
    "User may have revoked or didn't grant the permission."
)
# The grants of Login with Amazon; an application has to be registered for each that it uses.
_KNOWN_GRANTS: Final = frozenset({REFRESH_TOKEN_GRANT, CLIENT_CREDENTIALS_GRANT, "authorization_code"})


def lwa_error(status: int, error: str, description: str, request_id: str) -> Answer:
    """Return an error in OAuth's shape, which differs from that of the Selling Partner API."""
    body = {"error_description": description, "error": error, "request_id": request_id}
    return Answer(status, orjson.dumps(body))


class LwaEndpoint:
    """Exchanges refresh tokens and client secrets for access tokens."""

    def __init__(self, applications: Sequence[Application], sellers: Sequence[DemoSeller], desk: TokenDesk) -> None:
        self._applications = {application.client_id: application for application in applications}
        self._sellers = {seller.refresh_token: seller for seller in sellers}
        self._desk = desk

    def __call__(self, request: Request, request_id: str) -> tuple[Answer, str | None]:
        """Answer a token request; also return the selling partner whom it is for, when there is one."""
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/x-www-form-urlencoded":
            return self._invalid_request("The Content-Type must be application/x-www-form-urlencoded", request_id)
        pairs = parse_query(request.body)
        form = dict(pairs)
        if len(form) != len(pairs):
            return self._invalid_request("The request has a repeated parameter", request_id)
        for name in ("grant_type", "client_id", "client_secret"):
            if not form.get(name):
                return self._invalid_request(f"The request is missing a required parameter : {name}", request_id)
        application = self._applications.get(form["client_id"])
        if application is None or not hmac.compare_digest(
            application.client_secret.encode(), form["client_secret"].encode()
        ):
            return lwa_error(401, "invalid_client", "Client authentication failed", request_id), None
        grant = form["grant_type"]
        if grant not in _KNOWN_GRANTS:
            description = f"The grant type is not supported by the authorization server : {grant}"
            return lwa_error(400, "unsupported_grant_type", description, request_id), None
        if grant not in application.grants:
            description = "The client is not authorized to request a token with this grant type"
            return lwa_error(400, "unauthorized_client", description, request_id), None
        if grant == CLIENT_CREDENTIALS_GRANT:
            return self._grantless(application, form, request_id)
        return self._refresh(application, form, request_id)

    def _refresh(self, application: Application, form: dict[str, str], request_id: str) -> tuple[Answer, str | None]:
        refresh_token = form.get("refresh_token", "")
        if not refresh_token:
            return self._invalid_request("The request is missing a required parameter : refresh_token", request_id)
        seller = self._sellers.get(refresh_token)
        if seller is None:
            return lwa_error(400, "invalid_grant", INVALID_GRANT, request_id), None
        body = {
            "access_token": self._desk.issue(application.client_id, seller),
            "refresh_token": refresh_token,
            "token_type": "bearer",
            "expires_in": self._desk.lifetime,
        }
        return Answer(200, orjson.dumps(body)), seller.selling_partner_id

    def _grantless(
        self, application: Application, form: dict[str, str], request_id: str
    ) -> tuple[Answer, str | None]:
        if form.get("scope") not in SCOPES:
            return lwa_error(400, "invalid_scope", "The request has an invalid parameter : scope", request_id), None
        body = {
            "access_token": self._desk.issue(application.client_id, None),
            "token_type": "bearer",
            "expires_in": self._desk.lifetime,
        }
        return Answer(200, orjson.dumps(body)), None

    @staticmethod
    def _invalid_request(description: str, request_id: str) -> tuple[Answer, str | None]:
        return lwa_error(400, "invalid_request", description, request_id), None
