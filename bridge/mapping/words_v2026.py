"""Orders v2026-01-01's words for what MWS had words for."""

from collections.abc import Mapping
from types import MappingProxyType

from bridge.mapping.choices_v2026 import TAX_NUMBER_NAMES
from bridge.mapping.ways import Words

__all__ = [
    "ADDRESS_TYPES",
    "CHANNELS",
    "CONDITIONS",
    "CONDITION_SUBTYPES",
    "EASY_SHIP",
    "EASY_SHIP_PROGRAM",
    "PICKUP_POINT",
    "REGISTRATION_TYPES",
    "SERVICE_LEVELS",
    "STATUSES",
]

#: fulfillmentStatus → OrderStatus
STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "PENDING_AVAILABILITY": "PendingAvailability",
        "PENDING": "Pending",
        "UNSHIPPED": "Unshipped",
        "PARTIALLY_SHIPPED": "PartiallyShipped",
        "SHIPPED": "Shipped",
        "CANCELLED": "Canceled",
        "UNFULFILLABLE": "Unfulfillable",
    }
)
#: fulfilledBy → FulfillmentChannel
CHANNELS: Mapping[str, str] = MappingProxyType({"MERCHANT": "MFN", "AMAZON": "AFN"})

#: fulfillmentServiceLevel → ShipmentServiceLevelCategory
SERVICE_LEVELS = {
    "EXPEDITED": "Expedited",
    "FREE_ECONOMY": "FreeEconomy",
    "NEXT_DAY": "NextDay",
    "PRIORITY": "Priority",
    "SAME_DAY": "SameDay",
    "SECOND_DAY": "SecondDay",
    "SCHEDULED": "Scheduled",
    "STANDARD": "Standard",
}

#: packageStatus.detailedStatus → EasyShipShipmentStatus and packageStatus.status, the least advanced first.
EASY_SHIP = {
    "PENDING_SCHEDULE": ("PendingSchedule", "PENDING"),
    "PENDING_PICK_UP": ("PendingPickUp", "PENDING"),
    "PENDING_DROP_OFF": ("PendingDropOff", "PENDING"),
    "LABEL_CANCELLED": ("LabelCanceled", "CANCELLED"),
    "PICKED_UP": ("PickedUp", "IN_TRANSIT"),
    "DROPPED_OFF": ("DroppedOff", "IN_TRANSIT"),
    "AT_ORIGIN_FC": ("AtOriginFC", "IN_TRANSIT"),
    "AT_DESTINATION_FC": ("AtDestinationFC", "IN_TRANSIT"),
    "OUT_FOR_DELIVERY": ("OutForDelivery", "IN_TRANSIT"),
    "LOST": ("Lost", "UNDELIVERABLE"),
    "DAMAGED": ("Damaged", "UNDELIVERABLE"),
    "UNDELIVERABLE": ("Undeliverable", "UNDELIVERABLE"),
    "REJECTED_BY_BUYER": ("RejectedByBuyer", "UNDELIVERABLE"),
    "RETURNING_TO_SELLER": ("ReturningToSeller", "UNDELIVERABLE"),
    "RETURNED_TO_SELLER": ("ReturnedToSeller", "UNDELIVERABLE"),
    "DELIVERED": ("Delivered", "DELIVERED"),
}
EASY_SHIP_PROGRAM = "AMAZON_EASY_SHIP"

#: conditionType → ConditionId, conditionSubtype → ConditionSubtypeId
CONDITIONS = {word.upper(): word for word in ("New", "Used", "Collectible", "Refurbished", "Preorder", "Club")}
CONDITION_SUBTYPES = {
    word.upper().replace(" ", "_"): word
    for word in (
        "New",
        "Mint",
        "Very Good",
        "Good",
        "Acceptable",
        "Poor",
        "Club",
        "OEM",
        "Warranty",
        "Refurbished Warranty",
        "Refurbished",
        "Open Box",
        "Any",
        "Other",
    )
}

#: addressType → AddressType; MWS had no word for a pickup point.
PICKUP_POINT = "PICKUP_POINT"
ADDRESS_TYPES = Words({"RESIDENTIAL": "Residential", "COMMERCIAL": "Commercial"}, frozenset({PICKUP_POINT}))
REGISTRATION_TYPES = Words(TAX_NUMBER_NAMES)
