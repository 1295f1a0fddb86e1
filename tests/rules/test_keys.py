"""Each idempotent mutation × each field of its input: one field changed under the same key is a mistake, and nothing happens.

The fields come from the schema: a new one, or a new mutation with a key, fails here until it stands in the table.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from sebilling.billing import deposits
from sebilling.billing.deposits import DepositType
from sebilling.db.engine import Database
from sebilling.db.tables import Base
from sebilling.errors import IdempotencyMismatch
from sebilling.schema.build import build_schema
from sebilling.storage.proofs import Proof
from tests.harness import Api
from tests.rules import steps
from tests.rules.steps import Prepare
from tests.rules.world import AT, World

SCHEMA: Final[Any] = build_schema()._schema
KEY: Final = "kunci-pertama"
WHY: Final = "salah orang"
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A mutation whose `given` is right after `before`; what else each field could be; fields that make no other deed of it."""

    name: str
    given: Values
    others: Values
    before: Prepare = steps.nothing
    besides: Values = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    """Fields with a test of their own."""


async def _refunded(world: World) -> None:
    await steps.paid(350_000)(world)
    await world.do(lambda session: steps.refund(world, session), by="kasir")
    world.made["refund"] = await world.newest("refund")


def _settling(name: str, counted: int) -> Keyed:
    return Keyed(
        name,
        {"counterId": "cou_{TIMUR}", "collectorId": "usr_{kasir}", "amount": 10_000, "reason": WHY},
        {"counterId": "cou_{BARAT}", "collectorId": "usr_{siti}", "amount": 9_999, "reason": "lain"},
        steps.handed_in(counted),
    )


_DISCOUNT: Final = {"description": "Promo", "fromOn": "2026-03-01"}
KEYED: Final = (
    Keyed(
        "recordPayment", {"customerId": "cus_{late}", "amount": 100_000, "invoiceIds": ["inv_{2026-02}", "inv_{2026-01}"]},
        {
            "customerId": "cus_{neighbour}", "amount": 99_999, "method": "QRIS", "counterId": "cou_{TIMUR}",
            "collectedAt": "2026-02-28T15:00:00Z", "note": "pagi", "invoiceIds": ["inv_{2026-01}", "inv_{2026-02}"],
        },
    ),
    Keyed(
        "recordPayment", {"customerId": "cus_{late}", "amount": 1, "counterId": "cou_{TIMUR}", "collectedAt": "2026-02-28T15:00:00Z"},
        {"counterId": "cou_{BARAT}", "collectedAt": "2026-02-28T15:00:01Z", "invoiceIds": ["inv_{2026-01}"]},
    ),
    Keyed(
        "voidInvoice", {"invoiceId": "inv_{2026-01}", "reason": WHY},
        {"invoiceId": "inv_{2026-02}", "reason": "lain", "releasePayments": True},
    ),
    Keyed(
        "writeOffInvoice", {"invoiceId": "inv_{2026-01}", "reason": WHY, "amount": 1},
        {"invoiceId": "inv_{2026-02}", "reason": "lain", "amount": 2},
    ),
    Keyed(
        "reverseWriteOff", {"invoiceId": "inv_{2026-02}", "writeOffId": "wof_{write_off}", "reason": WHY},
        {"invoiceId": "inv_{2026-01}", "writeOffId": "wof_999", "reason": "lain"}, steps.written_off("2026-02"),
    ),
    Keyed(
        "reversePayment", {"paymentId": "pay_{paid}", "reason": WHY}, {"paymentId": "pay_999", "reason": "lain"}, steps.paid(300_000),
    ),
    Keyed(
        "refundCredit", {"paymentId": "pay_{paid}", "method": "TRANSFER", "reason": WHY, "amount": 1, "collectorId": "usr_{kasir}"},
        {"paymentId": "pay_999", "method": "QRIS", "reason": "lain", "amount": 2, "collectorId": "usr_{siti}"}, steps.paid(350_000),
    ),
    Keyed(
        "reverseRefund", {"paymentId": "pay_{paid}", "refundId": "ref_{refund}", "reason": WHY},
        {"paymentId": "pay_999", "refundId": "ref_999", "reason": "lain"}, _refunded,
    ),
    Keyed(
        "applyCredit", {"customerId": "cus_{late}", "invoiceId": "inv_{2026-01}"},
        {"customerId": "cus_{neighbour}", "invoiceId": "inv_{2026-02}"}, steps.credit_held_beside_debts(100_000),
    ),
    Keyed("holdCredit", {"paymentId": "pay_{paid}", "reason": WHY}, {"paymentId": "pay_999", "reason": "lain"}, steps.paid(350_000)),
    Keyed(
        "addCharge", {"customerId": "cus_{late}", "kind": "CABLE", "description": "Kabel", "amount": 5_000},
        {"customerId": "cus_{neighbour}", "kind": "DEVICE", "description": "Kabel baru", "amount": 5_001},
    ),
    Keyed(
        "addDiscount", {**_DISCOUNT, "target": {"customerId": "cus_{late}"}, "reduction": {"amount": 1_000}},
        {"description": "Lain", "fromOn": "2026-04-01", "untilOn": "2026-05-01", "target": {"customerId": "cus_{neighbour}"},
         "reduction": {"amount": 1_001}},
    ),
    Keyed(
        "addDiscount", {**_DISCOUNT, "target": {"planId": "pla_{plan}"}, "reduction": {"percent": "10"}},
        {"target": {"planId": "pla_999"}, "reduction": {"percent": "10.5"}},
    ),
    Keyed(
        "generateInvoices", {"month": "2026-03", "counterIds": ["cou_{TIMUR}"]}, {"month": "2026-02", "counterIds": ["cou_{BARAT}"]},
        besides={"previewToken": "of-another-preview"},  # the same click: it gets the first answer
    ),
    Keyed(
        "issueInvoice", {"month": "2026-03", "customerId": "cus_{late}"}, {"month": "2026-02", "customerId": "cus_{neighbour}"},
    ),
    Keyed(
        "submitDeposit", {"counterId": "cou_{TIMUR}", "amount": 1_000, "collectorId": "usr_{kasir}"},
        {"counterId": "cou_{BARAT}", "amount": 1_001, "note": "pagi", "collectorId": "usr_{siti}"},
        steps.paid(300_000), elsewhere=frozenset({"type", "proof"}),
    ),
    Keyed(
        "verifyDeposit", {"depositId": "dep_{deposit}", "counted": 240_000},
        {"depositId": "dep_999", "counted": 240_001, "note": "pagi"}, steps.submitted,
        besides={"confirmDifference": True},  # asked and answered: the count is the same
    ),
    Keyed(
        "rejectDeposit", {"depositId": "dep_{deposit}", "reason": WHY}, {"depositId": "dep_999", "reason": "lain"}, steps.submitted,
    ),
    Keyed(
        "correctDeposit", {"depositId": "dep_{deposit}", "counted": 240_000, "reason": WHY},
        {"depositId": "dep_999", "counted": 240_001, "reason": "lain"}, steps.handed_in(250_000),
    ),
    _settling("settleShortage", 240_000),
    _settling("settleSurplus", 260_000),
    Keyed(
        "reverseSettlement", {"settlementId": "set_{settlement}", "depositId": "dep_{deposit}", "reason": WHY},
        {"settlementId": "set_999", "depositId": "dep_999", "reason": "lain"}, steps.settled_shortage,
    ),
    Keyed("reopenPeriod", {"month": "2026-01", "reason": WHY}, {"month": "2026-02", "reason": "lain"}, steps.closed("2026-01")),
)  # fmt: skip
ALIKE: Final = (
    ("settleShortage", "settleSurplus"), ("settleSurplus", "settleShortage"), ("reversePayment", "holdCredit"),
    ("holdCredit", "reversePayment"), ("rejectDeposit", "correctDeposit"), ("issueInvoice", "generateInvoices"),
)  # fmt: skip
"""Mutations whose inputs look the same: the key is the one's or the other's."""


APART: Final[list[tuple[str, Values, Values]]] = [
    ("blockCustomers", {"customerIds": ["cus_{late}"], "reason": WHY}, {"customerIds": ["cus_{neighbour}"], "reason": "lain"}),
    ("restoreCustomers", {"customerIds": ["cus_{late}"], "reason": WHY}, {"customerIds": ["cus_{neighbour}"], "reason": "lain"}),
    (
        "moveCustomers", {"customerIds": ["cus_{late}"], "counterId": "cou_{BARAT}"},
        {"customerIds": ["cus_{neighbour}"], "counterId": "cou_{TIMUR}"},
    ),
    ("changePlanOfCustomers", {"customerIds": ["cus_{late}"], "planId": "pla_{plan}"}, {"customerIds": ["cus_{neighbour}"]}),
    (
        "createUser", {"username": "baru", "name": "Baru", "role": "CLERK", "counterIds": ["cou_{TIMUR}"]},
        {"username": "lain", "name": "Lain", "role": "COLLECTOR", "counterIds": ["cou_{BARAT}"]},
    ),
]  # fmt: skip
"""Mutations that tell a replay for each customer, or give a one-time password again: input, and what else each field could be."""


def inputs() -> dict[str, set[str]]:
    """The fields of each mutation that takes a key."""
    found = {}
    for name, mutation in SCHEMA.mutation_type.fields.items():
        kind = get_named_type(mutation.args["input"].type) if "input" in mutation.args else None
        if isinstance(kind, GraphQLInputObjectType) and "idempotencyKey" in kind.fields:
            found[name] = set(kind.fields) - {"idempotencyKey"}
    return found


class Client:
    """An admin in the world."""

    def __init__(self, world: World) -> None:
        self.api = Api(world.isp.database, at=AT)
        self.world = world
        users = {name: actor.user_id for name, actor in world.actors.items()}
        self.ids = {**world.isp.counters, **world.people, **world.bills, **world.made, **users, "plan": world.isp.plan_id}

    def filled(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.filled(one) for one in value]
        if isinstance(value, dict):
            return {name: self.filled(one) for name, one in value.items()}
        return value.format(**self.ids) if isinstance(value, str) else value

    async def ask(self, name: str, given: Values) -> tuple[bool, list[str]]:
        """Whether the key had done it before; codes of the errors."""
        kind = get_named_type(SCHEMA.mutation_type.fields[name].args["input"].type).name
        document = f"mutation($i: {kind}!) {{ {name}(input: $i) {{ replayed errors {{ code field }} }} }}"
        filled = {**{name: self.filled(value) for name, value in given.items()}, "idempotencyKey": KEY}
        answer = await self.api.ask(document, i=filled)
        assert all(error["field"] == ["input", "idempotencyKey"] for error in answer["errors"]), answer
        return answer["replayed"], [error["code"] for error in answer["errors"]]

    async def digest(self) -> list[tuple[Any, ...]]:
        """Every table's content."""
        each = "SELECT '{0}', md5(coalesce(string_agg(t::text, ';' ORDER BY t::text), '')) FROM {0} t"
        return await self.world.isp.rows(" UNION ALL ".join(each.format(table) for table in sorted(Base.metadata.tables)) + " ORDER BY 1")


def test_every_field_of_every_keyed_mutation_is_in_the_table() -> None:
    table: dict[str, set[str]] = {}
    for row in KEYED:
        table.setdefault(row.name, set()).update(row.others, row.besides, row.elsewhere)
        assert all(row.given.get(name) != value for name, value in row.others.items())
    for name, given, others in APART:
        table.setdefault(name, set()).update(given, others)
    assert table | {"importCustomers": {"file", "fingerprint", "options"}} == inputs(), "tests/schema/test_imports.py has the import's"


@pytest.mark.parametrize(("name", "given", "others"), APART, ids=lambda row: row if isinstance(row, str) else "")
async def test_a_key_is_good_for_one_input_of_what_tells_its_replays_otherwise(
    database: Database, name: str, given: Values, others: Values
) -> None:
    client = Client(await World.make(database))
    await client.api.sign_in()
    kind = get_named_type(SCHEMA.mutation_type.fields[name].args["input"].type).name

    async def codes(values: Values) -> list[str]:
        filled = {field: client.filled(value) for field, value in values.items()}
        document = f"mutation($i: {kind}!) {{ {name}(input: $i) {{ errors {{ code }} }} }}"
        return [error["code"] for error in (await client.api.ask(document, i={**filled, "idempotencyKey": KEY}))["errors"]]

    assert await codes(given) == []
    after = await client.digest()
    assert await codes(given) == []
    for field_name, value in others.items():
        assert await codes({**given, field_name: value}) == ["IDEMPOTENCY_MISMATCH"], field_name
    assert await client.digest() == after


@pytest.mark.parametrize("row", KEYED, ids=lambda row: f"{row.name}-{next(iter(row.others))}")
async def test_a_key_is_good_for_one_input(database: Database, row: Keyed) -> None:
    world = await World.make(database)
    await row.before(world)
    client = Client(world)
    await client.api.sign_in()
    assert await client.ask(row.name, row.given) == (False, [])
    after = await client.digest()
    assert await client.ask(row.name, row.given) == (True, [])
    for name, value in row.besides.items():
        assert await client.ask(row.name, {**row.given, name: value}) == (True, []), name
    for name, value in row.others.items():
        assert await client.ask(row.name, {**row.given, name: value}) == (False, ["IDEMPOTENCY_MISMATCH"]), name
    for name in row.given.keys() & optional(row.name):
        left_out = {field: value for field, value in row.given.items() if field != name}
        assert await _left_out(client, row.name, left_out) in ("IDEMPOTENCY_MISMATCH", "INVALID_NUMBER"), name
    assert await client.digest() == after


async def _left_out(client: Client, name: str, given: Values) -> str:
    """The code, wherever the error stands: a discount of nobody, or of nothing, is refused before its key is looked at."""
    kind = get_named_type(SCHEMA.mutation_type.fields[name].args["input"].type).name
    document = f"mutation($i: {kind}!) {{ {name}(input: $i) {{ errors {{ code }} }} }}"
    answer = await client.api.ask(document, i={**{name: client.filled(value) for name, value in given.items()}, "idempotencyKey": KEY})
    (error,) = answer["errors"]
    return str(error["code"])


def optional(name: str) -> set[str]:
    """The fields that may be left out."""
    kind = get_named_type(SCHEMA.mutation_type.fields[name].args["input"].type)
    return {field for field, one in kind.fields.items() if one.default_value is None}


@pytest.mark.parametrize(("first", "second"), ALIKE, ids=str)
async def test_a_key_is_good_for_one_mutation(database: Database, first: str, second: str) -> None:
    rows = {row.name: row for row in KEYED}
    world = await World.make(database)
    await rows[first].before(world)
    client = Client(world)
    await client.api.sign_in()
    assert await client.ask(first, rows[first].given) == (False, [])
    given = {"counted": 1, **rows[first].given} if second == "correctDeposit" else rows[first].given
    if second == "generateInvoices":
        given = {"month": rows[first].given["month"]}
    assert await client.ask(second, given) == (False, ["IDEMPOTENCY_MISMATCH"])


async def test_a_deposit_is_of_one_type_and_with_one_proof(database: Database) -> None:
    """A file doesn't come as JSON: tests/test_uploads.py sends some."""
    world = await World.make(database)
    await world.pay(300_000)
    receipt, other = (Proof("image/png", content, hashlib.sha256(content).digest()) for content in (b"struk", b"lain"))

    async def submit(kind: DepositType, proof: Proof | None) -> bool:
        counter = world.isp.counters["TIMUR"]
        given: deposits.Submitted = await world.do(
            lambda session: deposits.submit(session, counter_id=counter, amount=1, type=kind, key=KEY, proof=proof, object_key="a"),
            by="kasir",
        )
        return given.replayed

    assert [await submit(DepositType.MANUAL, receipt) for _ in range(2)] == [False, True]
    for kind, proof in ((DepositType.TRANSFER, receipt), (DepositType.MANUAL, other), (DepositType.MANUAL, None)):
        with pytest.raises(IdempotencyMismatch):
            await submit(kind, proof)
