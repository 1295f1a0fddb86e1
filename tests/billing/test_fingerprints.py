"""What a key's fingerprint holds: each field of each verb of money makes another request of it. And in which period a void stands."""

import contextlib
import itertools
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.billing import charges, corrections, credit, deposits, differences, generation, payments, periods, reversals
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.billing.payments import PaymentMethod, Received
from sebilling.clock import Month
from sebilling.db.engine import Database, WriteSession
from sebilling.errors import SebillingError
from sebilling.storage.proofs import Proof
from tests.harness import FEBRUARY, NOW, Isp

KEY = "the-same-key-twice"
Verb = Callable[..., Awaitable[Any]]


async def record(session: WriteSession, **given: Any) -> None:
    await payments.record(session, Received(**given))


async def submit(session: WriteSession, **given: Any) -> None:
    await deposits.submit(session, object_key=f"proofs/{uuid.uuid4()}", **given)


async def surplus(session: WriteSession, **given: Any) -> None:
    await differences.settle(session, DifferenceKind.SURPLUS, **given)


async def shortage(session: WriteSession, **given: Any) -> None:
    await differences.settle(session, DifferenceKind.SHORTAGE, **given)


PROOF = Proof("image/png", b"x", b"digest-of-a-proof")
REASON = ("salah orang", "alasan lain")
VERBS: dict[str, tuple[Verb, dict[str, tuple[Any, Any]]]] = {
    "recordPayment": (record, {
        "customer_id": (1, 2), "amount": (5, 6), "method": (PaymentMethod.CASH, PaymentMethod.TRANSFER), "counter_id": (None, 1),
        "note": ("", "x"), "invoice_ids": (None, [1]), "collected_at": (None, NOW - timedelta(minutes=1)),
    }),
    "voidInvoice": (corrections.void_invoice, {"invoice_id": (1, 2), "reason": REASON, "release_payments": (False, True)}),
    "writeOffInvoice": (corrections.write_off, {"invoice_id": (1, 2), "reason": REASON, "amount": (None, 5)}),
    "reversePayment": (corrections.reverse_payment, {"payment_id": (1, 2), "reason": REASON}),
    "refundCredit": (corrections.refund, {
        "payment_id": (1, 2), "method": (PaymentMethod.CASH, PaymentMethod.QRIS), "reason": REASON, "amount": (None, 5),
        "collector_id": (None, 1),
    }),
    "reverseWriteOff": (reversals.reverse_write_off, {"write_off_id": (1, 2), "invoice_id": (1, 2), "reason": REASON}),
    "reverseRefund": (reversals.reverse_refund, {"refund_id": (1, 2), "payment_id": (1, 2), "reason": REASON}),
    "applyCredit": (credit.apply, {"customer_id": (1, 2), "invoice_id": (None, 1)}),
    "submitDeposit": (submit, {
        "counter_id": ("LKT01", "LKT02"), "collector_id": (None, 1), "amount": (5, 6), "type": (DepositType.MANUAL, DepositType.TRANSFER),
        "note": ("", "x"), "proof": (PROOF, Proof("image/png", b"y", b"digest-of-another")),
    }),
    "verifyDeposit": (deposits.verify, {"deposit_id": (1, 2), "counted": (None, 5), "note": ("", "x")}),
    "rejectDeposit": (deposits.reject, {"deposit_id": (1, 2), "reason": REASON}),
    "correctDeposit": (differences.correct, {"deposit_id": (1, 2), "counted": (5, 6), "reason": REASON}),
    "settleSurplus": (surplus, {"counter_id": (1, 2), "collector_id": (1, 2), "amount": (5, 6), "reason": REASON}),
    "settleShortage": (shortage, {"counter_id": (1, 2), "collector_id": (1, 2), "amount": (5, 6), "reason": REASON}),
    "reverseSettlement": (differences.reverse, {"settlement_id": (1, 2), "deposit_id": (1, 2), "reason": REASON}),
    "reopenPeriod": (periods.reopen, {"month": (FEBRUARY, Month(2026, 3)), "reason": REASON}),
    "generateInvoices": (generation.start, {"month": (FEBRUARY, Month(2026, 3)), "counters": (None, []), "customer_id": (None, 1)}),
    "addCharge": (charges.add, {
        "customer_id": (1, 2), "kind": (ChargeKind.CABLE, ChargeKind.DEVICE), "description": ("a", "b"), "amount": (5, 6),
    }),
}  # fmt: skip
"""Verb → each field of its input, with a value and another one."""


async def ask(isp: Isp, verb: Verb, given: dict[str, Any]) -> None:
    """Ask for it under the key; what becomes of it doesn't matter: the fingerprint is noted before."""
    async with isp.write() as session:
        with contextlib.suppress(SebillingError):
            async with session.connection.begin_nested():
                await verb(session, key=KEY, **given)


@pytest.mark.parametrize("name", VERBS)
async def test_each_field_makes_another_request_of_it(database: Database, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    verb, given = VERBS[name]
    fields = {field: [isp.counters.get(one, one) if isinstance(one, str) else one for one in values] for field, values in given.items()}
    taken: list[bytes] = []
    _note_fingerprints(monkeypatch, taken)
    first = {field: one for field, (one, _) in fields.items()}
    for field in (None, *fields):
        await ask(isp, verb, first if field is None else {**first, field: fields[field][1]})
    assert len(taken) == 1 + len(fields), f"{name}: something was refused before its key was looked at"
    wrong = [field for field, digest in zip(fields, taken[1:], strict=True) if digest == taken[0]]
    assert wrong == [], f"the fingerprint of {name} doesn't hold {wrong}"


def _note_fingerprints(monkeypatch: pytest.MonkeyPatch, taken: list[bytes]) -> None:
    """Note what is sent to the database as a fingerprint."""

    def noting(sent: Verb) -> Verb:
        async def send(self: WriteSession, statement: Any, parameters: Any = None, **how: Any) -> Any:
            if parameters and "fingerprint" in parameters:
                taken.append(parameters["fingerprint"])
            return await sent(self, statement, parameters, **how)

        return send

    for name in ("value", "row", "only_row"):
        monkeypatch.setattr(WriteSession, name, noting(getattr(WriteSession, name)))


JANUARY, MARCH, APRIL, DECEMBER = Month(2026, 1), Month(2026, 3), Month(2026, 4), Month(2025, 12)
_INVOICE = text("SELECT id FROM invoice")
_keys = (f"key-of-a-void-{number}" for number in itertools.count())


@pytest.mark.parametrize(
    ("closed", "stands_in"),
    [
        ((), DECEMBER),  # its own, though later ones have begun
        ((DECEMBER,), FEBRUARY),  # the newest that has begun: not January, not March
        ((DECEMBER, FEBRUARY), JANUARY),
        ((DECEMBER, JANUARY, FEBRUARY), MARCH),  # none has begun: the first that will
    ],
)
async def test_in_which_period_a_void_stands(database: Database, closed: tuple[Month, ...], stands_in: Month) -> None:
    isp = await Isp.make(database)
    await isp.customer()
    for month in (DECEMBER, JANUARY, FEBRUARY, MARCH, APRIL):
        await isp.open(month)
    await isp.generate(DECEMBER)
    for month in closed:
        async with isp.write() as session:
            await periods.close(session, month, incomplete=True)
    async with isp.write() as session:
        await corrections.void_invoice(session, await session.value(_INVOICE), reason="salah", key=next(_keys))
    assert await isp.value("SELECT month FROM invoice_void JOIN period ON period.id = period_id") == stands_in.first
    await isp.check()
