"""Common part of all five drivers: the session, and the probe of the router's one-time setup."""

import abc
from collections.abc import Sequence
from typing import Final, TypeVar

from sebilling.plugins.contract import DeviceError, DeviceHealth, Fault, IsolationDriver, Sentence

from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.durations import seconds_of
from sebilling_mikrotik.faults import Trap
from sebilling_mikrotik.session import Command, Session

R = TypeVar("R", bound=RouterConfig)
_AWAY: Final = (Fault.UNREACHABLE, Fault.TIMEOUT)
_UNKNOWN: Final = Sentence("unknown", "tidak diketahui")
_NEEDED: Final = ("api", "read", "write")
_NO_TLS: Final = Sentence(
    "TLS is off: the password and every name cross the network readable. Turn API-SSL on (README, step 1) and set tls.",
    "TLS mati: kata sandi dan semua nama lewat jaringan tanpa sandi. Aktifkan API-SSL (README, langkah 1) lalu nyalakan tls.",
)
_FACTS: Final[tuple[tuple[Sentence, Command, tuple[str, ...]], ...]] = (
    (
        Sentence("resource", "Sumber daya router"),
        ("/system/resource/print", "=.proplist=version,board-name,uptime"),
        ("version", "board-name", "uptime"),
    ),
    (Sentence("clock", "Jam router"), ("/system/clock/print", "=.proplist=date,time,time-zone-name"), ("date", "time", "time-zone-name")),
)


class RouterDriver(IsolationDriver[R], abc.ABC):
    """A driver with one session. Subclasses implement how a customer is blocked."""

    _session: Session | None = None

    async def open(self) -> None:
        if self._session is None:
            self._session = await Session.connect(self.config)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @property
    def session(self) -> Session:
        """The open session. Raises DeviceError if there is none, which is an error of the caller, not of the router."""
        if self._session is None:
            raise DeviceError(
                Fault.UNREACHABLE,
                Sentence("There is no open session: call open first.", "Tidak ada sesi yang terbuka: panggil open dulu."),
                retryable=True,
            )
        return self._session

    async def probe(self) -> DeviceHealth:
        opened = self._session is None
        try:
            await self.open()
            return await self._health()
        except DeviceError as error:
            self.context.logger.warning("mikrotik_probe_failed fault=%s", error.fault)
            return DeviceHealth(reachable=error.fault not in _AWAY, problems=(error.message, *self._tls_problem()))
        finally:
            if opened:
                await self.close()

    def _tls_problem(self) -> tuple[Sentence, ...]:
        return () if self.config.tls else (_NO_TLS,)

    async def _health(self) -> DeviceHealth:
        problems = list(self._tls_problem())
        facts: dict[str, Sentence | str] = {"identity": self.session.identity}
        for what, command, names in _FACTS:
            try:
                row = next(iter(await self.session.rows(*command)), {})
            except Trap as error:
                problems.append(
                    Sentence(
                        f"The {what.english} can't be read: {error.message.english}",
                        f"{what.indonesian} tidak bisa dibaca: {error.message.indonesian}",
                    )
                )
                continue
            facts |= {name: row[name] for name in names if name in row}
        facts["permissions"], lacking = await self._permissions()
        problems += lacking
        problems += await self.setup_problems()
        uptime = seconds_of(str(facts.get("uptime", "")))
        return DeviceHealth(reachable=True, problems=tuple(problems), facts=facts, uptime_seconds=uptime)

    async def _permissions(self) -> tuple[Sentence | str, Sequence[Sentence]]:
        """Return the policies of our user's group, and what is missing. Unknown for a RADIUS user, who isn't in the router's table."""
        name = self.config.username
        try:
            user = next(iter(await self.session.rows("/user/print", "=.proplist=name,group", f"?name={name}")), None)
            if user is None:
                return _UNKNOWN, ()
            group = next(iter(await self.session.rows("/user/group/print", "=.proplist=name,policy", f"?name={user.get('group', '')}")), {})
        except Trap:
            return _UNKNOWN, ()
        policies = [policy for policy in group.get("policy", "").split(",") if policy and policy[0] != "!"]
        missing = [policy for policy in _NEEDED if policy not in policies]
        problem = Sentence(
            f"The user's group lacks the policies {', '.join(missing)}: `/user group set` (README, step 2).",
            f"Grup penggunanya tidak punya policy {', '.join(missing)}: `/user group set` (README, langkah 2).",
        )
        return ",".join(policies), (problem,) if missing else ()

    @abc.abstractmethod
    async def setup_problems(self) -> Sequence[Sentence]:
        """Return what is missing in the router's one-time setup for this method, each with its remedy. Changes nothing."""


def is_yes(value: str | None) -> bool:
    """Whether a printed value is true. RouterOS prints `true` or, in old versions and some menus, `yes`."""
    return value in {"true", "yes"}


def same(first: str | None, second: str | None) -> bool:
    """Whether two printed values are equal: `yes` equals `true`, and a missing value equals `no`."""
    return first == second or (is_yes(first) and is_yes(second)) or (_no(first) and _no(second))


def _no(value: str | None) -> bool:
    return value in {"false", "no", None}
