"""Deposits: who may decide, what is counted, and what stays in the drawer."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import deposits, recap
from sebilling.billing.deposits import DepositType
from sebilling.db.engine import Database
from sebilling.errors import AlreadyDecided, OwnDeposit
from tests.harness import FEBRUARY, NOW, Isp, make_user


@dataclass
class Till:
    """A drawer of the admin with Rp150.000 in it, and Siti, who counts."""

    isp: Isp
    siti: Actor
    keys: Iterator[int] = field(default_factory=lambda: itertools.count(10_000_000))

    @classmethod
    async def make(cls, database: Database) -> "Till":
        isp = await Isp.make(database)
        async with isp.write() as session:
            siti = Actor(await make_user(session, "siti", Role.FINANCE), "siti", Role.FINANCE, EVERYWHERE)
        await isp.open()
        await isp.pay(await isp.customer(), 150_000)
        return cls(isp, siti)

    async def submit(self, amount: int) -> deposits.Submitted:
        async with self.isp.write() as session:
            return await deposits.submit(
                session, counter_id=self.isp.counters["LKT01"], amount=amount, type=DepositType.MANUAL, key=str(next(self.keys))
            )

    async def verify(self, deposit_id: int, counted: int | None = None, *, by: Actor | None = None) -> None:
        async with self.isp.database.transaction(actor=by or self.siti, at=NOW) as session:
            await deposits.verify(session, deposit_id, key=str(next(self.keys)), counted=counted)

    async def reject(self, deposit_id: int) -> None:
        async with self.isp.database.transaction(actor=self.siti, at=NOW) as session:
            await deposits.reject(session, deposit_id, reason="uangnya tidak ada", key=str(next(self.keys)))

    async def drawer(self) -> tuple[int, ...]:
        """Deposited, difference, waiting, on hand."""
        (row,) = await self.isp.rows("SELECT deposited, difference, waiting, on_hand FROM drawer")
        return row

    async def recap(self) -> tuple[int, ...]:
        """The same of the month's recap."""
        async with self.isp.database.reading() as session:
            (row,) = await recap.read(session, FEBRUARY, scope=EVERYWHERE)
        return row.total_deposited, row.difference, row.awaiting_verification, row.cash_on_hand


async def test_nobody_verifies_their_own_deposit(database: Database) -> None:
    till = await Till.make(database)
    deposit = await till.submit(100_000)
    with pytest.raises(OwnDeposit):
        await till.verify(deposit.deposit_id, by=till.isp.admin)
    with pytest.raises(IntegrityError, match="by its own submitter"):
        async with till.isp.write() as session:
            await session.execute(
                text("INSERT INTO deposit_decision (deposit_id, verified, counted, difference, reason, decided_at, decided_on, decided_by)"
                     " SELECT id, true, amount, 0, '', now(), now(), submitted_by FROM deposit")
            )  # fmt: skip
    assert await till.drawer() == (0, 0, 100_000, 150_000)


async def test_what_is_counted_counts_and_the_shortage_stays_with_the_collector(database: Database) -> None:
    till = await Till.make(database)
    deposit = await till.submit(150_000)
    await till.verify(deposit.deposit_id, counted=140_000)
    assert await till.drawer() == await till.recap() == (140_000, -10_000, 0, 0)
    with pytest.raises(AlreadyDecided):
        await till.verify(deposit.deposit_id)
    await till.isp.check()


async def test_more_than_was_on_hand_is_a_surplus(database: Database) -> None:
    till = await Till.make(database)
    deposit = await till.submit(200_000)
    assert deposit.more_than_on_hand == 50_000
    await till.verify(deposit.deposit_id)
    assert await till.drawer() == await till.recap() == (200_000, 50_000, 0, 0)
    await till.isp.check()


async def test_a_deposit_takes_what_it_names_and_leaves_the_rest(database: Database) -> None:
    till = await Till.make(database)
    deposit = await till.submit(100_000)
    await till.verify(deposit.deposit_id, counted=120_000)  # more than was named: the drawer is relieved of what was named
    assert await till.drawer() == await till.recap() == (120_000, 20_000, 0, 50_000)


async def test_a_rejected_deposit_is_still_in_the_drawer(database: Database) -> None:
    till = await Till.make(database)
    deposit = await till.submit(100_000)
    assert await till.recap() == (0, 0, 100_000, 150_000)
    await till.reject(deposit.deposit_id)
    assert await till.drawer() == await till.recap() == (0, 0, 0, 150_000)
    await till.isp.check()
