"""Accounts with sessions and profiles: the common part of PPPoE secrets and hotspot users.

Blocked by profile, the customer keeps a session in the walled garden; blocked by disabling, they have none. A session keeps the profile
with which it began, so it is ended after each change. If the isolir profile names an address list, the router lists there the address
of each session in the walled garden.
"""

import abc
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final, Literal, TypeVar

from pydantic import Field
from sebilling.plugins.contract import NOT_A_DESTINATION, DeviceError, Fault, Job, Outcome, Ref, Sentence, indonesian

from sebilling_mikrotik.bulk import Change
from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.faults import Trap, Unanswered
from sebilling_mikrotik.rates import pair_bps, ref_bps
from sebilling_mikrotik.rows import RowDriver, View, lacking, was
from sebilling_mikrotik.session import Command


class AccountConfig(RouterConfig, frozen=True):
    """Settings of the router, the method, and the walled garden's profile."""

    method: Literal["profile", "disable"] = Field(
        default="profile",
        description="profile: a walled garden; disable: dark.",
        json_schema_extra=indonesian("Cara isolir", "profile: halaman isolir; disable: mati total.", NOT_A_DESTINATION),
    )
    profile: str = Field(
        default="isolir", min_length=1, max_length=128, description="Name of the walled garden's profile.",
        json_schema_extra=indonesian("Profil isolir", "Nama profil halaman isolir.", NOT_A_DESTINATION),
    )  # fmt: skip


A = TypeVar("A", bound=AccountConfig)
_SEVERAL_FIT: Final = Sentence(
    "Restored with the profile from before: several profiles carry the plan's new speed. Set the account's profile by hand.",
    "Dipulihkan dengan profil sebelumnya: ada beberapa profil dengan kecepatan paket baru. Atur profil akunnya secara manual.",
)
_NONE_FITS: Final = Sentence(
    "Restored with the profile from before: no profile carries the plan's new speed. Set the account's profile by hand.",
    "Dipulihkan dengan profil sebelumnya: tidak ada profil dengan kecepatan paket baru. Atur profil akunnya secara manual.",
)


class AccountDriver(RowDriver[A], abc.ABC):
    """Block an account by its profile, or by disabling it."""

    profile_menu: ClassVar[str]
    session_menus: ClassVar[Mapping[str, str]]
    """Menus whose rows are removed → field with the account's name. The first menu contains the sessions."""
    ended_on_restore: ClassVar[tuple[str, ...]]
    step: ClassVar[Sentence]

    @property
    def _by_profile(self) -> bool:
        return self.config.method == "profile"

    def _no_profile(self) -> DeviceError:
        name, menu = self.config.profile, self.profile_menu
        return lacking(Sentence(f"the profile '{name}' in {menu}", f"profil '{name}' di {menu}"), self.step)

    def blocked_fields(self) -> Mapping[str, str]:
        return {"profile": self.config.profile} if self._by_profile else {"disabled": "true"}

    async def view(self, refs: Sequence[Ref]) -> View:
        names = ",".join((".id", self.key_field, *self.saved))
        sessions_menu, name_field = next(iter(self.session_menus.items()))
        rows, sessions, profiles, listed = await self.session.tables(
            self.asked(self.menu, names, self.key_field, refs),
            self.asked(sessions_menu, f".id,{name_field},address", name_field, refs),
            (f"{self.profile_menu}/print", "=.proplist=name,rate-limit,address-list"),
            ("/ip/firewall/address-list/print", "=.proplist=list,address", "?dynamic=true"),
        )
        view = View()
        for row in rows:
            view.rows[row.get(self.key_field, "")].append(row)
        for row in sessions:
            view.sessions[row.get(name_field, "")].append(row)
        view.profiles = {row.get("name", ""): row for row in profiles}
        if garden := view.profiles.get(self.config.profile, {}).get("address-list"):
            view.walled = frozenset(row.get("address", "") for row in listed if row.get("list") == garden)
        return view

    def open_sessions(self, view: View, ref: Ref) -> bool:
        sessions = view.sessions.get(ref.key, ())
        if not self._by_profile:
            return bool(sessions)
        return view.walled is not None and any(row.get("address") not in view.walled for row in sessions)

    def walled_sessions(self, view: View, ref: Ref) -> bool:
        return (
            self._by_profile
            and view.walled is not None
            and any(row.get("address") in view.walled for row in view.sessions.get(ref.key, ()))
        )

    def alive(self, view: View, ref: Ref) -> Collection[str]:
        return [row.get(".id", "") for row in view.sessions.get(ref.key, ())]

    def judge_block(self, view: View, job: Job) -> Outcome | Change:
        if self._by_profile and self.config.profile not in view.profiles:
            raise self._no_profile()
        return super().judge_block(view, job)

    def target(self, view: View, job: Job) -> tuple[Mapping[str, str], Sentence | None]:
        target, message = super().target(view, job)
        if not (self._by_profile and job.plan_changed):
            return target, message
        speed, old = ref_bps(job.ref), was(job.snapshot, "profile")
        if speed is None:
            return target, Sentence(
                "The plan's speed isn't known: restored with the profile from before.",
                "Kecepatan paketnya tidak diketahui: dipulihkan dengan profil sebelumnya.",
            )
        fitting = [
            name for name, row in view.profiles.items() if name != self.config.profile and pair_bps(row.get("rate-limit", "")) == speed
        ]
        if old in fitting:
            return target, message
        if len(fitting) != 1:
            return target, _SEVERAL_FIT if fitting else _NONE_FITS
        return {"profile": fitting[0]}, Sentence(
            f"Restored with the profile '{fitting[0]}', which carries the plan's new speed.",
            f"Dipulihkan dengan profil '{fitting[0]}' yang kecepatannya sesuai paket baru.",
        )

    async def kick(self, changes: Sequence[Change], *, restoring: bool) -> tuple[dict[int, frozenset[str]], dict[int, DeviceError]]:
        if not changes or (restoring and not self._by_profile):  # a disabled account has no session
            return {}, {}
        ids = {change.job.ref.key: change.job.ref.id for change in changes}
        refs = [change.job.ref for change in changes]
        menus = [menu for menu in self.session_menus if not restoring or menu in self.ended_on_restore]
        tables = await self.session.tables(*(self.asked(m, f".id,{self.session_menus[m]}", self.session_menus[m], refs) for m in menus))
        commands: list[tuple[int, Command]] = []
        ended: dict[int, set[str]] = {}
        for menu, rows in zip(menus, tables, strict=True):
            for row in rows:
                if (ref_id := ids.get(row.get(self.session_menus[menu], ""))) is None:
                    continue
                commands.append((ref_id, (f"{menu}/remove", f"=.id={row['.id']}")))
                if menu == next(iter(self.session_menus)):
                    ended.setdefault(ref_id, set()).add(row[".id"])
        errors: dict[int, DeviceError] = {}
        async for ref_id, answer in self.session.each(commands):
            if isinstance(answer, DeviceError) and answer.fault is not Fault.ABSENT:  # it ended by itself meanwhile
                kind = DeviceError if isinstance(answer, Trap) else Unanswered  # whether it was sent or not, the preceding change was made
                errors[ref_id] = kind(
                    answer.fault,
                    Sentence(
                        f"Changed, but its session wasn't ended. {answer.message.english}",
                        f"Sudah diubah, tetapi sesinya belum diputus. {answer.message.indonesian}",
                    ),
                    retryable=True,
                )
        return {ref_id: frozenset(session_ids) for ref_id, session_ids in ended.items()}, errors

    async def setup_problems(self) -> Sequence[Sentence]:
        if not self._by_profile:
            return ()
        rows = await self.session.rows(f"{self.profile_menu}/print", "=.proplist=name,address-list", f"?name={self.config.profile}")
        if not rows:
            return (self._no_profile().message,)
        garden = rows[0].get("address-list", "")
        if not garden:
            return (
                Sentence(
                    f"The profile '{self.config.profile}' names no address list, so blocked sessions can't be recognized:"
                    f" README, {self.step.english}.",
                    f"Profil '{self.config.profile}' tidak menyebut address list, jadi sesi yang diisolir tidak bisa dikenali:"
                    f" README, {self.step.indonesian}.",
                ),
            )
        if not await self.mentions(garden):
            return (
                Sentence(
                    f"No firewall rule that is on looks at the address list '{garden}': nobody would be held back."
                    f" README, {self.step.english}.",
                    f"Tidak ada aturan firewall aktif yang memakai address list '{garden}': tidak ada yang akan tertahan."
                    f" README, {self.step.indonesian}.",
                ),
            )
        return ()
