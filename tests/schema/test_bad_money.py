"""What people and programs send wrong about money: a clear error with code and field, and not a byte in any table is another."""

import re
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import charges, deposits
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.db.tables import Base
from sebilling.errors import SebillingError
from tests.harness import FEBRUARY, NOW, Api, Isp, make_user

KEY = "kunci-pertama"
OFFICE: dict[str, dict[str, Any]] = {
    "voidInvoice": {"invoiceId": "inv_{open}", "reason": "salah paket", "idempotencyKey": KEY},
    "writeOffInvoice": {"invoiceId": "inv_{open}", "reason": "pindah kota", "idempotencyKey": KEY, "amount": 1_000},
    "reversePayment": {"paymentId": "pay_{payment}", "reason": "salah orang", "idempotencyKey": KEY},
    "refundCredit": {
        "paymentId": "pay_{payment}", "method": "CASH", "reason": "kelebihan", "idempotencyKey": KEY, "amount": 1_000,
        "collectorId": "usr_{admin}",
    },
    "applyCredit": {"customerId": "cus_{customer}", "invoiceId": "inv_{open}", "idempotencyKey": KEY},
    "addCharge": {"customerId": "cus_{customer}", "kind": "CABLE", "description": "Kabel", "amount": 5_000, "idempotencyKey": KEY},
    "cancelCharge": {"id": "chg_{charge}", "reason": "tidak jadi"},
    "addDiscount": {
        "target": {"customerId": "cus_{customer}"}, "reduction": {"amount": 1_000}, "description": "Promo", "fromOn": "2026-03-01",
        "idempotencyKey": KEY,
    },
    "endDiscount": {"id": "dis_{discount}", "untilOn": "2026-06-01"},
    "setBillingCycle": {"customerId": "cus_{customer}", "months": 3, "effectiveFrom": "2026-03-01"},
    "verifyDeposit": {"depositId": "dep_{deposit}", "counted": 900, "note": "kurang", "idempotencyKey": KEY},
    "rejectDeposit": {"depositId": "dep_{deposit}", "reason": "tidak ada", "idempotencyKey": KEY},
    "issueInvoice": {"month": "2026-02", "customerId": "cus_{newcomer}", "idempotencyKey": KEY},
}  # fmt: skip
SUBMIT: dict[str, Any] = {
    "counterId": "cou_{LKT01}",
    "amount": 1_000,
    "collectorId": "usr_{kolektor}",
    "idempotencyKey": KEY,
    "note": "pagi",
}
DEEDS: dict[str, dict[str, Any]] = {**OFFICE, "submitDeposit": SUBMIT, "updateBillingSettings": {"lateFee": 5_000}}
"""Every mutation of money, with an input that is right in the scene."""
KEYED = {name for name, given in DEEDS.items() if "idempotencyKey" in given}
OTHERS: dict[str, dict[str, Any]] = {
    "voidInvoice": {"releasePayments": True}, "applyCredit": {"invoiceId": None}, "addCharge": {"amount": 5_001},
    "addDiscount": {"reduction": {"amount": 1_001}},
    "verifyDeposit": {"counted": None}, "issueInvoice": {"customerId": "cus_{customer}"}, "submitDeposit": {"note": ""},
}  # fmt: skip
"""What makes another request of it; another reason for the rest."""


class Scene:
    """An ISP in February 2026 in which every deed of DEEDS can be done, and a client of each role."""

    def __init__(self, isp: Isp, ids: dict[str, int]) -> None:
        self.isp = isp
        self.ids = ids
        self.api = Api(isp.database)

    @classmethod
    async def make(cls, database: Database, username: str = "admin") -> "Scene":
        isp = await Isp.make(database, "LKT01", "LKT02")
        ids = {**isp.counters, "admin": isp.admin.user_id or 0, "plan": isp.plan_id}
        async with isp.write() as session:
            for name, role in (("keuangan", Role.FINANCE), ("teknisi", Role.TECHNICIAN), ("auditor", Role.AUDITOR)):
                ids[name] = await make_user(session, name, role)
            for name, role in (("kasir", Role.CLERK), ("kolektor", Role.COLLECTOR)):
                ids[name] = await make_user(session, name, role, "LKT01")
        ids["customer"] = await isp.customer()
        await isp.open(Month(2026, 1))
        await isp.generate(Month(2026, 1))
        ids["payment"] = (await isp.pay(ids["customer"], 200_000)).payment_id
        await isp.hold(ids["payment"])
        await isp.open(FEBRUARY)
        await isp.generate(FEBRUARY)
        ids["paid"], ids["open"] = (row[0] for row in await isp.rows("SELECT id FROM invoice ORDER BY period_id"))
        ids["newcomer"] = await isp.customer()
        async with isp.write() as session:
            ids["charge"], _ = await charges.add(session, ids["customer"], kind=ChargeKind.OTHER, description="x", amount=1, key="charge-1")
            ids["discount"], _ = await charges.discount(
                session, plan_id=isp.plan_id, percent=Decimal(10), description="x", from_on=date(2026, 3, 1), key="discount-1"
            )
        scene = cls(isp, ids)
        ids["deposit"] = await scene.submitted("kolektor", Role.COLLECTOR)
        await scene.api.sign_in(username)
        return scene

    async def submitted(self, username: str, role: Role, amount: int = 1_000, **given: Any) -> int:
        """A deposit of this user that waits."""
        actor = Actor(self.ids[username], username, role, EVERYWHERE)
        async with self.isp.database.transaction(actor=actor, at=NOW) as session:
            found = await deposits.submit(
                session, counter_id=self.ids["LKT01"], amount=amount, type=DepositType.MANUAL, key=f"of-{username}", **given
            )
        return found.deposit_id

    async def digest(self) -> dict[str, str]:
        """Every table's content."""
        tables = sorted(Base.metadata.tables)
        each = "SELECT '{0}', md5(coalesce(string_agg(t::text, ';' ORDER BY t::text), '')) FROM {0} t"
        return dict([tuple(row) for row in await self.isp.rows(" UNION ALL ".join(each.format(table) for table in tables))])

    def input(self, name: str, **changes: Any) -> dict[str, Any]:
        given = {**DEEDS[name], **changes}
        return {field: self._filled(value) for field, value in given.items() if value is not None}

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {field: self._filled(part) for field, part in value.items()}
        return value.format(**self.ids) if isinstance(value, str) and "{" in value else value

    async def asked(self, name: str, **changes: Any) -> Any:
        replayed = "replayed" if name in KEYED else ""
        document = (
            f"mutation($i: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $i) {{ {replayed} errors {{ code message field }} }} }}"
        )
        return await self.api.raw(document, i=self.input(name, **changes))

    async def done(self, name: str, **changes: Any) -> Any:
        """It must succeed; whether the key had done it before."""
        answer = await self.asked(name, **changes)
        assert "errors" not in answer, answer
        assert answer["data"][name]["errors"] == []
        return answer["data"][name].get("replayed")

    async def malformed(self, name: str, **changes: Any) -> bool:
        """Whether the request as a whole was refused as no valid one; nothing may have changed."""
        before = await self.digest()
        answer = await self.asked(name, **changes)
        assert await self.digest() == before, name
        return {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_REQUEST"}

    async def refused(self, name: str, **changes: Any) -> tuple[str, str]:
        """Code and field of the one error; nothing may have changed."""
        code, field, _ = await self.told(name, **changes)
        return code, field

    async def told(self, name: str, **changes: Any) -> tuple[str, str, str]:
        """Likewise, and its message."""
        before = await self.digest()
        answer = await self.asked(name, **changes)
        assert await self.digest() == before, name
        if "errors" in answer:
            (error,) = answer["errors"]
            return error["extensions"]["code"], "", error["message"]
        (error,) = answer["data"][name]["errors"]
        return error["code"], ".".join(error["field"]), error["message"]


@pytest.mark.parametrize("name", DEEDS)
async def test_what_is_right_is_done_and_with_its_key_once(database: Database, name: str) -> None:
    scene = await Scene.make(database)
    before = await scene.digest()
    assert not await scene.done(name)
    after = await scene.digest()
    assert before != after
    if name not in KEYED:
        return
    assert await scene.done(name) is True
    assert await scene.digest() == after
    other = OTHERS.get(name, {"reason": "sebab lain"})
    assert await scene.refused(name, **other) == ("IDEMPOTENCY_MISMATCH", "input.idempotencyKey")
    for another in KEYED - {name}:
        assert await scene.refused(another) == ("IDEMPOTENCY_MISMATCH", "input.idempotencyKey"), another
    await scene.isp.check()


async def test_a_key_that_was_refused_is_still_free_and_belongs_to_its_user(database: Database) -> None:
    scene = await Scene.make(database)
    assert await scene.refused("voidInvoice", invoiceId="inv_{paid}") == ("INVOICE_PAID", "input.invoiceId")
    assert await scene.done("voidInvoice") is False
    await scene.api.sign_in("keuangan")
    assert await scene.done("reversePayment") is False
    await scene.isp.check()


async def test_keys_that_are_none(database: Database) -> None:
    scene = await Scene.make(database)
    for name, key in product(sorted(KEYED), ("", "pendek", "x" * 101, "kunci-é-12345", "dua\nbaris-1")):
        assert await scene.refused(name, idempotencyKey=key) == ("INVALID_TEXT", "input.idempotencyKey"), (name, key)


async def test_amounts_that_are_none(database: Database) -> None:
    scene = await Scene.make(database)
    for name, field in ((name, field) for name in DEEDS for field in ("amount", "counted", "lateFee") if field in DEEDS[name]):
        refused_as = "INVALID_NUMBER" if field == "lateFee" else "INVALID_AMOUNT"
        for amount in (-1, 10**12 + 1, 10**30, *([] if field == "lateFee" else [0])):
            assert await scene.refused(name, **{field: amount}) == (refused_as, f"input.{field}"), (name, amount)
        wrong: list[Any] = [0.5, "1000", True, [1_000], 1e300]
        for one in wrong:
            assert await scene.refused(name, **{field: one}) == ("INVALID_NUMBER", f"input.{field}"), (name, one)


async def test_amounts_of_more_than_there_is(database: Database) -> None:
    scene = await Scene.make(database)
    assert await scene.refused("writeOffInvoice", amount=150_001) == ("NOTHING_OWED", "input.invoiceId")
    assert await scene.refused("writeOffInvoice", invoiceId="inv_{paid}", amount=None) == ("NOTHING_OWED", "input.invoiceId")
    assert await scene.refused("refundCredit", amount=50_001) == ("NO_CREDIT", "input.paymentId")
    assert await scene.refused("applyCredit", invoiceId="inv_{paid}") == ("NOTHING_OWED", "input.customerId")
    assert await scene.refused("applyCredit", customerId="cus_{newcomer}", invoiceId=None) == ("NO_CREDIT", "input.customerId")
    assert await scene.refused("refundCredit", collectorId="usr_{kasir}") == ("INSUFFICIENT_CASH", "input")


async def test_reasons_that_say_nothing(database: Database) -> None:
    scene = await Scene.make(database)
    for name in (name for name, given in DEEDS.items() if "reason" in given):
        for reason in ("", "  \t ", "x", " ab ", "x" * 501, "x" * 200_000, "sa\x07lah", "salah\u202e"):
            assert await scene.refused(name, reason=reason) == ("INVALID_TEXT", "input.reason"), (name, reason[:20])
        assert (await scene.refused(name, reason=None))[0] == "BAD_REQUEST"


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x"])
async def test_a_reason_of_ten_megabytes_is_not_even_read(database: Database, media_type: str) -> None:
    scene = await Scene.make(database)
    before = await scene.digest()
    body = b'{"query": "mutation { voidInvoice(input: {reason: \\"' + b"x" * 10_000_000 + b'\\"}) { replayed } }"}'
    headers = {**scene.api.headers, "content-type": media_type}
    assert (await scene.api.http.post("/graphql", content=body, headers=headers)).status_code == 413
    assert await scene.digest() == before


@pytest.mark.parametrize("name", DEEDS)
async def test_things_that_are_not_there(database: Database, name: str) -> None:
    scene = await Scene.make(database)
    for field in (field for field in DEEDS[name] if field == "id" or field.endswith("Id")):
        prefix = DEEDS[name][field][:3]
        for given in (f"{prefix}_999999", f"{prefix}_{'9' * 18}"):
            assert await scene.refused(name, **{field: given}) == ("NOT_FOUND", f"input.{field}"), given
        for given in ("", "1", f"{prefix}_0", f"{prefix}_{'9' * 30}", f"{prefix}_1; DROP TABLE invoice", f"{prefix}_1\n", "per_1", "run_1"):
            assert await scene.refused(name, **{field: given}) == ("INVALID_ID", f"input.{field}"), given
    if name == "addDiscount":
        for field, prefix in (("customerId", "cus"), ("planId", "pla")):
            assert await scene.refused(name, target={field: f"{prefix}_999999"}) == ("NOT_FOUND", f"input.target.{field}")
            for given in ("", "1", f"{prefix}_0", "inv_1"):
                assert await scene.refused(name, target={field: given}) == ("INVALID_ID", f"input.target.{field}"), given


async def test_things_of_someone_else(database: Database) -> None:
    scene = await Scene.make(database)
    other = await scene.isp.customer(installed_on=date(2026, 1, 1))
    await scene.isp.pay(other, 1_000)
    assert await scene.refused("applyCredit", customerId=f"cus_{other}") == ("NOT_FOUND", "input.invoiceId")


async def test_a_refund_by_transfer_of_nobody(database: Database) -> None:
    scene = await Scene.make(database)
    assert await scene.refused("refundCredit", method="TRANSFER", collectorId="usr_999999") == ("NOT_FOUND", "input.collectorId")


async def test_custom_billing_that_cannot_be(database: Database) -> None:
    scene = await Scene.make(database)
    for months in (0, -1, 61, 500, 2**31 - 1):
        assert await scene.refused("setBillingCycle", months=months) == ("INVALID_NUMBER", "input.months")
    wrong: list[Any] = [2**31, 1.5, "3"]
    for one in wrong:
        assert (await scene.refused("setBillingCycle", months=one))[0] == "BAD_REQUEST"
    for day in ("2026-02-28", "2026-02-03", "2026-01-01", "0001-01-01"):
        code, field, message = await scene.told("setBillingCycle", effectiveFrom=day)
        assert (code, field) == ("ALREADY_COVERED", "input.effectiveFrom")
        assert message.endswith("choose 2026-03-01 or a later date.")
    assert await scene.refused("setBillingCycle", effectiveFrom="2037-01-01") == ("INVALID_DATE", "input.effectiveFrom")
    wrong = ["2026-02-30", "March", 20260301]
    for one in wrong:
        assert await scene.refused("setBillingCycle", effectiveFrom=one) == ("INVALID_DATE", "input.effectiveFrom")
    preview = 'query($c: ID!) { previewBillingCycle(customerId: $c, months: 3, effectiveFrom: "2026-02-28") { months } }'
    assert await scene.api.top_error(preview, c=f"cus_{scene.ids['customer']}") == "ALREADY_COVERED"
    assert await scene.done("setBillingCycle", effectiveFrom="2026-03-01") is None


async def test_discounts_that_cannot_be(database: Database) -> None:
    scene = await Scene.make(database)
    for percent in ("150", "100.0001", "0", "-10", "0.00001", "12.34567", "1e5"):
        assert await scene.refused("addDiscount", reduction={"percent": percent}) == ("INVALID_NUMBER", "input.reduction.percent"), percent
    wrong: list[Any] = [10, 1.5, "sepuluh", "NaN", "Infinity", ""]
    for one in wrong:
        assert await scene.refused("addDiscount", reduction={"percent": one}) == ("INVALID_NUMBER", "input.reduction.percent"), one
    customer, plan = f"cus_{scene.ids['customer']}", f"pla_{scene.ids['plan']}"
    malformed: list[dict[str, Any]] = [
        {"reduction": {"percent": "10", "amount": 1_000}}, {"reduction": {}}, {"reduction": {"amount": None}}, {"target": {}},
        {"target": {"customerId": customer, "planId": plan}}, {"target": {"planId": None}},
    ]  # fmt: skip
    for given in malformed:
        assert await scene.malformed("addDiscount", **given), given
    assert await scene.refused("addDiscount", untilOn="2026-03-01") == ("INVALID_DATE", "input.untilOn")
    assert await scene.refused("addDiscount", description=" ") == ("INVALID_TEXT", "input.description")
    assert await scene.refused("endDiscount", untilOn="2026-02-28") == ("INVALID_DATE", "input.untilOn")
    await scene.done("endDiscount", untilOn="2026-06-01")
    assert await scene.refused("endDiscount", untilOn="2026-06-02") == ("INVALID_DATE", "input.untilOn")  # longer is a new one


async def test_settings_that_cannot_be(database: Database) -> None:
    scene = await Scene.make(database)
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("taxRate", {"taxRate": "100.0001"}), ("taxRate", {"taxRate": "-1"}), ("taxNumerator", {"taxNumerator": 12, "taxDenominator": 11}),
        ("taxNumerator", {"taxNumerator": 0}), ("taxDenominator", {"taxDenominator": 0}), ("taxDenominator", {"taxDenominator": 1_001}),
        ("lateFeeAfterDays", {"lateFeeAfterDays": -1}), ("lateFeeAfterDays", {"lateFeeAfterDays": 366}),
    ]  # fmt: skip
    for field, given in wrong:
        assert await scene.refused("updateBillingSettings", **given) == ("INVALID_NUMBER", f"input.{field}"), given
    for field, most in (("companyName", 100), ("companyAddress", 300), ("companyPhone", 50), ("receiptFooter", 300)):
        assert await scene.refused("updateBillingSettings", **{field: "x" * (most + 1)}) == ("INVALID_TEXT", f"input.{field}")


async def test_charges_that_cannot_be(database: Database) -> None:
    scene = await Scene.make(database)
    assert await scene.refused("addCharge", kind="LATE_FEE") == ("INVALID_NUMBER", "input.kind")
    assert await scene.refused("addCharge", description="") == ("INVALID_TEXT", "input.description")
    assert (await scene.refused("addCharge", kind="BUNGA"))[0] == "BAD_REQUEST"
    await scene.done("cancelCharge")
    assert await scene.refused("cancelCharge") == ("ALREADY_CORRECTED", "input.id")


async def test_a_charge_that_is_billed_is_told_to_be_billed(database: Database) -> None:
    scene = await Scene.make(database)
    march = Month(2026, 3)
    await scene.isp.open(march)
    await scene.isp.generate(march)
    _, field, message = await scene.told("cancelCharge")
    assert field == "input.id"
    assert "nothing more needs to be done" not in message


async def test_corrections_of_what_is_settled_or_corrected(database: Database) -> None:
    scene = await Scene.make(database)
    code, field, message = await scene.told("voidInvoice", invoiceId="inv_{paid}")
    assert (code, field) == ("INVOICE_PAID", "input.invoiceId")
    assert "releasePayments" in message
    await scene.done("writeOffInvoice")
    assert await scene.refused("voidInvoice", idempotencyKey="kunci-kedua") == ("INVOICE_PAID", "input.invoiceId")
    assert await scene.refused("voidInvoice", idempotencyKey="kunci-kedua", releasePayments=True) == ("INVOICE_PAID", "input.invoiceId")
    await scene.done("voidInvoice", invoiceId="inv_{paid}", releasePayments=True, idempotencyKey="kunci-ketiga")
    for name in ("voidInvoice", "writeOffInvoice"):
        code, _ = await scene.refused(name, invoiceId="inv_{paid}", amount=None, idempotencyKey="kunci-keempat", releasePayments=None)
        assert code == ("ALREADY_CORRECTED" if name == "voidInvoice" else "NOTHING_OWED")
    await scene.done("refundCredit", idempotencyKey="kunci-kelima")
    assert await scene.refused("reversePayment", idempotencyKey="kunci-keenam") == ("PAYMENT_REFUNDED", "input.paymentId")
    await scene.isp.check()


async def test_a_payment_that_was_reversed(database: Database) -> None:
    scene = await Scene.make(database)
    await scene.done("reversePayment")
    assert await scene.refused("reversePayment", idempotencyKey="kunci-kedua") == ("ALREADY_CORRECTED", "input.paymentId")
    assert await scene.refused("refundCredit", idempotencyKey="kunci-kedua") == ("NO_CREDIT", "input.paymentId")
    assert await scene.refused("applyCredit", idempotencyKey="kunci-kedua") == ("NO_CREDIT", "input.customerId")


async def test_cash_that_was_handed_over_is_not_taken_back_from_the_drawer(database: Database) -> None:
    scene = await Scene.make(database)
    deposit = await scene.submitted("admin", Role.ADMIN, 150_001)  # of the 200.000 that admin received
    assert await scene.refused("reversePayment") == ("INSUFFICIENT_CASH", "input")
    assert await scene.refused("refundCredit", amount=50_000) == ("INSUFFICIENT_CASH", "input")
    await scene.api.sign_in("keuangan")
    await scene.done("verifyDeposit", depositId=f"dep_{deposit}", counted=None)
    assert await scene.refused("reversePayment", idempotencyKey="kunci-kedua") == ("INSUFFICIENT_CASH", "input")
    await scene.done("refundCredit", amount=49_999, idempotencyKey="kunci-kedua")
    await scene.isp.check()


async def test_nobody_decides_about_their_own_deposit(database: Database) -> None:
    scene = await Scene.make(database, "keuangan")
    own = await scene.submitted("keuangan", Role.FINANCE)
    entrusted = await scene.submitted("admin", Role.ADMIN, collector_id=scene.ids["keuangan"])
    for deposit in (own, entrusted):
        for name in ("verifyDeposit", "rejectDeposit"):
            assert await scene.refused(name, depositId=f"dep_{deposit}") == ("OWN_DEPOSIT", "input.depositId")
    await scene.done("rejectDeposit")
    for name in ("verifyDeposit", "rejectDeposit"):
        assert await scene.refused(name, idempotencyKey="kunci-kedua") == ("ALREADY_DECIDED", "input.depositId")


@pytest.mark.parametrize("username", ["kasir", "kolektor"])
async def test_who_collects_hands_over_their_own_at_their_own_counter(database: Database, username: str) -> None:
    scene = await Scene.make(database, username)
    assert await scene.refused("submitDeposit", counterId="cou_{LKT02}", collectorId=None) == ("NOT_FOUND", "input.counterId")
    assert (await scene.refused("submitDeposit", collectorId="usr_{admin}"))[0] == "FORBIDDEN"
    assert (await scene.refused("submitDeposit", collectorId="usr_999999"))[0] == "FORBIDDEN"
    assert await scene.refused("submitDeposit", type="TRANSFER", collectorId=None) == ("INVALID_PROOF", "input.proof")
    assert await scene.refused("submitDeposit", note="x" * 501, collectorId=None) == ("INVALID_TEXT", "input.note")
    assert await scene.done("submitDeposit", collectorId=f"usr_{{{username}}}") is False


@pytest.mark.parametrize("username", ["kasir", "kolektor", "teknisi", "auditor"])
async def test_money_is_corrected_by_the_office_alone(database: Database, username: str) -> None:
    scene = await Scene.make(database, username)
    for name in DEEDS:
        if name != "submitDeposit" or username in {"teknisi", "auditor"}:
            assert (await scene.refused(name))[0] == "FORBIDDEN", name


async def test_finance_does_all_but_the_settings(database: Database) -> None:
    scene = await Scene.make(database, "keuangan")
    assert (await scene.refused("updateBillingSettings"))[0] == "FORBIDDEN"
    assert await scene.done("voidInvoice") is False


async def test_without_an_open_period_nothing_is_voided_and_nothing_issued(database: Database) -> None:
    scene = await Scene.make(database)
    async with scene.isp.write() as session:
        await session.execute(text("INSERT INTO period_closing (period_id, incomplete, closed_at) SELECT id, true, now() FROM period"))
    assert await scene.refused("voidInvoice") == ("NO_OPEN_PERIOD", "input.invoiceId")
    assert await scene.refused("issueInvoice") == ("PERIOD_CLOSED", "input.month")
    assert await scene.refused("issueInvoice", month="2026-09") == ("NOT_FOUND", "input.month")
    assert await scene.refused("issueInvoice", month="2026-13") == ("INVALID_MONTH", "input.month")


def test_every_error_tells_a_remedy_in_both_languages() -> None:
    leaves = [error for error in _below(SebillingError) if "english" in vars(error)]
    assert len(leaves) > 20
    for error in leaves:
        assert set(re.findall(r"{(\w+)}", error.english)) == set(re.findall(r"{(\w+)}", error.indonesian)), error


def _below(error: type[SebillingError]) -> list[type[SebillingError]]:
    return [below for child in error.__subclasses__() for below in (child, *_below(child))]
