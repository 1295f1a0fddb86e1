"""Hotspot: the user is disabled or moved to the isolir profile; its session is ended and its cookie, which would let it in again."""

from collections.abc import Mapping
from typing import ClassVar

from sebilling_mikrotik.accounts import AccountConfig, AccountDriver


class HotspotDriver(AccountDriver[AccountConfig]):
    """Cuts by `/ip/hotspot/user`. On restore the cookie stays: with it the customer is back without typing a password."""

    kind: ClassVar[str] = "mikrotik.hotspot"
    title: ClassVar[str] = "MikroTik hotspot"
    config_model: ClassVar[type[AccountConfig]] = AccountConfig
    service_kinds: ClassVar[Mapping[str, str]] = {"HOTSPOT": "hotspot user name"}
    menu: ClassVar[str] = "/ip/hotspot/user"
    saved: ClassVar[tuple[str, ...]] = ("profile", "disabled")
    profile_menu: ClassVar[str] = "/ip/hotspot/user/profile"
    session_menus: ClassVar[Mapping[str, str]] = {"/ip/hotspot/active": "user", "/ip/hotspot/cookie": "user"}
    ended_on_restore: ClassVar[tuple[str, ...]] = ("/ip/hotspot/active",)
    step: ClassVar[str] = "step 3c"
