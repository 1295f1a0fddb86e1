"""A context of customers in memory, events, and a running plugin; everything is logged, and no test's log holds a secret."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sebilling.plugins.hookspecs import Customer, Event, Invoice, UpcomingBlock

from sebilling_notify.running import Running
from sebilling_notify.settings import load

SECRET: Final = "rahasia-yang-panjang-77"
TOKEN: Final = "token-gerbang-88"
BOT: Final = "12345:bot-rahasia-99"
PHONE: Final = "+6281234567890"
NOW: Final = datetime(2026, 2, 3, 2, 0, tzinfo=UTC)
BUDI: Final = Customer("cus_1", "C001", "Budi", PHONE, "LKT01", 100_000)
SITI: Final = Customer("cus_2", "C002", "Siti", "", "LKT01", 150_000)


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        told = logging.Formatter().format(record)
        for secret in (SECRET, TOKEN, BOT, PHONE, PHONE[1:], "Budi"):
            assert secret not in told, told


@dataclass
class People:
    """A `Context`."""

    bills: list[Invoice] = field(default_factory=list)
    dues: list[UpcomingBlock] = field(default_factory=list)

    def company(self) -> str:
        return "Sejati Net"

    def customer(self, customer_id: str) -> Customer | None:
        return {"cus_1": BUDI, "cus_2": SITI}.get(customer_id)

    def invoices(self, event: Event, *, skip: int = 0, most: int = 1_000) -> Sequence[Invoice]:
        return self.bills[skip : skip + most] if event.kind == "invoices.issued" else []

    def upcoming_blocks(self, *, within_days: int) -> Sequence[UpcomingBlock]:
        return [one for one in self.dues if one.block_on <= date(2026, 2, 3) + timedelta(days=within_days)]


def event(number: int, kind: str = "payment.recorded", *, at: datetime = NOW, **data: Any) -> Event:
    """An event; a payment of Budi's if nothing else is said."""
    return Event(number, at, kind, "Kasir", "payment", 5, "cou_1", {"customer_id": "cus_1", "amount": 50_000} | data)


class Plugin:
    """The plugin, as a worker runs it, on one file; it can be closed and opened again."""

    def __init__(self, folder: Path) -> None:
        self.queue_file = folder / "var" / "notify.sqlite"
        self.people = People()
        self.now = NOW

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[Running]:
        given = {
            "_env_file": None, "queue": self.queue_file, "whatsapp_per_minute": 6_000, "timeout_seconds": 1,
            "webhook_secret": SECRET, "whatsapp_token": TOKEN, "telegram_token": BOT, **settings,
        }  # fmt: skip
        one = Running.open(load(given), self.people, now=lambda: self.now)
        one.sender.first_wait_seconds = 0.02
        try:
            yield one
        finally:
            await one.close()


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugin:
    monkeypatch.chdir(tmp_path)
    return Plugin(tmp_path)


async def until(condition: Callable[[], object], seconds: float = 8) -> None:
    """Wait for it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not condition():
        assert loop.time() < end, "it doesn't come"
        await asyncio.sleep(0.01)
