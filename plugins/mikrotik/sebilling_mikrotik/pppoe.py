"""Block a PPPoE secret: set its profile to isolir (walled garden) or disable it, and end its sessions."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sebilling.plugins.contract import Sentence, Subscriber

from sebilling_mikrotik.accounts import AccountConfig, AccountDriver
from sebilling_mikrotik.reading import PROFILES, SECRETS, subscribers


class PppoeDriver(AccountDriver[AccountConfig]):
    """Block by `/ppp/secret`. `remote-address` is stored only for information; it is never set, so an address changed meanwhile stays."""

    kind: ClassVar[str] = "mikrotik.pppoe"
    title: ClassVar[Sentence] = Sentence("MikroTik PPPoE", "PPPoE MikroTik")
    config_model: ClassVar[type[AccountConfig]] = AccountConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"PPPOE": Sentence("PPPoE name (of the secret)", "nama PPPoE (dari secret)")}
    menu: ClassVar[str] = "/ppp/secret"
    saved: ClassVar[tuple[str, ...]] = ("profile", "disabled", "remote-address")
    profile_menu: ClassVar[str] = "/ppp/profile"
    session_menus: ClassVar[Mapping[str, str]] = {"/ppp/active": "name"}
    ended_on_restore: ClassVar[tuple[str, ...]] = ("/ppp/active",)
    step: ClassVar[Sentence] = Sentence("step 3a", "langkah 3a")

    async def read_customers(self) -> Sequence[Subscriber]:
        """Read every secret in one round trip. Passwords are never requested. Raises DeviceError."""
        secrets, profiles = await self.session.tables(SECRETS, PROFILES)
        self.context.logger.info("mikrotik_read menu=%s rows=%d", SECRETS[0], len(secrets))
        garden = self.config.profile if self.config.method == "profile" else None
        return subscribers(secrets, profiles, service_kind="PPPOE", garden=garden)
