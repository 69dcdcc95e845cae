"""Settings: TOML files, with secrets by value, from the environment, or from files. All faults at once."""

from bridge.settings.fields import check_origin
from bridge.settings.loading import load_settings, parse_settings
from bridge.settings.models import (
    AccessKeySettings,
    AdminSettings,
    ApplicationSettings,
    OrderCacheSettings,
    RevokedSettings,
    SellerSettings,
    ServerSettings,
    Settings,
    SettingsError,
    UpstreamSettings,
)

__all__ = [
    "AccessKeySettings",
    "AdminSettings",
    "ApplicationSettings",
    "OrderCacheSettings",
    "RevokedSettings",
    "SellerSettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "UpstreamSettings",
    "check_origin",
    "load_settings",
    "parse_settings",
]
