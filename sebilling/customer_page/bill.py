"""What a customer's page shows, read for that one customer: nothing of anybody else."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import text

from sebilling.billing import locks, phones, pictures
from sebilling.billing.isolation import promises
from sebilling.billing.pictures import PictureKind
from sebilling.clock import local_date
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import InvalidText

_AGAIN_AFTER: Final = timedelta(days=30)
"""A customer promises by themselves at most once in this time; further ones are the office's."""
_ISP: Final = text("SELECT company_name, company_address, company_phone, payment_instructions, customer_promise_days FROM billing_settings")
_CUSTOMER: Final = text(
    """
    SELECT customer.id, customer.code, customer.name, customer.counter_id, counter.name AS counter, counter.timezone,
           coalesce((SELECT sum(outstanding) FROM invoice WHERE customer_id = customer.id), 0)::bigint AS owes,
           EXISTS (SELECT FROM service_access WHERE customer_id = customer.id AND desired = 'BLOCKED') AS is_blocked,
           (SELECT max(until_on) FROM payment_promise WHERE customer_id = customer.id) AS promised_until,
           (SELECT max(promised_at) FROM payment_promise WHERE customer_id = customer.id) AS promised_at
      FROM customer JOIN counter ON counter.id = customer.counter_id WHERE customer.id = :customer
    """
)
_INVOICES: Final = text(
    """
    SELECT id, number, covers_from, covers_until, due_on, total, written_off, outstanding FROM invoice
     WHERE customer_id = :customer AND voided_at IS NULL
     ORDER BY (outstanding > 0) DESC, covers_from DESC, id DESC LIMIT 12
    """
)
_FIND: Final = text("SELECT id FROM customer WHERE code IN (:code, upper(:code)) AND phone = :phone AND phone <> '' LIMIT 1")
_HIS_INVOICE: Final = text("SELECT id FROM invoice WHERE customer_id = :customer AND number = :number")


@dataclass(frozen=True, slots=True)
class _Texts:
    company_name: str
    company_address: str
    company_phone: str
    payment_instructions: str
    customer_promise_days: int


@dataclass(frozen=True, slots=True)
class Isp(_Texts):
    """The ISP as it presents itself; texts may be empty. `customer_promise_days`: 0 if customers don't promise by themselves.

    `logo` and `qris` are the addresses of its pictures; None if there is none.
    """

    logo: str | None
    qris: str | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice of the customer; amounts are whole rupiah."""

    id: int
    number: str
    covers_from: date
    covers_until: date
    due_on: date
    total: int
    written_off: int
    outstanding: int


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer, what they owe in whole rupiah, and their last promise."""

    id: int
    code: str
    name: str
    counter_id: int
    counter: str
    timezone: str
    owes: int
    is_blocked: bool
    promised_until: date | None
    promised_at: datetime | None

    def today(self, at: datetime) -> date:
        """The day at their counter."""
        return local_date(at, self.timezone)

    def may_promise(self, isp: Isp, at: datetime) -> bool:
        """Whether they may promise to pay by themselves now."""
        recently = self.promised_at is not None and at < self.promised_at + _AGAIN_AFTER
        return self.owes > 0 and isp.customer_promise_days > 0 and not recently


@dataclass(frozen=True, slots=True)
class Bill:
    """All that the page shows: unpaid invoices first, then the newest, twelve at most."""

    isp: Isp
    customer: Customer
    invoices: tuple[Invoice, ...]


async def read_isp(session: ReadSession) -> Isp:
    """Read how the ISP presents itself."""
    texts, shown = await session.only_row(_ISP, into=_Texts), await pictures.read_facts(session)
    logo, qris = (shown[kind].path if kind in shown else None for kind in (PictureKind.LOGO, PictureKind.QRIS))
    return Isp(**asdict(texts), logo=logo, qris=qris)


async def read(session: ReadSession, customer_id: int) -> Bill | None:
    """Read a customer's page; None if there is no such customer any more."""
    customer = await session.row(_CUSTOMER, {"customer": customer_id}, into=Customer)
    if customer is None:
        return None
    invoices = await session.rows(_INVOICES, {"customer": customer_id}, into=Invoice)
    return Bill(await read_isp(session), customer, tuple(invoices))


async def find(session: ReadSession, *, code: str, phone: str) -> int | None:
    """The customer with this code and phone number, in any spelling; None if the two don't belong together."""
    try:
        number = phones.read(phone, field=())
    except InvalidText:
        return None
    return await session.value(_FIND, {"code": code.strip(), "phone": number}, kind=int) if number else None


async def invoice_of(session: ReadSession, customer_id: int, number: str) -> int | None:
    """The id of one of the customer's own invoices; None for any other number."""
    return await session.value(_HIS_INVOICE, {"customer": customer_id, "number": number}, kind=int)


async def promise(session: WriteSession, customer_id: int, *, until_on: date) -> bool:
    """Record the customer's own promise to pay, which restores them if they are blocked. False if they may not promise that.

    The customer is locked first, so that two forms sent at once are one promise. Raises NotFound.
    """
    await locks.customer(session, customer_id)
    bill = await read(session, customer_id)
    if bill is None or not bill.customer.may_promise(bill.isp, session.at):
        return False
    today = bill.customer.today(session.at)
    if not today < until_on <= today + timedelta(days=bill.isp.customer_promise_days):
        return False
    await promises.record(session, customer_id, until_on=until_on, reason="janji dari halaman pelanggan")
    return True
