"""Load rows into the database: stage them by COPY, check them as a set, and write all or none with a few statements."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field, fields
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope
from sebilling.billing.imports.rows import CustomerRow, Faulty, Problem
from sebilling.db.driver import driver_of
from sebilling.db.engine import WriteSession
from sebilling.events.customers import CustomerCreated, CustomersImported
from sebilling.events.isp import CounterCreated, PlanCreated, PlanValues
from sebilling.language import Sentence
from sebilling.nouns import Noun

MAX_PROBLEMS: Final = 1_000
"""Faults kept for display; further ones are only counted."""
_TYPO_ROWS: Final = 10


@dataclass(slots=True)
class Staged:
    """Summary of the staged rows of a file."""

    rows: int = 0
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    new_counters: dict[str, int] = field(default_factory=dict)
    """Code → rows."""
    new_plans: dict[str, int] = field(default_factory=dict)
    """Name → rupiah per month."""
    new_speeds: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)
    """Name → kbit/s down and up, where the rows have them."""

    named: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """("counter", code) and ("plan", name) → rows, including faulty ones."""

    def add(self, problem: Problem) -> None:
        """Record a fault."""
        self.problem_count += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


_STAGE: Final = text(
    """
    CREATE TEMPORARY TABLE import_row (
        line integer, code text, name text, counter text, counter_name text, plan text, installed_on date, phone text,
        address text, price bigint, active boolean, pppoe_name text, rate_down_kbps integer, rate_up_kbps integer,
        arrears bigint, due_on date, credit bigint, paid_until date, cycle_months integer) ON COMMIT DROP
    """
)
_UNSTAGE: Final = text("DROP TABLE IF EXISTS pg_temp.import_row")  # of an earlier file in the same transaction
_ANALYZE: Final = text("ANALYZE import_row")
_CONFLICTS: Final = text(
    f"""
    SELECT line, 'CODE_TWICE' AS kind, code AS value, first::text AS other
      FROM (SELECT line, code, min(line) OVER (PARTITION BY code) AS first FROM import_row) numbered WHERE line > first
     UNION ALL
    SELECT line, 'PPPOE_NAME_TWICE', pppoe_name, first::text
      FROM (SELECT line, pppoe_name, min(line) OVER (PARTITION BY pppoe_name) AS first FROM import_row
             WHERE pppoe_name IS NOT NULL) numbered WHERE line > first
     UNION ALL
    SELECT line, 'CODE_TAKEN', code, ''
      FROM import_row JOIN customer USING (code)
     UNION ALL
    SELECT line, 'PPPOE_NAME_TAKEN', pppoe_name, customer.code
      FROM import_row JOIN customer USING (pppoe_name)
     ORDER BY line LIMIT {MAX_PROBLEMS + 1}
    """
)
_NEW_COUNTERS: Final = text(
    "SELECT counter AS name, count(*) AS rows, min(line) AS line, NULL AS price, NULL AS down, NULL AS up FROM import_row"
    " WHERE NOT EXISTS (SELECT FROM counter WHERE code = import_row.counter) GROUP BY counter ORDER BY counter"
)
_NEW_PLANS: Final = text(
    "SELECT plan AS name, count(*) AS rows, min(line) AS line, mode() WITHIN GROUP (ORDER BY price) AS price,"
    " min(rate_down_kbps) AS down, min(rate_up_kbps) AS up FROM import_row"
    " WHERE NOT EXISTS (SELECT FROM plan WHERE plan.name = import_row.plan) GROUP BY plan ORDER BY plan"
)
_LINES: Final = text(
    "SELECT line, CAST(:column AS text) AS column, CASE :column WHEN 'counter' THEN counter ELSE plan END AS name FROM import_row"
    " WHERE CASE :column WHEN 'counter' THEN counter ELSE plan END = ANY (:names) ORDER BY line"
)
_KNOWN: Final = text("SELECT EXISTS (SELECT FROM counter)")
_COUNTERS_CREATED: Final = events.appending(
    CounterCreated,
    {"after": {"code": "code", "name": "name", "timezone": "timezone", "due_day": "due_day"}},
    subject_id="id", counter_id="id",
)  # fmt: skip
_CREATE_COUNTERS: Final = text(
    f"""
    WITH added AS (
        INSERT INTO counter (code, name, timezone, due_day, created_at)
        SELECT counter, mode() WITHIN GROUP (ORDER BY counter_name), 'Asia/Jakarta', :due_day, CAST(:at AS timestamptz) FROM import_row
         WHERE counter = ANY (:codes) GROUP BY counter
        RETURNING id, code, name, timezone, due_day
    )
    SELECT {_COUNTERS_CREATED} FROM added
    """
)
# Without names and phone numbers: they would be in the log for ever.
_CUSTOMERS_CREATED: Final = events.appending(
    CustomerCreated,
    {"after": {"code": "code", "counter_id": "counter_id", "plan_id": "plan_id", "price": "price", "installed_on": "installed_on",
               "active": "active"}},
    subject_id="id", counter_id="counter_id",
)  # fmt: skip
_CREATE_CUSTOMERS: Final = text(
    f"""
    WITH added AS (
        INSERT INTO customer (code, name, phone, address, counter_id, plan_id, price, installed_on, active, pppoe_name, created_at)
        SELECT import_row.code, import_row.name, phone, address, counter.id, plan.id, nullif(import_row.price, plan.price),
               installed_on, active, pppoe_name, CAST(:at AS timestamptz)
          FROM import_row JOIN counter ON counter.code = import_row.counter JOIN plan ON plan.name = import_row.plan
         ORDER BY line
        RETURNING id, code, counter_id, plan_id, price, installed_on, active
    )
    SELECT coalesce({_CUSTOMERS_CREATED}, 0) FROM added
    """
)


@dataclass(frozen=True, slots=True)
class _Conflict:
    """A code or PPPoE name that another row or customer has."""

    line: int
    kind: str
    value: str
    other: str
    """The line of the other row, or the code of the other customer; empty if that is the value itself."""

    def problem(self) -> Problem:
        """Return it as a fault of the row."""
        value, other = self.value, self.other
        match self.kind:
            case "CODE_TWICE":
                why = Sentence(
                    f"the code {value} is on line {other} too: give each customer their own.",
                    f"kode '{value}' juga ada di baris {other}: beri setiap pelanggan kode sendiri.",
                )
            case "PPPOE_NAME_TWICE":
                why = Sentence(
                    f"the PPPoE name {value} is on line {other} too: give each customer their own.",
                    f"nama PPPoE '{value}' juga ada di baris {other}: beri setiap pelanggan nama sendiri.",
                )
            case "CODE_TAKEN":
                why = Sentence(
                    f"a customer with the code {value} exists already: remove the row, or give another code.",
                    f"pelanggan dengan kode '{value}' sudah ada: hapus barisnya, atau beri kode lain.",
                )
            case _:
                why = Sentence(
                    f"the customer {other} has the PPPoE name {value} already: remove the row.",
                    f"nama PPPoE '{value}' sudah dipakai pelanggan {other}: hapus barisnya.",
                )
        return Problem(self.line, "code" if self.kind.startswith("CODE") else "pppoe_name", why)


@dataclass(frozen=True, slots=True)
class _New:
    """A counter or plan that doesn't exist yet. A plan has the price of most of its rows and their speed in kbit/s, if they have one."""

    name: str
    rows: int
    line: int
    """First row that names it."""
    price: int | None
    down: int | None
    up: int | None


@dataclass(frozen=True, slots=True)
class _Naming:
    """A row that names an unknown counter or plan."""

    line: int
    column: str
    name: str


async def stage(session: WriteSession, rows: Iterable[CustomerRow | Faulty], *, create_missing: bool, free_plans: bool = False) -> Staged:
    """Copy the rows into a temporary table of this transaction, and find all faults.

    An unknown counter or plan is a fault, unless `create_missing`. The first import into an empty database creates its own, except a
    counter or plan that only one of many rows names, which is probably mistyped. A new plan gets the price of most of its rows; if none
    has a price it is a fault, unless `free_plans` sets it to 0. Raises InvalidFile, Forbidden for a caller who is limited to counters.
    """
    scope.central(session)
    staged = Staged()
    await session.execute(_UNSTAGE)
    await session.execute(_STAGE)
    driver = await driver_of(session.connection)
    names = [column.name for column in fields(CustomerRow)]  # type: ignore[misc]  # a field's default may be anything
    await driver.copy_records_to_table("import_row", records=_sound(rows, staged), columns=names)
    await session.execute(_ANALYZE)
    for conflict in await session.rows(_CONFLICTS, into=_Conflict):
        staged.add(conflict.problem())
    first_import = not create_missing and not await session.only_value(_KNOWN, kind=bool)
    for column, noun, statement in (("counter", Noun.COUNTER, _NEW_COUNTERS), ("plan", Noun.PLAN, _NEW_PLANS)):
        unknown: list[str] = []
        for new in await session.rows(statement, into=_New):
            typo = first_import and staged.named[column, new.name] == 1 and staged.named.total() > 2 * _TYPO_ROWS
            if typo or not (create_missing or first_import):
                unknown.append(new.name)
            elif column == "counter":
                staged.new_counters[new.name] = new.rows
            elif new.price is None and not free_plans:
                why = Sentence(
                    f"the plan {new.name} is new and no row tells its price: fill the column Harga.",
                    f"paket '{new.name}' baru dan tidak ada baris yang menyebut harganya: isi kolom Harga.",
                )
                staged.add(Problem(new.line, "plan", why))
            else:
                staged.new_plans[new.name] = new.price or 0
                staged.new_speeds[new.name] = (new.down, new.up)
        for row in await session.rows(_LINES, {"column": column, "names": unknown}, into=_Naming) if unknown else ():
            why = Sentence(
                f"there is no {noun.english} {row.name}: correct it, or add the {noun.english} first (or choose 'Add missing counters"
                " and plans').",
                f"{noun.indonesian} '{row.name}' tidak ada: perbaiki, atau tambahkan dulu {noun.indonesian}nya (atau pilih 'Tambahkan loket"
                " dan paket yang belum ada').",
            )
            staged.add(Problem(row.line, column, why))
    staged.problems.sort(key=lambda problem: problem.line)
    return staged


def _sound(rows: Iterable[CustomerRow | Faulty], staged: Staged) -> Iterator[tuple[object, ...]]:
    for row in rows:
        staged.named["counter", row.counter] += 1
        staged.named["plan", row.plan] += 1
        if isinstance(row, CustomerRow):
            staged.rows += 1
            yield astuple(row)  # type: ignore[misc]  # its type says nothing about the fields
        else:
            for problem in row.problems:
                staged.add(problem)


async def write(session: WriteSession, staged: Staged, *, file: str, due_day: int = 20) -> None:
    """Write what was staged in this transaction; it must have no faults.

    `due_day` is the due day of new counters, 1 to 28.
    """
    if staged.problem_count:
        raise RuntimeError("faulty rows are never written")
    who = {"at": session.at, "user": session.actor.user_id, "user_name": session.actor.name}
    if staged.new_counters:
        await session.execute(_CREATE_COUNTERS, {**who, "codes": list(staged.new_counters), "due_day": due_day})
    for name, price in staged.new_plans.items():
        down, up = staged.new_speeds.get(name, (None, None))
        bound = {"name": name, "price": price, "down": down, "up": up, "at": session.at}
        plan_id = await session.only_value(_CREATE_PLAN, bound, kind=int)
        after = PlanValues(name=name, price=price, rate_down_kbps=down, rate_up_kbps=up)
        await events.append(session, PlanCreated(after=after), subject_id=plan_id)
    added = await session.only_value(_CREATE_CUSTOMERS, who, kind=int)
    if added != staged.rows:
        raise RuntimeError(f"{staged.rows} rows were staged, but {added} written")
    await events.append(session, CustomersImported(file=file, customers=added), subject_id=0)


_CREATE_PLAN: Final = text(
    "INSERT INTO plan (name, price, rate_down_kbps, rate_up_kbps, created_at) VALUES (:name, :price, :down, :up, :at) RETURNING id"
)
