"""Give active customers the speed of their plan: a row of their own if their group has another, and a CoA-Request to running sessions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sebilling.plugins.contract import Fault, Outcome, Ref, Result, Sentence

from sebilling_radius import plans, rates
from sebilling_radius.answers import Answer, Failure
from sebilling_radius.faults import left_alone
from sebilling_radius.radacct import Session, by_key
from sebilling_radius.sessions import Ender
from sebilling_radius.standing import Standing

if TYPE_CHECKING:
    from sebilling_radius.driver import RadiusDriver

_ACTIVE: Final = frozenset({Standing.FREE, Standing.RESTORED})
_FAULTS: Final = {Standing.ABSENT: Fault.ABSENT, Standing.DRIFTED: Fault.DRIFTED, Standing.AMBIGUOUS: Fault.AMBIGUOUS}


async def apply_plan(driver: "RadiusDriver[Any]", refs: Sequence[Ref]) -> AsyncIterator[Outcome]:
    """Yield one outcome per ref. Raises DeviceError if the rows can't be written."""
    outcomes, speeds = await _written(driver, refs)
    for outcome in outcomes:
        yield outcome
    pushed = [ref for ref in refs if ref.key in speeds]
    radacct = await driver.radacct()
    sessions = by_key(await radacct.open_sessions([ref.key for ref in pushed]))
    answers: dict[int, Answer | Failure] = {}
    async with Ender(driver.config) as ender:
        for speed in {rates.written(ref) for ref in pushed}:
            same = [session for ref in pushed if rates.written(ref) == speed for session in sessions.get(ref.key, ())]
            answers |= await ender.end(same, {rates.ATTRIBUTE: speed or ""})
    for ref in pushed:
        yield _outcome(ref, speeds[ref.key], sessions.get(ref.key, ()), answers)


async def _written(driver: "RadiusDriver[Any]", refs: Sequence[Ref]) -> tuple[list[Outcome], Mapping[str, plans.Speed]]:
    """Write the rows; return the outcomes of those who can't have their speed, and the speeds of the others."""
    outcomes: list[Outcome] = []
    async with driver.database.transaction():
        view = await driver.view(refs)
        speeds = await plans.read(driver.database, driver.tables, driver.config.matching, refs, view)
        for ref in refs:
            standing, why = driver.stands(view, ref, None)
            if standing in _ACTIVE and speeds[ref.key].reached:
                continue
            speed = speeds.pop(ref.key, None)
            message = speed.message if standing in _ACTIVE and speed is not None else left_alone(why)
            outcomes.append(Outcome(ref.id, Result.FAILED, _FAULTS.get(standing, Fault.REFUSED), message))
        await plans.write(driver.database, driver.tables, speeds)
    return outcomes, speeds


def _outcome(ref: Ref, speed: plans.Speed, sessions: Sequence[Session], answers: Mapping[int, Answer | Failure]) -> Outcome:
    result = Result.CHANGED if speed.writes else Result.UNCHANGED
    for session in sessions:
        answer = answers[session.id]
        if isinstance(answer, Failure):
            why = Sentence(
                f"The row is written, but a running session keeps its speed until it ends. {answer.message.english}",
                f"Barisnya sudah ditulis, tetapi sesi yang berjalan memakai kecepatan lama sampai berakhir. {answer.message.indonesian}",
            )
            return Outcome(ref.id, answer.result, answer.fault, why, retryable=answer.retryable)
        if answer is Answer.DENIED and not session.quiet:
            why = Sentence(
                f"The row is written, but NAS {session.nas} denies a session that radacct shows: it may keep its speed until it ends.",
                f"Barisnya sudah ditulis, tetapi NAS {session.nas} tidak mengakui sesi di radacct: mungkin memakai kecepatan lama sampai"
                " berakhir.",
            )
            return Outcome(ref.id, Result.UNKNOWN, Fault.REFUSED, why, retryable=True)
    return Outcome(ref.id, result, message=speed.message)
