"""Two counters with two months of invoices, in which the tests of lists and papers happen."""

import uuid
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import text

from sebilling.actor import Actor, Role, Scope
from sebilling.billing import deposits
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import FEBRUARY, NOW, Api, Isp, make_user

JANUARY: Final = Month(2026, 1)
INVOICES: Final = "query($f: InvoiceFilter, $o: InvoiceOrder) { invoices(filter: $f, orderBy: $o, first: 200) { nodes { number } } }"
PAYMENTS: Final = "query($f: PaymentFilter) { payments(filter: $f, first: 200) { nodes { receiptNumber } } }"
DEPOSITS: Final = "query($f: DepositFilter) { deposits(filter: $f, first: 200) { nodes { amount } } }"


class Shop:
    """Two counters, in Jakarta (LKT01) and Jayapura (LKT02), a collector at each, and two months of invoices of Rp150.000."""

    def __init__(self, isp: Isp, api: Api) -> None:
        self.isp, self.api = isp, api
        self.people: dict[str, int] = {}
        self.collectors: dict[str, Actor] = {}

    @classmethod
    async def make(cls, database: Database) -> "Shop":
        isp = await Isp.make(database, "LKT01", "LKT02")
        shop = cls(isp, Api(database))
        async with isp.write() as session:
            await session.execute(text("UPDATE counter SET timezone = 'Asia/Jayapura' WHERE code = 'LKT02'"))
            for name, code in (("siti", "LKT01"), ("joko", "LKT02")):
                user_id = await make_user(session, name, Role.COLLECTOR, code)
                shop.collectors[name] = Actor(user_id, name, Role.COLLECTOR, Scope(frozenset({isp.counters[code]})))
        for name, counter in (("Andi", "LKT01"), ("Budi", "LKT01"), ("Citra", "LKT02")):
            shop.people[name] = await isp.customer(f"{name[0]}-1", counter=counter, name=f"{name} Susanto")
        for month in (JANUARY, FEBRUARY):
            await isp.open(month)
            await isp.generate(month, at=datetime(month.year, month.number, 2, tzinfo=UTC))
        await shop.api.sign_in()
        return shop

    async def pays(self, name: str, amount: int, *, to: str | None = None, at: datetime = NOW, method: str = "CASH") -> int:
        """The customer pays, to this collector or to the admin; gives the payment's id."""
        isp, actor = self.isp, self.collectors[to] if to else self.isp.admin
        taker = Isp(isp.database, actor, isp.plan_id, isp.counters)
        return (await taker.pay(self.people[name], amount, at=at, method=PaymentMethod[method])).payment_id

    async def deposits(self, collector: str, amount: int, *, at: datetime) -> int:
        actor = self.collectors[collector]
        (counter_id,) = actor.scope.ids or [0]
        async with self.isp.database.transaction(actor=actor, at=at) as session:
            key = str(uuid.uuid4())
            return (await deposits.submit(session, counter_id=counter_id, amount=amount, type=DepositType.MANUAL, key=key)).deposit_id

    async def numbers(self, order: str = "NUMBER", **chosen: Any) -> list[str]:
        """The end of each number: month, counter and sequence."""
        nodes = (await self.api.ask(INVOICES, f=chosen, o=order))["nodes"]
        return [node["number"].removeprefix("INV/2026-").replace("/0000", "/") for node in nodes]

    async def receipts(self, **chosen: Any) -> list[str]:
        """The end of each receipt's number, oldest first."""
        nodes = (await self.api.ask(PAYMENTS, f=chosen))["nodes"]
        return [node["receiptNumber"].removeprefix("KW/2026-02/").replace("/0000", "/") for node in reversed(nodes)]

    async def amounts(self, **chosen: Any) -> list[int]:
        return [node["amount"] for node in reversed((await self.api.ask(DEPOSITS, f=chosen))["nodes"])]

    def counter(self, code: str) -> str:
        return f"cou_{self.isp.counters[code]}"
