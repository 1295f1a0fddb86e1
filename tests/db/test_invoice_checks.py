"""What the checks per statement refuse, as constraints did before: broken references and days billed twice, however they are written."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from sebilling.billing import invariants
from sebilling.db.driver import driver_of
from sebilling.db.engine import Database
from tests.harness import FEBRUARY, Isp, SavepointDatabase

FOREIGN_KEY, EXCLUSION, RESTRICTED, NOT_SUPPORTED = "23503", "23P01", "23001", "0A000"
COLUMNS = (
    "period_id", "counter_id", "sequence", "number", "customer_id", "plan_name", "covers_from", "covers_until", "issued_at", "due_on",
    "total", "allocated", "written_off",
)  # fmt: skip
INVOICES = f"INSERT INTO invoice ({', '.join(COLUMNS)})"
LINE = "INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount)"


NOBODY = 10**9


@dataclass(frozen=True)
class Place:
    """Fifty customers with invoices for February at LKT01, whose series of March has begun; LKT02 has no series."""

    isp: Isp
    driver: "asyncpg.Connection[asyncpg.Record]"
    """Without anything of ours around it."""
    march: int
    customers: list[int]
    invoice: int
    """The first customer's."""

    def row(self, nth: int, *, first: str = "2026-03-01", until: str = "2026-04-01", **other: int) -> str:
        """A row of March for the nth customer that would be right but for what is given."""
        period, counter = other.get("period", self.march), other.get("counter", self.isp.counters["LKT01"])
        return (
            f"({period}, {counter}, {nth + 1}, 'x', {other.get('customer', self.customers[nth])}, 'x', CAST('{first}' AS date),"
            f" CAST('{until}' AS date), now(), CAST('2026-03-20' AS date), 1, 0, 0)"
        )

    async def series(self, period: int, counter: str = "LKT01") -> None:
        await self.driver.execute(f"INSERT INTO invoice_series VALUES ({period}, {self.isp.counters[counter]}, 100)")

    async def refused(self, *statements: str) -> tuple[str, str | None]:
        """SQLSTATE and constraint of the refusal of the last of these statements; none of them remains."""
        await self.driver.execute("SAVEPOINT here")
        for statement in statements[:-1]:
            await self.driver.execute(statement)
        with pytest.raises(asyncpg.PostgresError) as caught:
            await self.driver.execute(statements[-1])
        await self.driver.execute("ROLLBACK TO here")
        return str(caught.value.sqlstate), getattr(caught.value, "constraint_name", None)

    async def counted(self) -> int:
        return int(await self.driver.fetchval("SELECT count(*) FROM invoice"))


@pytest_asyncio.fixture
async def place(database: SavepointDatabase) -> Place:
    isp = await Isp.make(database, "LKT01", "LKT02")
    await isp.many_customers(50)
    await isp.open()
    await isp.generate()
    march = await isp.open(FEBRUARY.plus(1))
    customers = [row[0] for row in await isp.rows("SELECT id FROM customer ORDER BY id")]
    invoice = await isp.value("SELECT id FROM invoice WHERE customer_id = :c", c=customers[0])
    made = Place(isp, await driver_of(database.connection), march, customers, invoice)
    await made.series(march)
    return made


async def test_an_invoice_of_an_unknown_customer(place: Place) -> None:
    assert await place.refused(f"{INVOICES} VALUES {place.row(0, customer=NOBODY)}") == (FOREIGN_KEY, "invoice_customer_id_fkey")


async def test_an_invoice_of_an_unknown_series(place: Place) -> None:
    for unknown in (place.row(0, period=NOBODY), place.row(0, counter=NOBODY), place.row(0, counter=place.isp.counters["LKT02"])):
        assert await place.refused(f"{INVOICES} VALUES {unknown}") == (FOREIGN_KEY, "invoice_period_id_counter_id_fkey")


async def test_a_line_of_an_unknown_invoice(place: Place) -> None:
    lines = f"{LINE} VALUES ({place.invoice}, 2, 'CHARGE', 'x', 1, 5, 5), ({NOBODY}, 1, 'CHARGE', 'x', 1, 5, 5)"
    assert await place.refused(lines) == (FOREIGN_KEY, "invoice_line_invoice_id_fkey")


async def test_an_invoice_at_another_counter_than_its_customers(place: Place) -> None:
    await place.series(place.march, "LKT02")
    assert await place.refused(f"{INVOICES} VALUES {place.row(0, counter=place.isp.counters['LKT02'])}") == (RESTRICTED, None)


@pytest.mark.parametrize(
    ("first", "until"),
    [("2026-02-28", "2026-03-05"), ("2026-01-15", "2026-02-02"), ("2025-12-31", "2027-01-01"), ("2026-02-10", "2026-02-11")],
)
async def test_days_that_another_invoice_covers(place: Place, first: str, until: str) -> None:
    assert await place.refused(f"{INVOICES} VALUES {place.row(0, first=first, until=until)}") == (EXCLUSION, "invoice_covers_excl")


async def test_one_wrong_row_among_many_refuses_them_all(place: Place) -> None:
    right = [place.row(nth) for nth in range(49)]
    for wrong, expected in (
        (place.row(49, first="2026-02-28"), (EXCLUSION, "invoice_covers_excl")),
        (place.row(49, customer=NOBODY), (FOREIGN_KEY, "invoice_customer_id_fkey")),
        (place.row(49, period=NOBODY), (FOREIGN_KEY, "invoice_period_id_counter_id_fkey")),
    ):
        assert await place.refused(f"{INVOICES} VALUES {', '.join([*right, wrong])}") == expected
    assert await place.counted() == 50
    await place.driver.execute(f"{INVOICES} VALUES {', '.join(right)}")
    assert await place.counted() == 99


async def test_two_rows_of_one_transaction(place: Place) -> None:
    april = await place.isp.open(FEBRUARY.plus(2))
    await place.series(april)
    one, two = place.row(0), place.row(0, first="2026-03-31", until="2026-05-01", period=april)
    expected = (EXCLUSION, "invoice_covers_excl")
    assert await place.refused(f"{INVOICES} VALUES {one}, {two}") == expected
    assert await place.refused(f"WITH a AS ({INVOICES} VALUES {one}) {INVOICES} VALUES {two}") == expected, "two INSERTs in one statement"
    assert await place.refused(f"{INVOICES} VALUES {one}", f"{INVOICES} VALUES {two}") == expected
    assert await place.refused(f"{INVOICES} VALUES {one}", f"{INVOICES} VALUES {two} ON CONFLICT DO NOTHING") == expected


async def test_rows_that_touch_but_do_not_overlap(place: Place) -> None:
    before, behind = await place.isp.open(FEBRUARY.plus(-1)), await place.isp.open(FEBRUARY.plus(2))
    for period in (before, behind):
        await place.series(period)
    await place.driver.execute(
        f"{INVOICES} VALUES {place.row(0, first='2026-01-01', until='2026-02-01', period=before)},"
        f" {place.row(0, first='2026-02-15', until='2026-02-15')}, {place.row(0, first='2026-03-01', period=behind)}"
    )
    assert await place.counted() == 53, "the days before, no days in the midst of covered ones, the days after"
    april = await place.isp.open(FEBRUARY.plus(3))
    await place.series(april)
    await place.driver.execute(f"{INVOICES} VALUES {place.row(1, first='2026-03-15', until='2026-03-15')}")
    await place.driver.execute(f"{INVOICES} VALUES {place.row(1, period=april)}")  # days around one that covers none


async def test_whichever_was_numbered_first(place: Place) -> None:
    """Of two writers, the one who began first may be the one who gets the lock last."""
    lowest = INVOICES.replace("(", "(id, ", 1) + " OVERRIDING SYSTEM VALUE"
    row = place.row(0, first="2026-02-28").replace("(", "(-1, ", 1)
    assert await place.refused(f"{lowest} VALUES {row}") == (EXCLUSION, "invoice_covers_excl")


async def test_rows_by_copy(place: Place) -> None:
    counter, columns = place.isp.counters["LKT01"], list(COLUMNS)
    right, wrong = (
        f"{place.march}\t{counter}\t{nth}\tx\t{place.customers[nth]}\tx\t{first}\t2026-04-01\t2026-03-01\t2026-03-20\t1\t0\t0\n"
        for nth, first in ((1, "2026-03-01"), (2, "2026-02-28"))
    )

    async def rows(*given: str) -> AsyncIterator[bytes]:
        for row in given:
            yield row.encode()

    await place.driver.execute("SAVEPOINT here")
    with pytest.raises(asyncpg.ExclusionViolationError):
        await place.driver.copy_to_table("invoice", columns=columns, source=rows(right, wrong))
    await place.driver.execute("ROLLBACK TO here")
    await place.driver.copy_to_table("invoice", columns=columns, source=rows(right))
    assert await place.counted() == 51


async def test_rows_that_the_planner_would_rather_hash(place: Place) -> None:
    """As in a chunk of generation."""
    for wrong, expected in (
        (place.row(0, first="2026-02-28"), (EXCLUSION, "invoice_covers_excl")),
        (place.row(0, customer=NOBODY), (FOREIGN_KEY, "invoice_customer_id_fkey")),
    ):
        assert await place.refused("SET LOCAL enable_nestloop = off", f"{INVOICES} VALUES {wrong}") == expected


MANY_CUSTOMERS = """
    INSERT INTO customer (code, name, phone, address, counter_id, plan_id, installed_on, active, created_at)
    SELECT '@-' || n, 'x', '', '', $1, $2, '2025-01-01', true, now() FROM generate_series(1, @) n
"""
MANY_INVOICES = f"""
    WITH made AS (
        {INVOICES}
        SELECT $1, counter_id, row_number() OVER (), 'x', id, 'x', DATE '2026-01-01' + CAST($2 AS int), DATE '2026-01-02' + CAST($2 AS int),
               now(), '2026-01-20', 1, 0, 0 FROM customer
        RETURNING id
    )
    {LINE} SELECT id, 1, 'CHARGE', 'x', 1, 1, 1 FROM made
"""
SEQUENTIAL = "SELECT relname, seq_scan FROM pg_stat_xact_user_tables WHERE relname IN ('customer', 'invoice', 'invoice_series')"


async def test_no_row_is_looked_up_by_reading_a_table(committed: Database) -> None:
    """A session that has planned the checks beside a few rows keeps the plans when there are many."""
    isp = await Isp.make(committed)
    driver = await asyncpg.connect(committed.url.replace("postgresql+asyncpg", "postgresql"))
    scans: dict[str, int] = {}
    for month, count in enumerate((2, 0, 300)):
        period = await isp.open(FEBRUARY.plus(month))
        await driver.execute("INSERT INTO invoice_series VALUES ($1, $2, 2)", period, isp.counters["LKT01"])
        await driver.execute(MANY_CUSTOMERS.replace("@", str(count)), isp.counters["LKT01"], isp.plan_id)
        async with driver.transaction():
            await driver.execute(MANY_INVOICES, period, month)
            scans = {row["relname"]: row["seq_scan"] for row in await driver.fetch(SEQUENTIAL)}
        if month == 0:
            await driver.execute("VACUUM ANALYZE customer, invoice, invoice_series")  # else the planner assumes ten pages
    await driver.execute("SELECT pg_stat_force_next_flush()")
    of_periods = await driver.fetchval("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'invoice_live_period_idx'")
    await driver.close()
    assert of_periods == 0, "it leads to all invoices of the customer, however old"
    assert scans.pop("customer") <= 3, "the three statements themselves read the customers"
    assert scans == {"invoice": 0, "invoice_series": 0}


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_a_transaction_whose_snapshot_may_be_old(committed: Database, level: str) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    period = await isp.open()
    counter = isp.counters["LKT01"]
    driver = await asyncpg.connect(committed.url.replace("postgresql+asyncpg", "postgresql"))
    await driver.execute(f"INSERT INTO invoice_series VALUES ({period}, {counter}, 2)")
    invoice = (
        f"{INVOICES} VALUES ({period}, {counter}, 1, 'x', {customer_id}, 'x', '2026-02-01', '2026-03-01', now(), '2026-02-20', 1, 0, 0)"
    )
    with pytest.raises(asyncpg.FeatureNotSupportedError, match=f"not {level}"):
        await driver.execute(f"BEGIN ISOLATION LEVEL {level}; {invoice}; COMMIT")
    await driver.execute("ROLLBACK")
    await driver.execute(f"BEGIN ISOLATION LEVEL READ UNCOMMITTED; {invoice}; COMMIT")
    await driver.close()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM customer WHERE id = {customer}", "TRUNCATE customer CASCADE", "UPDATE customer SET id = DEFAULT WHERE id = {customer}",
        "DELETE FROM invoice_series", "TRUNCATE invoice_series", "UPDATE invoice_series SET period_id = period_id",
        "UPDATE invoice_series SET counter_id = counter_id", "DELETE FROM invoice", "TRUNCATE invoice CASCADE",
        "UPDATE invoice SET id = DEFAULT", "UPDATE invoice SET covers_until = '2030-01-01'", "UPDATE invoice SET customer_id = {customer}",
    ],
)  # fmt: skip
async def test_nothing_that_an_invoice_names_is_removed(place: Place, statement: str) -> None:
    assert await place.refused(statement.format(customer=place.customers[0])) == (RESTRICTED, None)


async def test_a_customer_without_invoices_stays_too(place: Place) -> None:
    """Whether they have any can't be seen: another transaction may be issuing the first one."""
    assert await place.refused(f"DELETE FROM customer WHERE id = {await place.isp.customer()}") == (RESTRICTED, None)


async def test_a_void_invoice_stays_void_even_for_a_trigger(place: Place) -> None:
    void = f"INSERT INTO invoice_void VALUES ({place.invoice}, {place.march}, 'x', now())"
    revive = f"""
        CREATE FUNCTION revive() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN UPDATE invoice SET voided_at = NULL WHERE id = {place.invoice}; RETURN NULL; END $$;
        CREATE TRIGGER revive AFTER INSERT ON plan FOR EACH ROW EXECUTE FUNCTION revive();
    """
    assert await place.refused(revive, void, "INSERT INTO plan (name, price, created_at) VALUES ('x', 1, now())") == (RESTRICTED, None)


async def test_what_got_past_the_checks_is_found(place: Place) -> None:
    """Without triggers, as in a restore: `sebilling check` finds what they would have refused."""
    await place.driver.execute("SET LOCAL session_replication_role = replica")
    for broken, name in (
        (f"{INVOICES} VALUES {place.row(0, first='2026-02-28')}", "billed_once"),
        (f"{INVOICES} VALUES {place.row(0, customer=NOBODY)}", "invoice_references"),
        (f"{INVOICES} VALUES {place.row(0, period=NOBODY)}", "invoice_references"),
        (f"{LINE} VALUES ({NOBODY}, 1, 'CHARGE', 'x', 1, 5, 5)", "invoice_references"),
    ):
        await place.driver.execute("SAVEPOINT here")
        await place.driver.execute(broken)
        async with place.isp.database.reading() as session:
            found = {finding.invariant.name: finding.rows async for finding in invariants.check(session)}
        await place.driver.execute("ROLLBACK TO here")
        assert {rule.name: found[rule.name] for rule in invariants.CHECKED_PER_STATEMENT} == {"billed_once": 0, "invoice_references": 0} | {
            name: 1
        }
