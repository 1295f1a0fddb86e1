"""A cashier's day, told as they would tell it, through GraphQL alone."""

from datetime import UTC, datetime
from typing import Any

from sebilling.actor import Role, operator
from sebilling.billing import invariants
from sebilling.db.engine import Database
from tests.harness import Api, make_user

ERRORS = "errors { code message field }"


class Day:
    """The verbs of the day."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.admin, self.cashier = Api(database), Api(database)
        self.ids: dict[str, str] = {}

    def on(self, day: int, hour: int = 9) -> None:
        """It is this day of February 2026 in Ciawi, at this hour."""
        self.admin.now = self.cashier.now = datetime(2026, 2, day, hour - 7, tzinfo=UTC)

    async def begin(self) -> None:
        async with self.database.transaction(actor=operator("test"), at=self.admin.now) as session:
            await make_user(session, "admin", Role.ADMIN)
        await self.admin.sign_in()
        for code in ("LKT01", "LKT02"):
            document = f"mutation($c: String!) {{ createCounter(input: {{code: $c, name: $c}}) {{ counter {{ id }} {ERRORS} }} }}"
            self.ids[code] = (await self.admin.do(document, c=code))["counter"]["id"]
        async with self.database.transaction(actor=operator("test"), at=self.admin.now) as session:
            await make_user(session, "kasir", Role.CLERK, "LKT01")
        await self.cashier.sign_in("kasir")
        document = f"mutation($n: String!, $p: Rupiah!) {{ createPlan(input: {{name: $n, price: $p}}) {{ plan {{ id }} {ERRORS} }} }}"
        self.ids["Home 10M"] = (await self.admin.do(document, n="Home 10M", p=150_000))["plan"]["id"]

    async def customer(self, name: str, counter: str = "LKT01") -> None:
        document = f"mutation($i: CreateCustomerInput!) {{ createCustomer(input: $i) {{ customer {{ id }} {ERRORS} }} }}"
        given = {
            "code": name.upper(),
            "name": name,
            "counterId": self.ids[counter],
            "planId": self.ids["Home 10M"],
            "installedOn": "2025-06-15",
        }
        self.ids[name] = (await self.admin.do(document, i=given | {"installedOn": "2025-06-15"}))["customer"]["id"]

    async def generate(self, month: str) -> Any:
        await self.admin.do(f"mutation($m: Month!) {{ openPeriod(input: {{month: $m}}) {{ {ERRORS} }} }}", m=month)
        document = f"mutation($i: GenerateInvoicesInput!) {{ generateInvoices(input: $i) {{ run {{ issued }} {ERRORS} }} }}"
        return (await self.admin.do(document, i={"month": month, "idempotencyKey": f"generate-{month}"}))["run"]["issued"]

    async def pay(self, name: str, amount: int, key: str | None = None, **more: Any) -> Any:
        document = f"""mutation($i: RecordPaymentInput!) {{ recordPayment(input: $i) {{ replayed {ERRORS}
          payment {{ amount credit receivedBy {{ name }} allocations {{ amount invoice {{ number status }} }} }} }} }}"""
        given = {"customerId": self.ids[name], "amount": amount, "idempotencyKey": key or f"pay-{name}-{self.cashier.now.isoformat()}"}
        return await self.cashier.do(document, i=given | more)

    async def owes(self, name: str) -> tuple[int, int]:
        """Outstanding and credit."""
        found = await self.admin.ask("query($id: ID!) { customer(id: $id) { outstanding credit } }", id=self.ids[name])
        return found["outstanding"], found["credit"]

    async def recap(self, month: str) -> Any:
        rows = await self.admin.ask(
            "query($m: Month!) { recap(month: $m) { counter { code } totalBilled outstanding totalReceived credit } }", m=month
        )
        return {
            row["counter"]["code"]: tuple(row[key] for key in ("totalBilled", "outstanding", "totalReceived", "credit")) for row in rows
        }

    async def check(self) -> None:
        async with self.database.reading() as session:
            assert [finding.invariant.name async for finding in invariants.check(session) if finding.rows] == []


async def test_two_months_at_the_counter(database: Database) -> None:
    day = Day(database)
    day.on(1)
    await day.begin()
    for name, counter in (("Budi", "LKT01"), ("Siti", "LKT01"), ("Agus", "LKT01"), ("Dewi", "LKT02")):
        await day.customer(name, counter)

    # 1 February: January's invoices come late, then February's
    assert await day.generate("2026-01") == 4
    assert await day.generate("2026-02") == 4
    assert await day.owes("Budi") == (300_000, 0)

    # 5 February: Budi pays one month, and it is the older one that is settled
    day.on(5)
    paid = (await day.pay("Budi", 150_000))["payment"]
    assert paid["allocations"] == [{"amount": 150_000, "invoice": {"number": "INV/2026-01/LKT01/000001", "status": "PAID"}}]
    assert (paid["receivedBy"]["name"], await day.owes("Budi")) == ("kasir", (150_000, 0))

    # Siti has Rp200.000 with her: one month, and a part of the next
    day.on(5, hour=10)
    paid = (await day.pay("Siti", 200_000))["payment"]
    assert [(part["amount"], part["invoice"]["status"]) for part in paid["allocations"]] == [(150_000, "PAID"), (50_000, "PARTLY_PAID")]
    assert await day.owes("Siti") == (100_000, 0)

    # The network is slow, and the cashier taps again
    day.on(6)
    first = await day.pay("Agus", 300_000, key="one-tap-of-agus")
    day.on(6, hour=10)
    again = await day.pay("Agus", 300_000, key="one-tap-of-agus")
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert await day.owes("Agus") == (0, 0)

    # Agus pays for March in advance, and a little more
    day.on(20)
    assert (await day.pay("Agus", 160_000))["payment"]["credit"] == 160_000
    assert await day.owes("Agus") == (0, 160_000)

    # Dewi belongs to the other counter: this cashier can't take her money
    refused = await day.cashier.refused(
        f"mutation($i: RecordPaymentInput!) {{ recordPayment(input: $i) {{ {ERRORS} }} }}",
        i={"customerId": day.ids["Dewi"], "amount": 150_000, "idempotencyKey": "not-my-counter"},
    )
    assert refused == ("NOT_FOUND", ["input", "customerId"])

    # The recap of February: what was billed for it, and all that came in on its days
    assert await day.recap("2026-02") == {
        "LKT01": (450_000, 150_000 + 100_000, 150_000 + 200_000 + 300_000 + 160_000, 160_000),
        "LKT02": (150_000, 150_000, 0, 0),
    }

    # March: Agus's invoice is born paid, and Rp10.000 of his credit remains
    day.on(28)
    assert await day.generate("2026-03") == 4
    assert await day.owes("Agus") == (0, 10_000)
    await day.check()
