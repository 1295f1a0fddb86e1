"""Generation runs: of one moment, over exactly who there was; a run that fails says so, starves nobody and can be abandoned."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from sebilling.actor import EVERYWHERE, operator
from sebilling.billing import charges, customers, generation, generation_failures, invariants, periods, plans, previews, settings
from sebilling.billing.charges import ChargeKind
from sebilling.clock import Month
from sebilling.db.engine import Database, WriteSession
from sebilling.errors import GenerationEnded, InvalidText, PreviewOutdated
from tests.harness import FEBRUARY, NOW, Api, Isp

MARCH = Month(2026, 3)


async def start(isp: Isp, month: Month = FEBRUARY, **options: Any) -> generation.Started:
    async with isp.write() as session:
        return await generation.start(session, month, **{"key": f"run-of-{month}", **options})


async def step(isp: Isp, run_id: int, chunk: int = 1) -> None:
    async with isp.write() as session:
        await generation.advance(session, chunk=chunk, run_id=run_id)


async def outcome(isp: Isp, run_id: int) -> previews.Counts:
    async with isp.database.reading() as session:
        return await generation.outcome(session, run_id)


async def token(isp: Isp) -> str:
    async with isp.database.reading() as session:
        found = await previews.preview(session, FEBRUARY, at=NOW, counters=None, scope=EVERYWHERE)
    return found.token(FEBRUARY, None)


async def test_who_commits_during_a_run_belongs_to_the_next_whatever_their_id(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.open()
    slow = customers.CustomerDetails(
        code="SLOW", name="Budi", counter_id=isp.counters["LKT01"], plan_id=isp.plan_id, installed_on=date(2025, 1, 1)
    )
    async with isp.write() as import_session:
        first = await customers.create(import_session, slow)
        there = await isp.customer()
        assert there > first, "the import took its id before, and commits later"
        run = await start(isp)
    for _ in range(3):
        await step(isp, run.run_id)
    assert await isp.value("SELECT finished_at IS NOT NULL FROM generation_run")
    assert (await outcome(isp, run.run_id)).issued == 1
    assert await isp.rows("SELECT customer_id FROM invoice") == [(there,)]
    assert await isp.generate(key="the-next-run") == previews.Counts(1, 1, {}, 150_000)
    await isp.check()


async def test_prices_settings_discounts_and_charges_are_those_of_the_start(database: Database) -> None:
    isp = await Isp.make(database)
    own = await isp.customer(price=100_000)
    second, third, fourth = [await isp.customer() for _ in range(3)]
    await isp.open()
    async with isp.write() as session:
        other = await plans.create(session, name="Home 50M", price=350_000)
        off, _ = await charges.discount(
            session, customer_id=third, amount=50_000, description="Promo", from_on=FEBRUARY.first, key="discount-1"
        )
        await charges.add(session, second, kind=ChargeKind.DEVICE, description="ONT", amount=25_000, key="charge-1")
    shown = await token(isp)
    run = await start(isp, preview_token=shown)
    async with isp.write() as session:
        await plans.update(session, isp.plan_id, price=999_999)
        await settings.change(session, tax_rate=Decimal(11))
        await customers.update(session, own, price=1)
        await customers.update(session, second, plan_id=other)
        await charges.end_discount(session, off, until_on=FEBRUARY.first)
        await charges.discount(
            session, customer_id=fourth, percent=Decimal(100), description="Promo", from_on=FEBRUARY.first, key="discount-2"
        )
        await charges.add(session, fourth, kind=ChargeKind.DEVICE, description="ONT", amount=77_000, key="charge-2")
    for _ in range(5):
        await step(isp, run.run_id)
    assert await isp.rows("SELECT customer_id, plan_name, total FROM invoice ORDER BY 1") == [
        (own, "Home 10M", 100_000), (second, "Home 10M", 175_000), (third, "Home 10M", 100_000), (fourth, "Home 10M", 150_000),
    ]  # fmt: skip
    assert shown.startswith("pre_4_525000_")
    await isp.check()


async def test_an_overdue_invoice_gets_a_fee_as_of_the_start_but_none_that_was_paid_before_the_issue(database: Database) -> None:
    isp = await Isp.make(database)
    debtor, payer = await isp.customer(), await isp.customer()
    await isp.open()
    await isp.generate()  # due on 20 February
    async with isp.write() as session:
        await settings.change(session, late_fee=10_000, late_fee_after_days=0)
    await isp.open(MARCH)
    at = datetime(2026, 2, 20, 3, tzinfo=UTC)
    async with isp.write(at) as session:
        before = await generation.start(session, MARCH, key="on-the-20th", customer_id=debtor)
        after = datetime(2026, 2, 21, 3, tzinfo=UTC)
    async with isp.write(after) as session:
        await generation.advance(session, chunk=9, run_id=before.run_id)
        run = await generation.start(session, MARCH, key="on-the-21st")
    await isp.pay(payer, 150_000, at=after)
    async with isp.write(after) as session:
        await generation.advance(session, chunk=9, run_id=run.run_id)
    totals = "SELECT customer_id, total FROM invoice JOIN period ON period.id = period_id WHERE month = :m ORDER BY 1"
    assert await isp.rows(totals, m=MARCH.first) == [(debtor, 150_000), (payer, 150_000)]


async def test_a_preview_that_no_longer_holds_starts_nothing_and_tells_the_figures(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.customer()
    await isp.open()
    shown = await token(isp)
    async with isp.write() as session:
        await plans.update(session, isp.plan_id, price=175_000)
    with pytest.raises(PreviewOutdated) as refused:
        await start(isp, preview_token=shown)
    assert {"Rp150.000", "Rp175.000", 1} <= set(refused.value.facts.values())
    shown_anew = await token(isp)
    await isp.customer(active=False)  # as many invoices, as much money, but one more is skipped
    with pytest.raises(PreviewOutdated):
        await start(isp, preview_token=shown_anew)
    with pytest.raises(InvalidText):
        await start(isp, preview_token="pre_1")
    assert await isp.value("SELECT count(*) FROM generation_run") == 0
    first = await start(isp, preview_token=await token(isp))
    again = await start(isp, preview_token=shown)
    assert (again.run_id, again.replayed) == (first.run_id, True), "the same click is answered as before, whatever changed since"


async def broken(isp: Isp, customer_id: int) -> None:
    """Let no invoice of this customer be written any more."""
    async with isp.write() as session:
        await session.execute(text(f"ALTER TABLE invoice ADD CONSTRAINT poison CHECK (customer_id <> {customer_id})"))


def worker(isp: Isp, at: datetime) -> Any:
    @asynccontextmanager
    async def transaction() -> AsyncIterator[WriteSession]:
        async with isp.database.transaction(actor=operator("worker"), at=at) as session:
            yield session

    return transaction


async def test_each_new_cause_of_a_failure_is_logged_whole_under_its_reference(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    isp = await Isp.make(database)
    await isp.customer()
    await isp.open()
    run = await start(isp)
    causes: list[Exception] = [RuntimeError("disk"), RuntimeError("disk"), GenerationEnded(field=("input",), given="run_1")]

    async def fails(*_: Any, **__: Any) -> bool:
        raise causes.pop(0)

    monkeypatch.setattr(generation, "_issue", fails)
    with capture_logs() as logged:
        for minutes in range(3):
            assert await generation.attempt(worker(isp, NOW + timedelta(minutes=minutes)), chunk=10) is generation.Attempt.FAILED
            told = {line["reference"] for line in logged if line["exc_info"]}
            assert await isp.value("SELECT error_reference FROM generation_run WHERE id = :id", id=run.run_id) in told
    assert [bool(line["exc_info"]) for line in logged] == [True, False, True], "and the same one only once"


async def test_a_run_that_fails_says_so_waits_ever_longer_and_lets_the_others_go_first(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    poisoned = await isp.customer(counter="LKT01")
    await isp.customer(counter="LKT02")
    await isp.open()
    await broken(isp, poisoned)
    bad = await start(isp, counters=[isp.counters["LKT01"]], key="bad-counter")
    good = await start(isp, counters=[isp.counters["LKT02"]], key="good-counter")
    attempts = [await generation.attempt(worker(isp, NOW), chunk=10) for _ in range(3)]
    assert attempts == [generation.Attempt.FAILED, generation.Attempt.MORE, generation.Attempt.NOTHING]
    assert (await outcome(isp, good.run_id)).issued == 1
    patient = await start(isp, counters=[isp.counters["LKT02"]], key="asked-later")
    assert await generation.attempt(worker(isp, NOW + timedelta(seconds=4)), chunk=10) is generation.Attempt.MORE
    assert (await outcome(isp, patient.run_id)).already_invoiced == 1
    waiting = await start(isp, counters=[isp.counters["LKT02"]], key="asked-last")
    assert await generation.attempt(worker(isp, NOW + timedelta(seconds=5)), chunk=10) is generation.Attempt.MORE
    assert (await outcome(isp, waiting.run_id)).already_invoiced == 1, "both are due, and the one that failed goes last"
    waits = []
    at = NOW
    for _ in range(12):
        at_next, error = (await isp.rows("SELECT next_at, error FROM generation_run WHERE id = :id", id=bad.run_id))[0]
        assert error == "INTERNAL"
        waits.append(int((at_next - at).total_seconds()))
        at = at_next
        assert await generation.attempt(worker(isp, at - timedelta(seconds=1)), chunk=10) is generation.Attempt.NOTHING
        assert await generation.attempt(worker(isp, at), chunk=10) is generation.Attempt.FAILED
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600]
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'generation.failed'") == 1
    async with database.reading() as session:
        findings = {finding.invariant.name: finding.rows async for finding in invariants.check(session) if finding.rows}
    assert findings == {"run_progress": 1}
    async with isp.write() as session:
        await session.execute(text("ALTER TABLE invoice DROP CONSTRAINT poison"))
    assert await generation.work(worker(isp, at), run_id=bad.run_id, chunk=10)
    assert (await outcome(isp, bad.run_id)).issued == 1
    recovered = await isp.rows("SELECT attempts, error, error_reference FROM generation_run WHERE id = :id", id=bad.run_id)
    assert recovered == [(0, None, None)]
    await isp.check()


RUN = "run { id status issued progress { done total } error errorReference attempts nextAttemptAt finishedAt abandonedAt abandonReason }"


async def test_the_click_whose_chunk_fails_is_told_the_run_and_it_can_be_abandoned(database: Database) -> None:
    isp = await Isp.make(database)
    customers_ = [await isp.customer() for _ in range(3)]
    await isp.open()
    await broken(isp, customers_[1])
    await step(isp, (await start(isp, key="a-click-that-fails")).run_id)  # as far as a server came that was then killed
    api = Api(database)
    await api.sign_in()
    click = f"mutation($i: GenerateInvoicesInput!) {{ generateInvoices(input: $i) {{ {RUN} errors {{ code }} }} }}"
    run = (await api.do(click, i={"month": "2026-02", "idempotencyKey": "a-click-that-fails"}))["run"]
    assert (run["status"], run["issued"], run["progress"], run["error"], run["attempts"]) == (
        "FAILING",
        1,
        {"done": 1, "total": 3},
        "INTERNAL",
        1,
    )
    assert run["errorReference"]
    assert run["nextAttemptAt"] == "2026-02-03T02:00:05.000Z"

    abandon = f"mutation($i: AbandonGenerationInput!) {{ abandonGeneration(input: $i) {{ {RUN} errors {{ code message field }} }} }}"
    ended = (await api.do(abandon, i={"runId": run["id"], "reason": "data rusak"}))["run"]
    assert (ended["status"], ended["issued"], ended["progress"]) == ("ABANDONED", 1, {"done": 1, "total": 3})
    assert (ended["abandonReason"], ended["finishedAt"], ended["error"], ended["attempts"]) == ("data rusak", None, None, 0)
    assert await api.refused(abandon, i={"runId": run["id"], "reason": "sekali lagi"}) == ("GENERATION_ENDED", ["input", "runId"])
    assert await isp.rows("SELECT data->>'done', data->>'total' FROM event WHERE kind = 'generation.abandoned'") == [("1", "3")]
    async with isp.write() as session:
        await session.execute(text("ALTER TABLE invoice DROP CONSTRAINT poison"))
    assert await generation.attempt(worker(isp, NOW + timedelta(days=1)), chunk=10) is generation.Attempt.NOTHING, "nobody takes it again"
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
    await isp.check()


async def test_abandoning_waits_for_the_chunk_under_way_and_a_finished_run_stays_finished(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.customer()
    await isp.open()
    run = await start(isp)
    async with isp.write() as session:
        await generation.advance(session, chunk=1, run_id=run.run_id)

        async def give_up() -> None:
            async with isp.write() as other:
                await generation_failures.abandon(other, run.run_id, reason="salah bulan")

        waiting = asyncio.create_task(give_up())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    with pytest.raises(GenerationEnded):
        await waiting
    assert (await outcome(isp, run.run_id)).issued == 1
