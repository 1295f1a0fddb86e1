"""Accounts with sessions and profiles: the common part of PPPoE secrets and hotspot users.

Blocked by profile, the customer keeps a session in the walled garden; blocked by disabling, they have none. A session keeps the profile
with which it began, so it is ended after each change. The isolir profile names an address list: the router lists there the address of
each session in the walled garden, and a firewall rule stops what it sends.
"""

import abc
import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import ClassVar, Literal, TypeVar

from pydantic import Field
from sebilling.plugins.contract import NOT_A_DESTINATION, DeviceError, Fault, Job, Outcome, Ref, Sentence, indonesian

from sebilling_mikrotik.bulk import Change
from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.fields import quoted, was
from sebilling_mikrotik.firewall import fasttracked, read_firewall
from sebilling_mikrotik.profiles import profile_for
from sebilling_mikrotik.rows import MAX_ASKED, RowDriver, lacking
from sebilling_mikrotik.session import Command, Row
from sebilling_mikrotik.views import Online, View


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


class AccountDriver(RowDriver[A], abc.ABC):
    """Block an account by its profile, or by disabling it."""

    profile_menu: ClassVar[str]
    profile_fields: ClassVar[tuple[str, ...]] = ("name", "rate-limit", "address-list")
    server_menu: ClassVar[str] = ""
    """Menu of the servers that have a profile themselves; empty if there is none."""
    session_menus: ClassVar[Mapping[str, str]]
    """Menus whose rows are removed → field with the account's name. The first menu contains the sessions."""
    session_fields: ClassVar[tuple[str, ...]] = ("address",)
    ended_on_restore: ClassVar[tuple[str, ...]]
    step: ClassVar[Sentence]

    @property
    def by_profile(self) -> bool:
        """Whether blocked accounts have a session in the walled garden, rather than none."""
        return self.config.method == "profile"

    @property
    def _sessions(self) -> tuple[str, str]:
        """The menu of sessions, and its field with the account's name."""
        return next(iter(self.session_menus.items()))

    def _no_profile(self) -> DeviceError:
        name, menu = self.config.profile, self.profile_menu
        return lacking(Sentence(f"the profile '{name}' in {menu}", f"profil '{name}' di {menu}"), self.step)

    def blocked_fields(self) -> Mapping[str, str]:
        return {"profile": self.config.profile} if self.by_profile else {"disabled": "true"}

    async def view(self, refs: Sequence[Ref]) -> View:
        names = ",".join((".id", self.key_field, *self.saved, *self.looked_at))
        menu, name_field = self._sessions
        (rows, sessions, profiles), servers, firewall = await asyncio.gather(
            self.session.tables(
                self.asked(self.menu, names, self.key_field, refs),
                self.asked(menu, ",".join((".id", name_field, *self.session_fields)), name_field, refs),
                (f"{self.profile_menu}/print", f"=.proplist={','.join(self.profile_fields)}"),
            ),
            self._servers(),
            read_firewall(self.session),
        )
        view = View(firewall=firewall, profiles={row.get("name", ""): row for row in profiles}, inherited=servers)
        self.take(view, rows, sessions)
        await self._look_at_blocked(view)
        return view

    async def _servers(self) -> frozenset[str]:
        """Return the profiles of the servers that are on."""
        if not self.server_menu:
            return frozenset()
        rows = await self.session.rows_if_known(f"{self.server_menu}/print", "=.proplist=default-profile", "?disabled=false")
        return frozenset(row.get("default-profile", "default") for row in rows or ())

    def take(self, view: View, rows: Sequence[Row], sessions: Sequence[Row]) -> None:
        """Put the accounts and sessions that belong to customers into the view."""
        for row in rows:
            view.rows[row.get(self.key_field, "")].append(row)
        for row in sessions:
            view.sessions[row.get(self._sessions[1], "")].append(row)

    async def _look_at_blocked(self, view: View) -> None:
        """Read which sessions are in the walled garden, and which connections of blocked customers bypass it."""
        blocked = {name for name, rows in view.rows.items() if any(self._holds(row, self.blocked_fields()) for row in rows)}
        of_blocked = {row.get("address", "") for name in blocked for row in view.sessions.get(name, ())} - {""}
        addresses = {row.get("address", "") for rows in view.sessions.values() for row in rows} - {""}
        if self.by_profile and addresses and (garden := view.profiles.get(self.config.profile, {}).get("address-list")):
            few = sorted(addresses) if len(addresses) <= MAX_ASKED else []
            listed = await self.session.rows(
                "/ip/firewall/address-list/print", "=.proplist=address", f"?list={garden}", "?dynamic=true",
                *(f"?address={address}" for address in few), *("?#|" for _ in few[1:]),
            )  # fmt: skip
            view.walled = frozenset(row.get("address", "") for row in listed)
        if view.firewall is not None:
            view.passing = await fasttracked(self.session, view.firewall, of_blocked)

    def online(self, view: View, ref: Ref, row: Row) -> Online | None:
        sessions = view.sessions.get(ref.key, ())
        if any(not self.by_profile or session.get("address") not in view.walled for session in sessions):
            return Online(Sentence("the session from before is still up", "sesi sebelumnya masih berjalan"), endable=True)
        if any(session.get("address") in view.passing for session in sessions):
            return Online(Sentence("connections from before are in FastTrack", "koneksi sebelumnya masih di FastTrack"), endable=True)
        problem = (self.garden_problem(view) if self.by_profile else None) or self.ipv6_problem(view, row)
        return None if problem is None else Online(problem)

    def walled_sessions(self, view: View, ref: Ref) -> bool:
        return self.by_profile and any(row.get("address") in view.walled for row in view.sessions.get(ref.key, ()))

    def alive(self, view: View, ref: Ref) -> Collection[str]:
        return [row.get(".id", "") for row in view.sessions.get(ref.key, ())]

    def gate(self, view: View) -> None:
        if not self.by_profile:
            return
        if self.config.profile not in view.profiles:
            raise self._no_profile()
        if (problem := self.garden_problem(view)) is not None:
            raise DeviceError(Fault.SETUP, problem, retryable=False)

    def garden_problem(self, view: View) -> Sentence | None:
        """Return why sessions in the walled garden aren't held back; None if they are."""
        name, profile = self.config.profile, view.profiles.get(self.config.profile)
        if profile is None or view.firewall is None:
            return self._no_profile().message
        if not (garden := profile.get("address-list", "")):
            paste = f"`{self.profile_menu.replace('/', ' ').replace(' ', '/', 1)} set [find name={quoted(name)}] address-list=ISOLIR`"
            return Sentence(
                f"The profile '{name}' names no address list, so blocked sessions aren't held back (README, {self.step.english})."
                f" Paste on the router: {paste}",
                f"Profil '{name}' tidak menyebut address list, jadi sesi yang diisolir tidak tertahan (README, {self.step.indonesian})."
                f" Tempel di router: {paste}",
            )
        return view.firewall.wall_problem(garden)

    def ipv6_problem(self, view: View, row: Row | None) -> Sentence | None:
        """Return why IPv6 gets past the walled garden; None if it doesn't. `row`: of one account; None: of any."""
        del view, row
        return None

    def planned(self, view: View, row: Mapping[str, str], ref: Ref) -> Mapping[str, str] | Sentence:
        garden = self.config.profile if self.by_profile else None
        name = profile_for(view.profiles, ref, present=row.get("profile"), garden=garden)
        return {"profile": name} if isinstance(name, str) else name

    def target(self, view: View, job: Job) -> tuple[Mapping[str, str], Sentence | None]:
        target, message = super().target(view, job)
        if not (self.by_profile and job.plan_changed):
            return target, message
        fields = self.planned(view, job.snapshot, job.ref)
        if isinstance(fields, Sentence):
            before = Sentence("Restored with the profile from before.", "Dipulihkan dengan profil sebelumnya.")
            return target, Sentence(f"{before.english} {fields.english}", f"{before.indonesian} {fields.indonesian}")
        if fields["profile"] == was(job.snapshot, "profile"):
            return target, message
        return fields, Sentence(
            f"Restored with the profile '{fields['profile']}', which carries the plan's new speed.",
            f"Dipulihkan dengan profil '{fields['profile']}' yang kecepatannya sesuai paket baru.",
        )

    def reclaimed(self, view: View, row: Row, ref: Ref) -> Mapping[str, str] | Sentence:
        return self.planned(view, row, ref) if self.by_profile else super().reclaimed(view, row, ref)

    async def apply_plan(self, refs: Sequence[Ref]) -> AsyncIterator[Outcome]:
        """Give each active account the one profile with its plan's speed, and end its session, which keeps the old one."""
        jobs = [Job(ref, {}, plan_changed=True) for ref in refs]
        async for outcome in self._run(jobs, self.judge_plan, restoring=True):
            yield outcome

    async def kick(self, changes: Sequence[Change], *, restoring: bool) -> tuple[dict[int, frozenset[str]], dict[int, DeviceError]]:
        if not changes:
            return {}, {}
        ids = {change.job.ref.key: change.job.ref.id for change in changes}
        refs = [change.job.ref for change in changes]
        view = await self.view(refs)
        cookies = [menu for menu in self.session_menus if menu != self._sessions[0] and (not restoring or menu in self.ended_on_restore)]
        tables = await self.session.tables(*(self.asked(m, f".id,{self.session_menus[m]}", self.session_menus[m], refs) for m in cookies))
        commands: list[tuple[int, Command]] = [
            (ids[row[self.session_menus[menu]]], (f"{menu}/remove", f"=.id={row['.id']}"))
            for menu, rows in zip(cookies, tables, strict=True)
            for row in rows
            if row.get(self.session_menus[menu]) in ids
        ]
        sessions = [(ids[name], row) for name, rows in view.sessions.items() if name in ids for row in rows]
        commands += [(ref_id, (f"{self._sessions[0]}/remove", f"=.id={row['.id']}")) for ref_id, row in sessions]
        errors = await self.end_sessions(commands)
        passing = [(ref_id, command) for ref_id, row in sessions for command in view.passing.get(row.get("address", ""), ())]
        errors |= await self.end(passing)
        ended: dict[int, set[str]] = {}
        for ref_id, row in sessions:
            ended.setdefault(ref_id, set()).add(row[".id"])
        return {ref_id: frozenset(session_ids) for ref_id, session_ids in ended.items()}, errors

    async def setup_problems(self) -> Sequence[Sentence]:
        view = await self.view([])
        problem = self.garden_problem(view) if self.by_profile else None
        return [sentence for sentence in (problem, self.ipv6_problem(view, None)) if sentence is not None]
