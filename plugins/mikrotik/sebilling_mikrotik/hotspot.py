"""Block a hotspot user: disable it or move it to the isolir profile, end its session and remove its cookie, which allows a new login."""

from collections.abc import Mapping
from typing import ClassVar

from sebilling.plugins.contract import Sentence

from sebilling_mikrotik.accounts import AccountConfig, AccountDriver


class HotspotDriver(AccountDriver[AccountConfig]):
    """Block by `/ip/hotspot/user`. A restore keeps the cookie, so that the customer is back without typing a password."""

    kind: ClassVar[str] = "mikrotik.hotspot"
    title: ClassVar[Sentence] = Sentence("MikroTik hotspot", "Hotspot MikroTik")
    config_model: ClassVar[type[AccountConfig]] = AccountConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"HOTSPOT": Sentence("hotspot user name", "nama pengguna hotspot")}
    menu: ClassVar[str] = "/ip/hotspot/user"
    saved: ClassVar[tuple[str, ...]] = ("profile", "disabled")
    profile_menu: ClassVar[str] = "/ip/hotspot/user/profile"
    session_menus: ClassVar[Mapping[str, str]] = {"/ip/hotspot/active": "user", "/ip/hotspot/cookie": "user"}
    ended_on_restore: ClassVar[tuple[str, ...]] = ("/ip/hotspot/active",)
    step: ClassVar[Sentence] = Sentence("step 3c", "langkah 3c")
