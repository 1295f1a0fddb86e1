"""Clients who do to a few customers whatever one can do with money, all at once, each at random; run as a process.

Every refusal must be one of ours: a deadlock, a broken constraint or a lost connection ends the process with an error. What was
told to have been received is added up, so that the test can ask whether nothing was lost.
"""

import asyncio
import collections
import itertools
import json
import random
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import billing_cycles, charges, corrections, credit, customers, deposits, generation, payments, periods, plans
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database, WriteSession
from sebilling.errors import SebillingError

BEGIN = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)
NEWEST = 40
"""Deeds are done to one of the newest so many things, so that clients meet."""
Deed = Callable[["Client", WriteSession], Awaitable[Any]]


class Client:
    """One of them, with its own chance, keys and count of what it did."""

    def __init__(self, database: Database, name: str, seed: str) -> None:
        self.database, self.chance = database, random.Random(seed)
        self.keys = (f"{name}-{number}" for number in itertools.count(10_000_000))
        self.counts: collections.Counter[str] = collections.Counter()
        self.received = 0
        self.users: list[int] = []
        self.months = 1

    async def run(self, operations: int) -> None:
        async with self.database.reading() as session:
            self.users = [row[0] for row in await session.rows(text("SELECT id FROM app_user ORDER BY id"))]
        names, weights = zip(*((name, weight) for name, (weight, _) in DEEDS.items()), strict=True)
        for number in range(operations):
            name = self.chance.choices(names, weights)[0]
            user = self.chance.choice(self.users)
            actor = Actor(user, f"user {user}", Role.FINANCE, EVERYWHERE)
            try:
                async with self.database.transaction(actor=actor, at=BEGIN) as session:
                    await self._look_at_the_calendar(session, turns=name == "open", seconds=number % 600)
                    taken = await DEEDS[name][1](self, session)
                self.received += taken if name == "pay" and isinstance(taken, int) else 0
                self.counts[f"{name} done"] += 1
            except SebillingError as error:
                self.counts[f"{name} {error.code}"] += 1

    async def _look_at_the_calendar(self, session: WriteSession, *, turns: bool, seconds: int) -> None:
        """One calendar for all, which nobody turns while something is under way: clocks in order differ by minutes, not by months."""
        await session.rows(text(f"SELECT pg_advisory_xact_lock{'' if turns else '_shared'}(77, 0)"))
        self.months = 1 + await session.value(text("SELECT count(*) FROM period"))
        session.at = BEGIN + timedelta(days=30 * self.months, seconds=seconds)

    async def any_of(self, session: WriteSession, table: str, where: str = "true") -> int:
        """The id of one of the newest rows; 0 if there is none."""
        rows = await session.rows(text(f"SELECT id FROM {table} WHERE {where} ORDER BY id DESC LIMIT {NEWEST}"))
        return int(self.chance.choice(rows)[0]) if rows else 0

    def amount(self) -> int:
        return self.chance.choice((1, 50_000, 150_000, 150_000, 300_000, 999_999))


async def _pay(client: Client, session: WriteSession) -> int:
    amount = client.amount()
    method = client.chance.choice((PaymentMethod.CASH, PaymentMethod.CASH, PaymentMethod.QRIS))
    received = payments.Received(customer_id=await client.any_of(session, "customer"), amount=amount, method=method, key=next(client.keys))
    await payments.record(session, received)
    return amount


async def _reverse(client: Client, session: WriteSession) -> None:
    await corrections.reverse_payment(session, await client.any_of(session, "payment"), reason="salah orang", key=next(client.keys))


async def _refund(client: Client, session: WriteSession) -> None:
    payment, method = (
        await client.any_of(session, "payment", "credit > 0"),
        client.chance.choice((PaymentMethod.CASH, PaymentMethod.TRANSFER)),
    )
    await corrections.refund(session, payment, method=method, reason="kelebihan", key=next(client.keys))


async def _void(client: Client, session: WriteSession) -> None:
    release = client.chance.random() < 0.5
    invoice = await client.any_of(session, "invoice")
    await corrections.void_invoice(session, invoice, reason="salah paket", key=next(client.keys), release_payments=release)


async def _write_off(client: Client, session: WriteSession) -> None:
    await corrections.write_off(session, await client.any_of(session, "invoice"), reason="pindah", key=next(client.keys), amount=1_000)


async def _apply(client: Client, session: WriteSession) -> None:
    await credit.apply(session, await client.any_of(session, "customer"), key=next(client.keys))


async def _submit(client: Client, session: WriteSession) -> None:
    counter = await client.any_of(session, "counter")
    await deposits.submit(session, counter_id=counter, amount=client.amount(), type=DepositType.MANUAL, key=next(client.keys))


async def _verify(client: Client, session: WriteSession) -> None:
    counted = client.chance.choice((None, None, 140_000))
    await deposits.verify(session, await client.any_of(session, "deposit", "status = 'SUBMITTED'"), key=next(client.keys), counted=counted)


async def _reject(client: Client, session: WriteSession) -> None:
    deposit = await client.any_of(session, "deposit", "status = 'SUBMITTED'")
    await deposits.reject(session, deposit, reason="tidak ada", key=next(client.keys))


async def _charge(client: Client, session: WriteSession) -> None:
    customer = await client.any_of(session, "customer")
    await charges.add(session, customer, kind=ChargeKind.CABLE, description="Kabel", amount=25_000, key=next(client.keys))


async def _cancel(client: Client, session: WriteSession) -> None:
    await charges.cancel(session, await client.any_of(session, "charge"), reason="tidak jadi")


async def _cycle(client: Client, session: WriteSession) -> None:
    customer, months = await client.any_of(session, "customer"), client.chance.choice((1, 2, 3))
    start = date(2026, 1, 1) + timedelta(days=30 * client.months + client.chance.randrange(90))
    await billing_cycles.set_billing(session, customer, months=months, effective_from=start)


async def _move(client: Client, session: WriteSession) -> None:
    customer, counter = await client.any_of(session, "customer"), await client.any_of(session, "counter")
    await customers.update(session, customer, counter_id=counter)


async def _price(client: Client, session: WriteSession) -> None:
    await plans.update(session, await client.any_of(session, "plan"), price=client.chance.choice((150_000, 175_000)))


async def _open(client: Client, session: WriteSession) -> None:
    await periods.open_period(session, Month(2026, 1).plus(client.months - 1), confirm=True)


async def _generate(client: Client, session: WriteSession) -> None:
    month = Month(2026, 1).plus(client.months - client.chance.choice((2, 2, 3)))
    started = await generation.start(session, month, key=next(client.keys), counters=None)
    while await generation.advance(session, chunk=7, run_id=started.run_id):
        pass


async def _close(client: Client, session: WriteSession) -> None:
    await periods.close(session, Month(2026, 1).plus(client.months - 6), incomplete=True)


DEEDS: dict[str, tuple[int, Deed]] = {
    "pay": (50, _pay), "reverse": (6, _reverse), "refund": (4, _refund), "void": (6, _void), "write off": (3, _write_off),
    "apply": (4, _apply), "submit": (5, _submit), "verify": (5, _verify), "reject": (1, _reject), "charge": (3, _charge),
    "cancel": (2, _cancel), "cycle": (3, _cycle), "move": (1, _move), "price": (1, _price), "open": (1, _open), "generate": (4, _generate),
    "close": (1, _close),
}  # fmt: skip
"""Name → how often, and the deed."""


async def main(url: str, name: str, clients: int, operations: int) -> None:
    """Let them loose; print what they did as JSON."""
    database = Database(url, connections=clients)
    crowd = [Client(database, f"{name}{number}", f"{name}/{number}") for number in range(clients)]
    try:
        await asyncio.gather(*(client.run(operations // clients) for client in crowd))
    finally:
        await database.close()
    counts = sum((client.counts for client in crowd), collections.Counter[str]())
    sys.stdout.write(json.dumps({"received": sum(client.received for client in crowd), "counts": dict(counts)}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
