"""Whether traffic follows the tables: sessions that go on as they began, and those that radacct may not show."""

from collections.abc import Sequence

from sebilling.plugins.contract import Reading, Sentence, State

from sebilling_radius.customers import Customer
from sebilling_radius.mark import Mark
from sebilling_radius.radacct import Session


def reading(state: State, detail: Sentence, customer: Customer, up: Sequence[Session], current_mark: Mark | None) -> Reading:
    """Return the reading of a customer whose rows are in this state; `up` are open sessions that aren't."""
    blocked = state is State.BLOCKED
    known = [session for session in up if current_mark is None or session.id not in current_mark.denied]
    if known:
        why = Sentence("but a session from before may be up", "tetapi sesi sebelumnya mungkin masih berjalan")
        if not blocked:
            why = Sentence("but a session may still be blocked", "tetapi mungkin ada sesi yang masih terisolir")
        return Reading(state, _with(detail, why, named(known)), in_effect=False)
    if up:
        why = Sentence(
            "but radacct shows a session that its NAS denies", "tetapi radacct menunjukkan sesi yang tidak diakui NAS-nya"
        )  # fmt: skip
        waits = [session.quiet_in_seconds for session in up if session.quiet_in_seconds is not None]
        return Reading(state, _with(detail, why, named(up)), None, max(waits) + 1 if len(waits) == len(up) else None)
    if current_mark is not None and current_mark.doubt and not customer.accounting.has_passed(current_mark.at):
        why = Sentence(
            "radacct shows no session, but may not show all: looked at again after an accounting interval",
            "radacct tidak menunjukkan sesi, tetapi mungkin tidak lengkap: dilihat lagi setelah satu interval accounting",
        )
        look_again = customer.accounting.seconds_until_passed(current_mark.at)
        return Reading(
            state, Sentence(f"{detail.english}; {why.english}", f"{detail.indonesian}; {why.indonesian}"), None, look_again
        )  # fmt: skip
    return Reading(state, detail, in_effect=True)


def named(sessions: Sequence[Session]) -> Sentence:
    """Name the first of these sessions."""
    english = ", ".join(f"'{session.acct_session_id}' on NAS {session.nas}" for session in sessions[:3])
    indonesian = ", ".join(f"'{session.acct_session_id}' di NAS {session.nas}" for session in sessions[:3])
    more = len(sessions) - 3
    return Sentence(english, indonesian) if more <= 0 else Sentence(f"{english} and {more} more", f"{indonesian} dan {more} lagi")


def _with(detail: Sentence, why: Sentence, which: Sentence) -> Sentence:
    return Sentence(
        f"{detail.english}, {why.english}: {which.english}", f"{detail.indonesian}, {why.indonesian}: {which.indonesian}"
    )  # fmt: skip
