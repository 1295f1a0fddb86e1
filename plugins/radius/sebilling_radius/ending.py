"""End the sessions of customers whose rows were just written, or of whom some are left; return what may still be up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sebilling.plugins.contract import Fault, Result, Sentence

from sebilling_radius.answers import Answer, Failure
from sebilling_radius.config import RadiusConfig
from sebilling_radius.effect import named
from sebilling_radius.radacct import Accounting, Radacct, Session, by_key
from sebilling_radius.sessions import Ender


@dataclass(slots=True)
class Ending:
    """One customer's sessions: those to end, and the answers to that."""

    doomed: Sequence[Session]
    open_now: Sequence[Session]
    unsure: bool
    """Whether a session may be up that radacct doesn't show; then their latest one is asked about, and any under their name."""
    hidden: Session | None = None
    answers: dict[int, Answer | Failure] = field(default_factory=dict)
    by_name: bool = False
    """Whether a session under their name was ended."""
    at: int = 0
    """When, in seconds since 1970 by the database's clock."""
    patience_seconds: float | None = None

    @property
    def ended(self) -> bool:
        """Whether any session was ended."""
        return self.by_name or Answer.ENDED in self.answers.values()

    @property
    def left(self) -> list[int]:
        """Ids of sessions that may still be up."""
        return [session.id for session in self.doomed if not self._is_gone(session)]

    @property
    def denied(self) -> frozenset[int]:
        """Ids of those of which the NAS says that it has no such session."""
        return frozenset(session_id for session_id in self.left if self.answers[session_id] is Answer.DENIED)

    @property
    def doubt(self) -> bool:
        """Whether a session may still be up that radacct doesn't show."""
        return self.unsure and not self.ended

    def _is_gone(self, session: Session) -> bool:
        answer = self.answers[session.id]
        return answer is Answer.ENDED or (answer is Answer.DENIED and session.quiet)

    @property
    def failure(self) -> Failure | None:
        """Why it isn't known that all are ended; the plainest reason. None if it is known."""
        failures = [answer for session_id in self.left if isinstance(answer := self.answers[session_id], Failure)]
        if failures:
            return min(failures, key=lambda failure: failure.result is Result.UNKNOWN)
        if self.left:
            which = named([session for session in self.doomed if session.id in self.left])
            wait = "" if self.patience_seconds is None else f"{self.patience_seconds / 60:.0f}"
            english = f"isn't updated for {wait} minutes, or its row is closed" if wait else "has its row closed"
            indonesian = f"tidak diperbarui selama {wait} menit, atau barisnya ditutup" if wait else "barisnya ditutup"
            why = Sentence(
                f"The NAS says that it has no such session, but radacct shows it: {which.english}. It counts as ended once it {english}.",
                f"NAS tidak mengakui sesi itu, tetapi radacct menunjukkannya: {which.indonesian}. Dianggap berakhir setelah {indonesian}.",
            )
            return Failure(Result.UNKNOWN, Fault.REFUSED, why, retryable=True)
        if self.doubt:
            why = Sentence(
                "radacct shows no session and no reported end of the last one, and no NAS ended any: looked at again after an accounting"
                " interval. Check that NASes send accounting.",
                "radacct tidak menunjukkan sesi maupun akhir sesi terakhir yang dilaporkan, dan tidak ada NAS yang mengakhiri sesi: dilihat"
                " lagi setelah satu interval accounting. Pastikan NAS mengirim accounting.",
            )
            return Failure(Result.UNKNOWN, Fault.REFUSED, why, retryable=True)
        return None


async def end(config: RadiusConfig, radacct: Radacct, endings: Mapping[str, Ending], change: Mapping[str, str] | None) -> None:
    """End the sessions of each customer, by key. Raises DeviceError if radacct can't be read."""
    unsure = [key for key, ending in endings.items() if ending.unsure]
    last = await radacct.last_sessions(unsure)
    accounting = await radacct.accounting()
    for key in unsure:
        _decide(endings[key], last.get(key), accounting)
    for ending in endings.values():
        ending.at, ending.patience_seconds = int(accounting.now), accounting.patience_seconds
    asked = [session for ending in endings.values() for session in ending.doomed]
    hidden = [ending.hidden for ending in endings.values() if ending.hidden is not None]
    async with Ender(config) as ender:
        answers = await ender.end(asked, change)
        answers |= await ender.end(hidden)
        for ending in endings.values():
            sessions = [*ending.doomed, ending.hidden] if ending.hidden is not None else ending.doomed
            ending.answers = {session.id: answers[session.id] for session in sessions}
        spellings = {key: [key, *_spelled(last.get(key))] for key in unsure if endings[key].doubt}
        if spellings:
            for key in await ender.end_by_name(spellings, {session.nas for session in [*asked, *hidden]}):
                endings[key].by_name = True


def _decide(ending: Ending, last: Session | None, accounting: Accounting) -> None:
    """A customer whose latest session the NAS itself reported as ended is offline, as long as accounting works."""
    if last is not None and last.reported_end and accounting.works:
        ending.unsure = False
    elif last is not None and all(session.id != last.id for session in ending.open_now):
        ending.hidden = last


def _spelled(last: Session | None) -> Sequence[str]:
    return () if last is None else (last.username,)


def endings_by_key(sessions: Sequence[Session], keys: Sequence[str]) -> Mapping[str, Sequence[Session]]:
    """Return the open sessions of each key."""
    grouped = by_key(sessions)
    return {key: grouped.get(key, ()) for key in keys}
