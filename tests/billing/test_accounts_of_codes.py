"""A code that decides about money is declared once, with its account; one that isn't declared is refused, not booked somewhere."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling.actor import EVERYWHERE
from sebilling.billing import invariants, receipts, reports
from sebilling.billing.deposits import DepositType
from sebilling.billing.journal import Account
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.pricing import LineKind
from sebilling.billing.reports import Report
from sebilling.db.engine import Database
from sebilling.schema.invoices import WriteOffKind
from tests.harness import FEBRUARY, Isp

ROOT = Path(__file__).parents[2] / "sebilling"
_PAY = (
    "INSERT INTO payment (customer_id, counter_id, amount, allocated, refunded, method, received_by, collected_at, received_at,"
    " received_on, note, surplus_because)"
    " SELECT :customer, counter_id, 500, 0, 0, :method, received_by, received_at, received_at, received_on, '', ''"
    " FROM payment LIMIT 1"
)
_RECEIPT = (
    "INSERT INTO receipt SELECT max(payment.id), counter_id, month, sequence + 1, 'KW/2026-02/LKT01/000002' FROM payment JOIN receipt"
    " USING (counter_id) GROUP BY counter_id, month, sequence"
)
_REFUND = (
    "INSERT INTO refund (payment_id, counter_id, amount, method, reason, refunded_at, refunded_on, refunded_by)"
    " SELECT id, counter_id, 1, '{}', 'x', now(), received_on, received_by FROM payment"
)
_DEPOSIT = (
    "WITH proof AS (INSERT INTO proof (object_key, media_type, size_bytes, sha256, uploaded_at, uploaded_by)"
    " SELECT 'x', 'image/png', 1, sha256(''), now(), received_by FROM payment RETURNING id)"
    " INSERT INTO deposit (counter_id, collector_id, submitted_by, amount, type, note, proof_id, submitted_at, deposited_on, status)"
    " SELECT counter_id, received_by, received_by, 1, 'VOUCHER', '', proof.id, now(), received_on, 'SUBMITTED' FROM payment, proof"
)
_LINE = (
    "INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount)"
    " SELECT id, 99, 'VOUCHER', 'x', 1, 1, 1 FROM invoice"
)
_WRITE_OFF = (
    "INSERT INTO write_off (invoice_id, amount, reason, written_off_at, written_off_on, kind)"
    " SELECT id, 1, 'x', now(), due_on, '{}' FROM invoice"
)
_DECLARED = "INSERT INTO payment_method VALUES ('VOUCHER', 'OTHER_RECEIPTS')"


async def paid(database: Database) -> tuple[Isp, int]:
    """An ISP, and a customer who has paid an invoice."""
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    await isp.pay(customer_id, 1_000)
    return isp, customer_id


async def execute(isp: Isp, *statements: str, **parameters: object) -> None:
    async with isp.write() as session:
        for statement in statements:
            await session.execute(text(statement), {name: value for name, value in parameters.items() if f":{name}" in statement})


async def test_the_database_books_each_code_as_its_enum_declares(database: Database) -> None:
    isp = await Isp.make(database)
    assert dict(await isp.rows("SELECT code, account FROM payment_method")) == {
        method.value: method.account.value for method in PaymentMethod
    }
    for way in DepositType:
        assert await isp.value("SELECT deposit_account(:code)", code=way.value) == way.account, way
    for kind in LineKind:
        assert await isp.value("SELECT line_account(:code)", code=kind.value) == kind.account, kind
    for write_off in WriteOffKind:
        assert await isp.value("SELECT write_off_account(:code)", code=write_off.value) in set(Account), write_off
    for function in ("deposit_account", "line_account", "write_off_account"):
        assert await isp.value(f"SELECT {function}('VOUCHER')") is None


def test_the_journal_names_the_accounts_that_the_enum_declares() -> None:
    journal = (ROOT / "db" / "sql" / "journal.sql").read_text(encoding="utf-8")
    others = {*LineKind, *DepositType, *WriteOffKind, "UTC"} - set(Account)
    assert {*re.findall(r"'([A-Z]+(?:_[A-Z]+)*)'", journal), *(method.account for method in PaymentMethod)} - others == set(Account)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (_PAY.replace(":method", "'VOUCHER'"), "payment_method_fkey"),
        (_REFUND.format("VOUCHER"), "refund_method_fkey"),
        (_REFUND.format("OPENING"), "refund_method_check"),
        (_DEPOSIT, "deposit_type_check"),
        (_LINE, "invoice_line_kind_check"),
        (_WRITE_OFF.format("VOUCHER"), "write_off_kind_check"),
        ("INSERT INTO payment_method VALUES ('GIRO', 'CASH_ON_HAND')", "payment_method_cash_check"),
        ("INSERT INTO payment_method VALUES ('GIRO', 'OPENING_BALANCE')", "payment_method_opening_check"),
        ("INSERT INTO payment_method VALUES ('GIRO', 'REVENUE')", "payment_method_account_check"),
        ("INSERT INTO payment_method VALUES ('GIRO', NULL)", "account"),
        ("UPDATE payment_method SET account = 'BANK' WHERE code = 'OTHER'", "append-only"),
        ("DELETE FROM payment_method WHERE code = 'OTHER'", "append-only"),
        ("TRUNCATE payment_method CASCADE", "append-only"),
    ],
)
async def test_an_unknown_code_is_refused(database: Database, statement: str, constraint: str) -> None:
    isp, customer_id = await paid(database)
    with pytest.raises(IntegrityError, match=constraint):
        await execute(isp, statement, customer=customer_id)
    await isp.check()


async def test_the_journal_refuses_money_without_an_account(database: Database) -> None:
    isp, _ = await paid(database)
    await execute(
        isp,
        "CREATE OR REPLACE FUNCTION write_off_account(p_kind text) RETURNS text LANGUAGE sql IMMUTABLE"
        " RETURN CASE p_kind WHEN 'LATE_FEE' THEN 'REVENUE' END",
        "ALTER TABLE write_off DROP CONSTRAINT write_off_kind_check",
        _WRITE_OFF.format("BAD_DEBT"),
    )
    with pytest.raises(IntegrityError, match="domain journal_account does not allow null values"):
        await isp.rows("SELECT * FROM journal")


async def test_a_method_that_this_version_does_not_know_is_neither_printed_nor_exported(database: Database) -> None:
    """Such as one that a newer version has recorded."""
    isp, customer_id = await paid(database)
    await execute(isp, _DECLARED, _PAY, _RECEIPT, customer=customer_id, method="VOUCHER")
    payment_id = await isp.value("SELECT id FROM payment WHERE method = 'VOUCHER'")
    async with database.reading() as session:
        with pytest.raises(KeyError, match="VOUCHER"):
            await receipts.read(session, payment_id, scope=EVERYWHERE)
        broken = [finding.invariant.name async for finding in invariants.check(session) if finding.rows]
        assert "payment_methods" in broken
    async with database.snapshot() as snapshot:
        with pytest.raises(ValueError, match="Metode"):
            [row async for row in reports.rows(snapshot, Report.PAYMENTS, FEBRUARY, scope=EVERYWHERE)]


def test_no_case_over_codes_has_an_else() -> None:
    """`CASE kind WHEN 'A' THEN … ELSE …` takes every code that comes later for the last one."""
    files = [*(ROOT / "db" / "sql").glob("*.sql"), *(ROOT / "billing").rglob("*.py"), *(ROOT / "schema").rglob("*.py")]
    found = [f"{path.name}: {case}" for path in files for case in cases_over_codes(path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "sql",
    [
        "CASE method WHEN 'CASH' THEN 'CASH_ON_HAND' ELSE 'BANK' END",
        "CASE WHEN payment.method = 'CASH' THEN\n 'CASH_ON_HAND' ELSE 'BANK' END",
        "CASE name WHEN 'deposited' THEN\" \n\" counted ELSE difference END",
        "CASE kind WHEN 'A' THEN CASE WHEN x THEN 1 ELSE 2 END ELSE 5 END",
    ],
)
def test_such_an_else_is_found(sql: str) -> None:
    assert len(list(cases_over_codes(f"SELECT {sql} FROM payment"))) == 1


def cases_over_codes(source: str) -> list[str]:
    """Each CASE that compares a column with a quoted code, and has an ELSE of its own."""
    open_cases: list[tuple[int, bool]] = []  # where it begins, and whether it has an ELSE
    found = []
    for word in re.finditer(r"\b(CASE|ELSE|END)\b", source):
        if word[0] == "CASE":
            open_cases.append((word.start(), False))
        elif open_cases and word[0] == "ELSE":
            open_cases[-1] = (open_cases[-1][0], True)
        elif open_cases:
            begin, has_else = open_cases.pop()
            case = source[begin : word.end()]
            if has_else and re.match(r"CASE\s+[\w.]+\s+WHEN\s+'\w|CASE\s+WHEN\s+[\w.]*(?:method|kind|type|status|rounding)\s*=\s*'", case):
                found.append(" ".join(case.split()))
    return found
