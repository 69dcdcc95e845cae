"""Usage plans: a token bucket for each operation, application and selling partner (reference 1.1 and 7)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate` requests a second on average, `burst` at once."""

    rate: float
    burst: int


STATIC_SANDBOX: Final = "staticSandbox"
PLANS: Final[dict[str, Plan]] = {
    "getOrders": Plan(0.0167, 20),
    "getOrder": Plan(0.5, 30),
    "getOrderBuyerInfo": Plan(0.5, 30),
    "getOrderAddress": Plan(0.5, 30),
    "getOrderItems": Plan(0.5, 30),
    "getOrderItemsBuyerInfo": Plan(0.5, 30),
    "searchOrders": Plan(0.0056, 20),
    "getOrder2026": Plan(0.5, 30),
    "createRestrictedDataToken": Plan(1, 10),
    STATIC_SANDBOX: Plan(5, 15),
}


class UsagePlans:
    """The buckets; each starts full."""

    def __init__(self, clock: Callable[[], float], *, enforced: bool, rate_scale: float) -> None:
        self._clock = clock
        self._enforced = enforced
        self._scale = rate_scale
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}

    def rate(self, operation: str) -> float:
        """Return the requests a second that an operation is granted."""
        return PLANS[operation].rate * self._scale

    def take(self, operation: str, client_id: str, selling_partner_id: str) -> bool:
        """Take one request out of its bucket; False when there is none left."""
        if not self._enforced:
            return True
        plan = PLANS[operation]
        key = (operation, client_id, selling_partner_id)
        now = self._clock()
        level, since = self._buckets.get(key, (float(plan.burst), now))
        level = min(float(plan.burst), level + max(0.0, now - since) * self.rate(operation))
        # A hair's breadth of tolerance: n sums of rate × time must not fall short of one by a rounding error.
        granted = level >= 1 - 1e-9
        self._buckets[key] = (level - 1 if granted else level, now)
        return granted
