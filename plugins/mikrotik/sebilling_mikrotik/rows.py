"""Methods that change one row of a menu: a PPP secret, a hotspot user, a queue, a lease.

`blocked_fields` returns the fields that block the customer. Only these are set, and restored from the snapshot.
"""

import abc
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, TypeVar

from sebilling.plugins.contract import DeviceError, Fault, Job, Outcome, Reading, Ref, Result, Sentence, Snapshot, State

from sebilling_mikrotik.bulk import BulkDriver, Change, refused
from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes, same
from sebilling_mikrotik.fields import BOOLEANS, sent, was
from sebilling_mikrotik.session import Command, Row
from sebilling_mikrotik.views import Online, View

R = TypeVar("R", bound=RouterConfig)
MAX_ASKED: Final = 32
"""Up to this many keys are queried by name; beyond that, reading the whole table is cheaper for the router."""


class RowDriver(BulkDriver[R, View], abc.ABC):
    """Base of drivers whose customer is one row of `menu`."""

    menu: ClassVar[str]
    key_field: ClassVar[str] = "name"
    saved: ClassVar[tuple[str, ...]]
    """Fields of a snapshot."""
    looked_at: ClassVar[tuple[str, ...]] = ()
    """Further fields that decide whether a block is in effect."""

    @abc.abstractmethod
    def blocked_fields(self) -> Mapping[str, str]:
        """Return the fields that block a customer's row, and their values."""

    def target(self, view: View, job: Job) -> tuple[Mapping[str, str], Sentence | None]:
        """Return the fields that restore the row, and a remark for the outcome."""
        del view
        return {name: was(job.snapshot, name) for name in self.blocked_fields()}, None

    def planned(self, view: View, row: Mapping[str, str], ref: Ref) -> Mapping[str, str] | Sentence:
        """Return the fields that give a row its plan's speed, or what to do by hand. `row` may be a snapshot."""
        del view, row, ref
        return Sentence("Its speed isn't on this row.", "Kecepatannya tidak ada di baris ini.")

    def unfit(self, row: Row) -> tuple[Fault, Sentence] | None:
        """Return why this method can't block this row, if it can't."""
        del row
        return None

    def canonical(self, key: str) -> str:
        """Normalize a key to the spelling of the table."""
        return key

    def equal(self, field_name: str, first: str | None, second: str | None) -> bool:
        """Whether two printed values of a field are equal."""
        return same(first, second) if field_name in BOOLEANS else first == second

    def asked(self, menu: str, names: str, field_name: str, refs: Sequence[Ref]) -> Command:
        """Return the print command of a menu: by name for few keys, nothing for none, the whole table for many."""
        keys = [self.canonical(ref.key) for ref in refs] or [""]
        few = (*(f"?{field_name}={key}" for key in keys), *("?#|" for _ in keys[1:])) if len(keys) <= MAX_ASKED else ()
        return (f"{menu}/print", f"=.proplist={names}", *few)

    async def view(self, refs: Sequence[Ref]) -> View:
        view = View()
        names = ",".join(dict.fromkeys((".id", self.key_field, *self.saved, *self.looked_at, "dynamic")))
        for row in await self.session.rows(*self.asked(self.menu, names, self.key_field, refs)):
            view.rows[self.canonical(row.get(self.key_field, ""))].append(row)
        return view

    def _only(self, view: View, ref: Ref) -> Row | Outcome:
        rows = view.rows.get(self.canonical(ref.key), ())
        if len(rows) == 1:
            return rows[0]
        if not rows:
            return self.missing(view, ref)
        return refused(
            ref,
            Fault.AMBIGUOUS,
            Sentence(
                f"{self.menu} has {len(rows)} of that '{self.key_field}': leave one.",
                f"{self.menu} punya {len(rows)} baris dengan '{self.key_field}' itu: sisakan satu.",
            ),
        )

    def missing(self, view: View, ref: Ref) -> Outcome:
        """Return the outcome for a customer without a row."""
        del view
        unknown = Sentence(f"{self.menu} has no such '{self.key_field}'.", f"{self.menu} tidak punya '{self.key_field}' itu.")
        return refused(ref, Fault.ABSENT, unknown)

    def _holds(self, row: Mapping[str, str], fields: Mapping[str, str]) -> bool:
        return all(self.equal(name, row.get(name), value) for name, value in fields.items())

    def dark(self, row: Row, snapshot: Snapshot | None) -> bool:
        """Whether the row was disabled by hand: then it has no access whatever we do."""
        was_on = snapshot is None or not is_yes(snapshot.get("disabled"))
        return "disabled" not in self.blocked_fields() and is_yes(row.get("disabled")) and was_on

    def gate(self, view: View) -> None:
        """Raise DeviceError if the router lacks the setup without which nobody who is blocked would be offline."""
        del view

    def online(self, view: View, ref: Ref, row: Row) -> Online | None:
        """Return why the customer is online though the row is blocked; None if they are offline."""
        del view, ref, row
        return None

    def walled_sessions(self, view: View, ref: Ref) -> bool:
        """Whether a still blocked session is running. False if unknown."""
        del view, ref
        return False

    def kept(self, view: View, ref: Ref) -> Snapshot | None:
        row = self._only(view, ref)
        if isinstance(row, Outcome):
            return None
        return {name: was(row, name) for name in self.saved if name in row or name in BOOLEANS}

    def state(self, view: View, ref: Ref, snapshot: Snapshot | None) -> Reading:
        row = self._only(view, ref)
        if isinstance(row, Outcome):
            return Reading(State.ABSENT if row.fault is Fault.ABSENT else State.DRIFTED, row.message)
        told = ", ".join(f"{name}='{row.get(name, '')}'" for name in self.blocked_fields())
        plain = Sentence(told, told)
        if self._holds(row, self.blocked_fields()):
            if (online := self.online(view, ref, row)) is None:
                return Reading(State.BLOCKED, plain, in_effect=True)
            told_online = Sentence(f"{told}, but {online.why.english}", f"{told}, tetapi {online.why.indonesian}")
            return Reading(State.BLOCKED, told_online, in_effect=False, look_again_seconds=online.look_again_seconds)
        if self.dark(row, snapshot) or (snapshot is not None and not self._is_restored(view, row, Job(ref, snapshot))):
            return Reading(
                State.DRIFTED,
                Sentence(
                    f"{told}, disabled={row.get('disabled', '')}: neither as before nor blocked",
                    f"{told}, disabled={row.get('disabled', '')}: tidak seperti semula dan tidak terisolir",
                ),
            )
        if self.walled_sessions(view, ref):
            return Reading(
                State.ACTIVE,
                Sentence(f"{told}, but the session is still in the walled garden", f"{told}, tetapi sesinya masih di halaman isolir"),
                in_effect=False,
            )
        return Reading(State.ACTIVE, plain, in_effect=True)

    def _is_restored(self, view: View, row: Row, job: Job) -> bool:
        """Whether the row is as in the snapshot, or has the plan's new speed."""
        if self._holds(row, {name: was(job.snapshot, name) for name in self.blocked_fields()}):
            return True
        return self._holds(row, self.target(view, Job(job.ref, job.snapshot, plan_changed=True))[0])

    def judge_block(self, view: View, job: Job) -> Outcome | Change:
        self.gate(view)
        row = self._only(view, job.ref)
        if isinstance(row, Outcome):
            return row
        if self._holds(row, self.blocked_fields()):
            # A session from before: an earlier call died between changing the row and ending the session, or somebody's hand started it.
            online = self.online(view, job.ref, row)
            kick = online is not None and online.endable
            return Change(job, (), self.blocked_fields(), kick=True) if kick else Outcome(job.ref.id, Result.UNCHANGED)
        reason = self.unfit(row) or self._unsaid(job)
        if reason is None and not self._holds(row, {name: was(job.snapshot, name) for name in self.blocked_fields()}):
            reason = (
                Fault.DRIFTED,
                Sentence(
                    "It was changed by hand since the snapshot: look at it, it was left alone.",
                    "Diubah manual sejak snapshot: periksa; isinya dibiarkan.",
                ),
            )
        return (
            Change(job, (self._set(row, self.blocked_fields()),), self.blocked_fields(), kick=True)
            if reason is None
            else refused(job.ref, *reason)
        )

    def judge_restore(self, view: View, job: Job) -> Outcome | Change:
        row = self._only(view, job.ref)
        if isinstance(row, Outcome):
            return row
        if not job.snapshot:  # we never blocked it: if it is blocked, somebody else did that, unless the snapshot was lost
            return self._reclaim(view, job, row) if job.reclaim else Outcome(job.ref.id, Result.UNCHANGED)
        reason = self._unsaid(job)
        if reason is None and self.dark(row, job.snapshot):
            reason = (
                Fault.DRIFTED,
                Sentence("It was disabled by hand: look at it, it was left alone.", "Dinonaktifkan manual: periksa; isinya dibiarkan."),
            )
        if reason is not None:
            return refused(job.ref, *reason)
        target, message = self.target(view, job)
        if self._holds(row, target):
            walled = not self._holds(row, self.blocked_fields()) and self.walled_sessions(view, job.ref)
            return Change(job, (), target, kick=True, message=message) if walled else Outcome(job.ref.id, Result.UNCHANGED, message=message)
        if self._holds(row, self.blocked_fields()) or self._is_restored(view, row, job):
            return Change(job, (self._set(row, target),), target, kick=True, message=message)
        return refused(
            job.ref,
            Fault.DRIFTED,
            Sentence(
                "It was changed by hand since it was blocked and was left alone: check it on the device.",
                "Diubah manual sejak diisolir, dan dibiarkan: periksa di perangkatnya.",
            ),
        )

    def _reclaim(self, view: View, job: Job, row: Row) -> Outcome | Change:
        """Plan a restore without a snapshot: to the plan's speed, if the row is as only SeBilling leaves it."""
        if not self._holds(row, self.blocked_fields()):
            return Outcome(job.ref.id, Result.UNCHANGED)
        fields = self.reclaimed(view, row, job.ref)
        if isinstance(fields, Sentence):
            return refused(job.ref, Fault.SETUP, fields)
        return Change(job, (self._set(row, fields),), fields, kick=True)

    def reclaimed(self, view: View, row: Row, ref: Ref) -> Mapping[str, str] | Sentence:
        """Return the fields that restore a row without its snapshot, or what to do by hand."""
        del view, row, ref
        set_by = ", ".join(f"{name}={sent(name, value)}" for name, value in self.blocked_fields().items())
        return Sentence(
            f"Its row in {self.menu} has {set_by}, but nothing tells that SeBilling set it. Change it back by hand.",
            f"Barisnya di {self.menu} berisi {set_by}, tetapi tidak ada tanda bahwa SeBilling yang mengaturnya. Kembalikan secara manual.",
        )

    def judge_plan(self, view: View, job: Job) -> Outcome | Change:
        """Plan what gives an active row its plan's speed."""
        row = self._only(view, job.ref)
        if isinstance(row, Outcome):
            return row
        if self._holds(row, self.blocked_fields()):
            blocked = Sentence(
                "It is blocked, and gets its speed when it is restored.", "Sedang diisolir; kecepatannya diatur saat dibuka."
            )
            return refused(job.ref, Fault.REFUSED, blocked)
        if (reason := self.unfit(row)) is not None:
            return refused(job.ref, *reason)
        fields = self.planned(view, row, job.ref)
        if isinstance(fields, Sentence):
            return refused(job.ref, Fault.SETUP, fields)
        if self._holds(row, fields):
            return Outcome(job.ref.id, Result.UNCHANGED)
        return Change(job, (self._set(row, fields),), fields, kick=True)

    def _unsaid(self, job: Job) -> tuple[Fault, Sentence] | None:
        unsaid = [name for name in self.blocked_fields() if name not in job.snapshot]
        return (
            (
                Fault.REFUSED,
                Sentence(
                    f"The snapshot doesn't say {', '.join(unsaid)}: nothing to restore from.",
                    f"Snapshot tidak memuat {', '.join(unsaid)}: tidak bisa dipulihkan.",
                ),
            )
            if unsaid
            else None
        )

    def proven(self, view: View, change: Change) -> Outcome | None:
        row = self._only(view, change.job.ref)
        if isinstance(row, Outcome):
            return row
        if self._holds(row, change.wanted):
            online = self.online(view, change.job.ref, row) if change.wanted == self.blocked_fields() else None
            if online is None or not online.endable:
                return None
            return refused(
                change.job.ref,
                Fault.REFUSED,
                Sentence(f"Changed, but {online.why.english}.", f"Sudah diubah, tetapi {online.why.indonesian}."),
                retryable=True,
            )
        values = ", ".join(f"{name}='{row.get(name, '')}'" for name in change.wanted)
        return refused(
            change.job.ref,
            Fault.DRIFTED,
            Sentence(f"The router took the change, but reads {values}.", f"Router menerima perubahan, tetapi terbaca {values}."),
            retryable=True,
        )

    def _set(self, row: Row, fields: Mapping[str, str]) -> Command:
        """Send only fields that differ: RouterOS may refuse to set a field even to its current value."""
        words = (f"={name}={sent(name, value)}" for name, value in fields.items() if not self.equal(name, row.get(name), value))
        return (f"{self.menu}/set", f"=.id={row['.id']}", *words)


def lacking(what: Sentence, step: Sentence) -> DeviceError:
    """Return the error for a router whose one-time setup is incomplete."""
    return DeviceError(
        Fault.SETUP,
        Sentence(
            f"The router lacks {what.english}: see the README, {step.english}.",
            f"Router tidak punya {what.indonesian}: lihat README, {step.indonesian}.",
        ),
        retryable=False,
    )
