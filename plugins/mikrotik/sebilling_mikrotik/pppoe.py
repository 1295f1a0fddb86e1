"""PPPoE: the secret's profile becomes isolir (walled garden), or the secret is disabled; its sessions are ended."""

from collections.abc import Mapping
from typing import ClassVar

from sebilling_mikrotik.accounts import AccountConfig, AccountDriver


class PppoeDriver(AccountDriver[AccountConfig]):
    """Cuts by `/ppp/secret`. `remote-address` is kept for people; it is never set, so an address changed meanwhile stays."""

    kind: ClassVar[str] = "mikrotik.pppoe"
    title: ClassVar[str] = "MikroTik PPPoE"
    config_model: ClassVar[type[AccountConfig]] = AccountConfig
    service_kinds: ClassVar[Mapping[str, str]] = {"PPPOE": "PPPoE name (of the secret)"}
    menu: ClassVar[str] = "/ppp/secret"
    saved: ClassVar[tuple[str, ...]] = ("profile", "disabled", "remote-address")
    profile_menu: ClassVar[str] = "/ppp/profile"
    session_menus: ClassVar[Mapping[str, str]] = {"/ppp/active": "name"}
    ended_on_restore: ClassVar[tuple[str, ...]] = ("/ppp/active",)
    step: ClassVar[str] = "step 3a"
