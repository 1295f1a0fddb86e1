"""The demo ISP: three counters, four plans, customers with Indonesian names, some of them in arrears. The same on each run."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Actor, Role, operator
from sebilling.auth import passwords, users
from sebilling.billing import generation, payments, periods
from sebilling.billing.imports import load
from sebilling.billing.imports.rows import CustomerRow
from sebilling.clock import JAKARTA, Month, local_date
from sebilling.db.engine import Database

COUNTERS: Final = (("LKT01", "Ciawi"), ("LKT02", "Megamendung"), ("LKT03", "Cisarua"))
_PLANS: Final = (("Home 10M", 150_000, 5), ("Home 20M", 200_000, 3), ("Home 50M", 350_000, 2), ("Bisnis 100M", 750_000, 1))
_FIRST: Final = (
    "Agus", "Ahmad", "Asep", "Ayu", "Bambang", "Budi", "Cecep", "Citra", "Dedi", "Dewi", "Dian", "Eko", "Endang", "Fitri", "Gede",
    "Hendra", "Indah", "Joko", "Kadek", "Komang", "Lestari", "Made", "Maria", "Nur", "Putu", "Ratna", "Rina", "Rizky", "Siti", "Slamet",
    "Sri", "Tuti", "Udin", "Wahyu", "Wayan", "Yanti", "Yohanes", "Yusuf",
)  # fmt: skip
_LAST: Final = (
    "Anggraini", "Firmansyah", "Gunawan", "Halim", "Handayani", "Hidayat", "Irawan", "Kurniawan", "Kusuma", "Maulana", "Nasution",
    "Nugroho", "Pratama", "Purnomo", "Rahayu", "Saputra", "Setiawan", "Siregar", "Suryani", "Susanti", "Syahputra", "Utami", "Wibowo",
    "Wijaya", "Wulandari",
)  # fmt: skip
_STREETS: Final = ("Jl. Raya Ciawi", "Jl. Melati", "Gg. Mawar", "Perum Griya Asri Blok C", "Dusun Krajan", "Jl. KH. Ahmad Dahlan")
_MAX_IN_ARREARS: Final = 100
HAS_USERS: Final = text("SELECT count(*) FROM app_user")
"""Whether the demo was made already."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A user of the demo. The password is generated for this run."""

    username: str
    password: str
    role: Role
    counter: str | None = None


def rows(*, count: int, month: Month) -> Iterator[CustomerRow]:
    """Yield `count` customers; of each hundred, two are inactive and one is installed only after the month."""
    chance = random.Random(20260201)  # noqa: S311 - the same ISP on each run, nothing secret
    for number in range(1, count + 1):
        plan, price, _ = chance.choices(_PLANS, [weight for _, _, weight in _PLANS])[0]
        counter, counter_name = COUNTERS[chance.randrange(len(COUNTERS))]
        kind = number % 100
        yield CustomerRow(
            line=number, code=f"P{number:06d}", name=f"{chance.choice(_FIRST)} {chance.choice(_LAST)}", counter=counter,
            counter_name=counter_name, plan=plan, price=price, active=kind not in {17, 67}, pppoe_name=f"p{number:06d}@{counter.lower()}",
            installed_on=month.after if kind == 42 else month.plus(-chance.randrange(2, 60)).first + timedelta(days=chance.randrange(28)),
            phone=f"+628{chance.randrange(10**9, 10**10)}",
            address=f"{chance.choice(_STREETS)} No. {chance.randrange(1, 99)}, RT {chance.randrange(1, 9):02d}/RW 03",
        )  # fmt: skip


async def make(database: Database, *, customers: int, now: datetime) -> tuple[Month, list[SignIn]]:
    """Fill an empty, migrated database: users, counters, plans, customers, and last month's invoices of the first few, half of
    them unpaid. Returns the month to bill now, and the users."""
    month = Month.of(local_date(now, JAKARTA))
    last = datetime(month.plus(-1).year, month.plus(-1).number, 5, 2, tzinfo=UTC)
    everybody = list(rows(count=min(customers, _first(customers)), month=month))
    operated = operator("demo")
    async with database.transaction(actor=operated, at=last) as session:
        staged = await load.stage(session, everybody, create_missing=True)
        await load.write(session, staged, file="demo")
    sign_ins = await _make_users(database, at=last)
    await _last_month(database, month.plus(-1), at=last)
    async with database.transaction(actor=operated, at=now) as session:
        rest = (row for row in rows(count=customers, month=month) if row.line > len(everybody))
        await load.write(session, await load.stage(session, rest, create_missing=True), file="demo")
    return month, sign_ins


def _first(customers: int) -> int:
    return max(30, min(_MAX_IN_ARREARS * 2, customers // 5))


async def _make_users(database: Database, *, at: datetime) -> list[SignIn]:
    wanted: list[tuple[str, str, Role, str | None]] = [("admin", "Admin", Role.ADMIN, None), ("sari", "Sari Wulandari", Role.FINANCE, None)]
    wanted += [
        (f"kasir{number}", f"Kasir {name}", Role.CLERK if number < 3 else Role.COLLECTOR, code)
        for number, (code, name) in enumerate(COUNTERS, 1)
    ]
    made = []
    for username, name, role, counter in wanted:
        password = passwords.random_password()
        hashed = await passwords.hashed(password)
        async with database.transaction(actor=operator("demo"), at=at) as session:
            counters = [counter] if counter else []
            await users.create(session, username=username, name=name, role=role, password_hash=hashed, counters=counters)
        made.append(SignIn(username, password, role, counter))
    return made


async def _last_month(database: Database, month: Month, *, at: datetime) -> None:
    """Issue last month's invoices of the existing customers, and pay every second one."""
    async with database.transaction(actor=operator("demo"), at=at) as session:
        await periods.open_period(session, month, confirm=True)
        started = await generation.start(session, month, counters=None, key="demo-last-month")
    await generation.work(lambda: database.transaction(actor=operator("demo"), at=at), run_id=started.run_id, chunk=10_000)
    paid_at = at + timedelta(days=5)
    async with database.reading() as reading:
        admin = await reading.row(text("SELECT id, name FROM app_user WHERE username = 'admin'"))
        owed = await reading.rows(text("SELECT customer_id, total FROM invoice WHERE id % 2 = 0 ORDER BY id"))
    if admin is None:
        raise RuntimeError("the demo's admin is missing")
    actor = Actor(admin.id, admin.name, Role.ADMIN, EVERYWHERE)
    for customer_id, total in owed:
        async with database.transaction(actor=actor, at=paid_at) as session:
            received = payments.Received(
                customer_id=customer_id, amount=total, method=payments.PaymentMethod.CASH, key=f"demo-{customer_id}-last"
            )
            await payments.record(session, received)
