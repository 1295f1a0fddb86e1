"""Figures of recapChanged, the dashboard and a run's progress."""

import random
import time
import uuid
from typing import Any

from sebilling.billing import corrections
from tests.live.conftest import Site
from tests.live.watching import watching
from tests.processes import HttpApi

FIGURES = "counter { code } invoices totalBilled allocated writtenOff outstanding payments reversed totalReceived credit cashOnHand"
RECAP = f'subscription {{ recapChanged(month: "2026-02") {{ cursor recaps {{ {FIGURES} }} }} }}'
SAME = f'{{ recap(month: "2026-02") {{ {FIGURES} }} }}'


async def asked(site: Site, document: str) -> Any:
    api = HttpApi(site.a.address, site.admin)
    try:
        return await api.ask(document)
    finally:
        await api.http.aclose()


async def opened(site: Site) -> None:
    if await site.isp.value("SELECT count(*) FROM period WHERE month = DATE '2026-02-01'") == 0:
        await site.isp.open()


async def test_figures_are_right_after_any_order_of_events_and_come_twice_a_second_at_most(site: Site) -> None:
    isp, chance = site.isp, random.Random(7)
    await opened(site)
    customers = [await isp.customer(counter=chance.choice(["LKT01", "LKT02"])) for _ in range(6)]
    await isp.generate()
    async with watching(site.b.address, site.admin) as watcher:
        await watcher.subscribe(RECAP)
        first = await watcher.next()
        assert first["recaps"] == await asked(site, SAME)
        paid: list[int] = []
        began = time.monotonic()
        while time.monotonic() - began < 3:
            deed = chance.random()
            if deed < 0.7 or not paid:
                recorded = await isp.pay(chance.choice(customers), chance.choice([10_000, 150_000, 200_000]))
                paid.append(recorded.payment_id)
            else:
                async with isp.write() as session:
                    chosen = paid.pop(chance.randrange(len(paid)))
                    await corrections.reverse_payment(session, chosen, reason="salah", key=str(uuid.uuid4()))
        took = time.monotonic() - began
        wanted, messages, told = await asked(site, SAME), 0, first
        while told["recaps"] != wanted:
            told = await watcher.next()
            messages += 1
        await watcher.nothing()
        assert 1 <= messages <= took * 2 + 3, messages


async def test_a_dashboard_and_what_comes_behind_its_cursor_is_everything(site: Site) -> None:
    await opened(site)
    customer = await site.isp.customer()
    figures = "counter { code } month receivedToday paymentsToday outstanding cashOnHand blockedCustomers"
    board = await asked(site, f"{{ dashboard {{ cursor counters {{ {figures} }} }} }}")
    assert [one["counter"]["code"] for one in board["counters"]] == ["LKT01", "LKT02"]
    paid = await site.isp.pay(customer, 4_000)
    async with watching(site.b.address, site.admin) as watcher:
        await watcher.subscribe("subscription($after: String) { paymentRecorded(after: $after) { payment { id } } }", after=board["cursor"])
        while (await watcher.next())["payment"]["id"] != f"pay_{paid.payment_id}":
            pass


async def test_a_run_is_followed_to_its_end(site: Site) -> None:
    await opened(site)
    await site.isp.customer()
    await site.isp.generate()
    (run_id,) = await site.isp.rows("SELECT max(id) FROM generation_run")
    async with watching(site.a.address, site.admin) as watcher:
        document = "subscription($run: ID!) { generationProgress(runId: $run) { run { status progress { done total } } } }"
        await watcher.subscribe(document, run=f"run_{run_id[0]}")
        told = await watcher.next()
        assert told["run"]["status"] == "FINISHED"
        assert told["run"]["progress"]["done"] == told["run"]["progress"]["total"]
        assert (await watcher.message())["type"] == "complete"
