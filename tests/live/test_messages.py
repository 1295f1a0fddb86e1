"""What the other subscriptions tell: deposits and isolation, each step of them, to who may see it."""

from typing import Any

import pytest
from sqlalchemy import text

from sebilling import keys
from sebilling.actor import Actor, Role, Scope
from sebilling.billing import deposits
from sebilling.billing.deposits import DepositType
from sebilling.billing.isolation import blocks
from sebilling.network import accesses, devices
from sebilling.vault import Vault
from tests.harness import NOW, SECRET_KEY, make_user
from tests.isolation import gear
from tests.live.conftest import Site
from tests.live.watching import token_of, watching

DEPOSITS = "subscription { depositChanged { eventId kind deposit { id amount status counter { code } } } }"
REASONS = "subscription { isolationChanged { access { blockReason { amount } } } }"
ISOLATION = "subscription { isolationChanged { eventId kind access { key desired manual customer { code } } } }"


async def teller(site: Site, name: str, counter: str) -> Actor:
    """A collector of this counter with cash on hand."""
    async with site.isp.write() as session:
        user_id = await make_user(session, name, Role.COLLECTOR, counter)
    return Actor(user_id, name, Role.COLLECTOR, Scope(frozenset({site.isp.counters[counter]})))


async def deposited(site: Site, by: Actor, counter: str, amount: int) -> int:
    """A deposit that waits."""
    async with site.isp.database.transaction(actor=by, at=NOW) as session:
        found = await deposits.submit(
            session, counter_id=site.isp.counters[counter], amount=amount, type=DepositType.MANUAL, key=f"deposit-{by.name}-{amount}"
        )
    return found.deposit_id


async def test_each_step_of_a_deposit_is_told_at_its_counter(site: Site) -> None:
    here, there = await teller(site, "budi-setor", "LKT01"), await teller(site, "sari-setor", "LKT02")
    async with watching(site.b.address, site.clerk) as clerk, watching(site.b.address, site.admin) as admin:
        for one in (clerk, admin):
            await one.subscribe(DEPOSITS)
            await one.settled()
        await deposited(site, there, "LKT02", 70_000)
        first, second = await deposited(site, here, "LKT01", 10_000), await deposited(site, here, "LKT01", 20_000)
        async with site.isp.write() as session:
            await deposits.verify(session, first, key=f"verify-{first}")
            await deposits.reject(session, second, reason="uang kurang", key=f"reject-{second}")
        came = [await clerk.next() for _ in range(4)]
        assert [(one["kind"], one["deposit"]["id"]) for one in came] == [
            ("deposit.submitted", f"dep_{first}"), ("deposit.submitted", f"dep_{second}"),
            ("deposit.verified", f"dep_{first}"), ("deposit.rejected", f"dep_{second}"),
        ]  # fmt: skip
        assert {one["deposit"]["counter"]["code"] for one in came} == {"LKT01"}
        assert [one["deposit"]["status"] for one in came[2:]] == ["VERIFIED", "REJECTED"], "as it is now"
        office = [await admin.next() for _ in range(5)]
        assert [one["deposit"]["counter"]["code"] for one in office] == ["LKT02", "LKT01", "LKT01", "LKT01", "LKT01"]
        await clerk.nothing()


async def accessed(site: Site, customer_id: int, key: str) -> None:
    """The customer has an access on a device that nobody works on."""
    async with site.isp.write() as session:
        device = await devices.create(
            session, gear.plugins(), Vault(keys.derived(SECRET_KEY)), name=key, kind="test.gear", config={"gear": "one"}
        )
        await session.execute(text("UPDATE device SET enabled = false WHERE id = :id"), {"id": device})
        await accesses.give(session, gear.plugins(), customer_id=customer_id, device_id=device, service_kind="PPPOE", key=key)


async def test_each_step_of_a_cut_is_told_to_technicians_and_at_the_counter(site: Site) -> None:
    here, there = await site.isp.customer("di-sini", counter="LKT01"), await site.isp.customer("di-sana", counter="LKT02")
    await accessed(site, here, "ppp-di-sini")
    await accessed(site, there, "ppp-di-sana")
    async with site.isp.write() as session:
        await make_user(session, "teknisi-live", Role.TECHNICIAN)
    technician = await token_of(site.a.address, "teknisi-live")
    async with watching(site.b.address, site.clerk) as clerk, watching(site.b.address, technician) as everywhere:
        for one in (clerk, everywhere):
            await one.subscribe(ISOLATION)
            await one.settled()
        for customer_id in (there, here):
            async with site.isp.write() as session:
                await blocks.block(session, customer_id, reason="pindah rumah")
        async with site.isp.write() as session:
            await blocks.restore(session, here, reason="kembali")

        def told(message: Any) -> tuple[str, str]:
            return message["kind"], message["access"]["customer"]["code"]

        seen = [told(await everywhere.next()) for _ in range(3)]
        assert [code for _, code in seen] == ["di-sana", "di-sini", "di-sini"]
        own = [await clerk.next() for _ in range(2)]
        assert [told(one) for one in own] == [one for one in seen if one[1] == "di-sini"]
        assert len({kind for kind, _ in seen[1:]}) == 2, "cut and given back"
        assert own[-1]["access"]["desired"] == "ACTIVE"
        await clerk.nothing()


@pytest.mark.parametrize("document", [DEPOSITS, "subscription { paymentRecorded { eventId } }", REASONS])
async def test_a_technician_is_told_nothing_of_money(site: Site, document: str) -> None:
    async with site.isp.write() as session:
        name = f"teknisi-{len(document)}"
        await make_user(session, name, Role.TECHNICIAN)
    async with watching(site.b.address, await token_of(site.b.address, name)) as watcher:
        await watcher.subscribe(document)
        message = await watcher.message()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")
