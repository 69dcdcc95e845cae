"""The application and the sellers that a sandbox knows when it is told of no others. No secret here is one."""

from dataclasses import dataclass
from typing import Final

from bridge.sandbox.marketplaces import BY_COUNTRY, Region

DEMO_CLIENT_ID: Final = "amzn1.application-oa2-client.sandbox00000000000000000000000000"
DEMO_CLIENT_SECRET: Final = "amzn1.oa2-cs.v1.sandbox-not-a-secret"  # noqa: S105 - a published demo value

ORDER_TRACKING: Final = "order-tracking"
DIRECT_TO_CONSUMER: Final = "direct-to-consumer"
TAX: Final = "tax"
ALL_ROLES: Final = frozenset({ORDER_TRACKING, DIRECT_TO_CONSUMER, TAX})

REFRESH_TOKEN_GRANT: Final = "refresh_token"  # noqa: S105 - the name of a grant
CLIENT_CREDENTIALS_GRANT: Final = "client_credentials"


@dataclass(frozen=True, slots=True)
class Application:
    """A registered application; `grants` are the OAuth grants that it may use."""

    client_id: str
    client_secret: str
    grants: frozenset[str] = frozenset({REFRESH_TOKEN_GRANT, CLIENT_CREDENTIALS_GRANT})


@dataclass(frozen=True, slots=True)
class DemoSeller:
    """A selling partner who has authorised the application.

    `roles` are what the authorisation covers: "order-tracking" opens the Orders API at all, "direct-to-consumer"
    the delivery address, "tax" the buyer's data.
    """

    selling_partner_id: str
    refresh_token: str
    region: Region
    marketplace_ids: tuple[str, ...]
    roles: frozenset[str]
    name: str


def _ids(*countries: str) -> tuple[str, ...]:
    return tuple(BY_COUNTRY[country].id for country in countries)


DEMO_APPLICATION: Final = Application(DEMO_CLIENT_ID, DEMO_CLIENT_SECRET)

DEMO_SELLERS: Final[tuple[DemoSeller, ...]] = (
    DemoSeller(
        "A1SANDBOXNA001",
        "Atzr|sandbox-na-001",
        "na",
        _ids("US", "CA", "MX", "BR"),
        ALL_ROLES,
        "Sandbox Goods North America",
    ),
    DemoSeller(
        "A1SANDBOXEU001",
        "Atzr|sandbox-eu-001",
        "eu",
        _ids("GB", "DE", "FR", "IT", "ES", "IN", "TR"),
        ALL_ROLES,
        "Sandbox Goods Europe",
    ),
    DemoSeller(
        "A1SANDBOXFE001",
        "Atzr|sandbox-fe-001",
        "fe",
        _ids("JP", "AU", "SG"),
        ALL_ROLES,
        "Sandbox Goods Far East",
    ),
    DemoSeller(
        "A1SANDBOXNOPII",
        "Atzr|sandbox-no-pii",
        "na",
        _ids("US"),
        frozenset({ORDER_TRACKING}),
        "Sandbox Goods without PII roles",
    ),
)
