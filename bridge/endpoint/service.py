"""A bridge at work: its endpoint, new accounts for it while it runs, and what it can tell about itself."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bridge.endpoint.access import AccessBook, AccessKey, SellerAccess
from bridge.endpoint.app import Endpoint
from bridge.endpoint.versions import Versions
from bridge.settings import Settings
from bridge.state.fallback import FallbackState
from bridge.state.interface import State
from bridge.upstream.accounts import Application, Seller
from bridge.upstream.client import SpApi
from bridge.watch.survey import SellerState, StoreKind, Survey
from mws_compat.signature import AMAZON_HOSTS

__all__ = ["Service", "book_of", "sellers_of"]


def sellers_of(settings: Settings) -> dict[str, Seller]:
    """The configured sellers by id. ``settings`` must have passed validation: one region each."""
    applications = {
        application.name: Application(application.client_id, application.client_secret.get_secret_value())
        for application in settings.application
    }
    return {
        seller.seller_id: Seller(
            seller.seller_id,
            applications[seller.application],
            seller.refresh_token.get_secret_value(),
            next(iter(seller.regions)),
            seller.marketplaces,
            seller.upstream,
        )
        for seller in settings.seller
    }


def book_of(settings: Settings, sellers: Mapping[str, Seller]) -> AccessBook:
    """The access keys, and whom each may reach."""
    return AccessBook(
        [
            AccessKey(
                key.id,
                key.secret.get_secret_value(),
                {
                    id_: SellerAccess(
                        sellers[id_],
                        key.mws_auth_tokens[id_].get_secret_value() if id_ in key.mws_auth_tokens else "",
                    )
                    for id_ in key.sellers
                },
            )
            for key in settings.access_key
        ],
        aliases=(*settings.server.hosts, *AMAZON_HOSTS),
        deviant_encodings=settings.server.accept_deviant_signatures,
        ends=settings.ends,
    )


class Service:
    """``in_flight`` counts the requests at work; ``now`` gives the time. ``configuration_faults`` and ``draining``
    are set by whoever runs the service, and only told on."""

    def __init__(
        self,
        endpoint: Endpoint,
        api: SpApi,
        versions: Versions,
        state: State,
        sellers: Mapping[str, Seller],
        *,
        in_flight: Callable[[], int],
        now: Callable[[], datetime],
    ) -> None:
        self.endpoint = endpoint
        self.configuration_faults: tuple[str, ...] = ()
        self.draining = False
        self._api = api
        self._versions = versions
        self._state = state
        self._sellers = sellers
        self._in_flight = in_flight
        self._now = now
        self._since = now()

    def take_over(self, settings: Settings) -> None:
        """Serve the accounts of ``settings`` from the next request on. Requests that are under way end as they
        began; tokens, usage plans and kept orders of sellers that stay are kept."""
        sellers = sellers_of(settings)
        self.endpoint.book = book_of(settings, sellers)
        self._sellers = sellers

    def survey(self) -> Survey:
        """What the bridge is like at this moment."""
        now = self._now()
        store, since = self._store(now)
        return Survey(
            sellers=tuple(self._seen(now)),
            store=store,
            store_since=since.timestamp(),
            in_flight=self._in_flight(),
            configuration_faults=self.configuration_faults,
            draining=self.draining,
        )

    def _store(self, now: datetime) -> tuple[StoreKind, datetime]:
        if not isinstance(self._state, FallbackState):
            return "memory", self._since
        gone_for = self._state.gone_for
        if not gone_for:
            return "shared", self._since
        return "alone", now - timedelta(seconds=gone_for)

    def _seen(self, now: datetime) -> list[SellerState]:
        """The sellers for whom something went upstream lately."""
        seen = []
        for seller_id in self._api.throttle.seen(_LATELY):
            seller = self._sellers.get(seller_id)
            if seller is not None:
                seen.append(
                    SellerState(
                        seller_id,
                        self._versions.in_force(seller, now),
                        self._versions.why(seller, now),
                        self._api.throttle.levels(seller),
                        self._api.tokens.age(seller),
                    )
                )
        return seen


#: Seconds for which a seller is told of after the last call for it.
_LATELY = 3600.0
