"""An ISP of two counters for tests of rights: the caller's own, and another, in whose every text and amount a mark stands.

Whatever an answer must not hold is known by its marks: words with MARK in them, telephone numbers with MARKED_DIGITS, sums from
MARKED_FROM on (everything of the own counter is far smaller, and any sum with a marked part in it is not), and counts from
MARKED_COUNT on.
"""

import base64
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_composite_type,
)
from sqlalchemy import text

from sebilling import keys
from sebilling.actor import EVERYWHERE, Actor, Role, Scope
from sebilling.billing import billing_cycles, charges, corrections, deposits, differences, payments
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.billing.isolation import policy, promises
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.payments import PaymentMethod
from sebilling.db.engine import Database, WriteSession
from sebilling.network import accesses, devices
from sebilling.schema.build import build_schema
from sebilling.storage.proofs import Proof
from sebilling.vault import Vault
from tests.harness import NOW, SECRET_KEY, Isp, make_user
from tests.isolation import gear

SCHEMA: Final[Any] = build_schema()._schema
MARK: Final = "zqx"
MARKED_DIGITS: Final = "899777"
MARKED_FROM: Final = 331_000_000_000
MARKED_COUNT: Final = range(57, 90)
_CROWD: Final = 55
"""Customers of the other counter beside the three that have everything: every count of them is in MARKED_COUNT."""
FOREIGN_PAYER: Final = "LAIN-1"
"""Code of a customer of the other counter who paid at the own one: their code and name stand on that receipt."""
ROLES: Final = {
    "admin": Role.ADMIN, "keuangan": Role.FINANCE, "kasir": Role.CLERK, "kolektor": Role.COLLECTOR, "teknisi": Role.TECHNICIAN,
    "auditor": Role.AUDITOR,
}  # fmt: skip
"""Users of the own counter and of the centre, by name."""
_OTHERS_MONTH: Final = date(2026, 3, 1)


@dataclass
class World:
    """Ids as clients send them, by noun: of the own counter, of the other, and of nothing."""

    isp: Isp
    own: dict[str, str]
    other: dict[str, str]
    none: dict[str, str]
    shared: str
    """Number of the other counter's invoice that a payment at the own one settled: it stands on that receipt."""

    def leaks(self, answer: Any) -> list[str]:
        """Where something of the other counter stands that shouldn't."""
        return marks(answer, but=self.shared)


async def make(database: Database) -> World:
    """Plant it. Everything that can hang on a counter hangs on both."""
    isp = await Isp.make(database, "OWN")
    async with isp.write() as session:
        isp.counters["ZQX"] = await session.value(
            text(
                "INSERT INTO counter (code, name, timezone, due_day, created_at)"
                " VALUES ('ZQX', :name, 'Asia/Jakarta', 20, :at) RETURNING id"
            ),
            {"name": f"Loket {MARK}", "at": NOW},
        )
        made = {name: await make_user(session, name, role, *(["OWN"] if role in {Role.CLERK, Role.COLLECTOR} else []))
                for name, role in ROLES.items() if name != "admin"}  # fmt: skip
        other = await make_user(session, f"kasir-{MARK}", Role.CLERK, "ZQX")
        device = await devices.create(
            session, gear.plugins(), Vault(keys.derived(SECRET_KEY)), name="RB1", kind="test.gear", config={"gear": "one"}
        )
    own_payer = await isp.customer("OWN-1", counter="OWN", name="Budi", phone="081234567890", address="Jalan Satu")
    payer = await isp.customer(
        f"{MARK}-1", counter="ZQX", name=f"Pelanggan {MARK}", phone=f"0{MARKED_DIGITS}001", address=f"Jalan {MARK}",
        price=MARKED_FROM + 100_001, pppoe_name=f"{MARK}-pppoe",
    )  # fmt: skip
    for code, counter in (("OWN-2", "OWN"), (f"{MARK}-2", "ZQX")):
        await isp.customer(code, counter=counter, name=f"Dua {code}", price=MARKED_FROM + 9 if counter == "ZQX" else None)
    foreign = await isp.customer(
        FOREIGN_PAYER, counter="ZQX", name="Orang Lain", phone=f"0{MARKED_DIGITS}002", address=f"Gang {MARK}", price=MARKED_FROM + 200_002
    )
    await isp.many_customers(_CROWD, counter="ZQX")
    async with isp.write() as session:
        await session.execute(text("UPDATE customer SET price = :price WHERE code LIKE 'C%'"), {"price": MARKED_FROM + 13})
    await isp.open()
    await isp.generate()
    ids = {
        "OWN": await _filled(isp, "OWN", own_payer, made["kasir"], device, word="biasa", rupiah=1_000),
        "ZQX": await _filled(isp, "ZQX", payer, other, device, word=MARK, rupiah=MARKED_FROM),
    }
    async with isp.write() as session:  # the wrong counter: money of the other counter's customer, taken at the own one
        wrong = await payments.record(
            session, payments.Received(foreign, 5_000, PaymentMethod.CASH, "key-wrong-counter", counter_id=isp.counters["OWN"])
        )
        await session.execute(text("INSERT INTO isolation_hold (held_at, would_block, of_active) VALUES (now(), 57, 58)"))
        await policy.add_blackout_date(session, date(2026, 3, 20), reason="libur")
    common = {
        "plan": f"pla_{isp.plan_id}", "device": f"dev_{device}", "month": "2026-02",
        "run": f"run_{await isp.value('SELECT min(id) FROM generation_run')}",
        "hold": f"hol_{await isp.value('SELECT min(id) FROM isolation_hold')}",
    }  # fmt: skip
    shared = await isp.value("SELECT number FROM invoice WHERE customer_id = :c", c=foreign)
    none = {noun: f"{one.partition('_')[0]}_999999999" for noun, one in ids["OWN"].items() if "_" in one} | {
        "code": "NOBODY",
        "place": "NOWHERE",
    }
    return World(
        isp, {**common, **ids["OWN"], "wrong_payment": f"pay_{wrong.payment_id}"}, {**common, **ids["ZQX"]}, {**common, **none}, shared
    )  # fmt: skip


async def _filled(isp: Isp, code: str, customer_id: int, user_id: int, device: int, *, word: str, rupiah: int) -> dict[str, str]:
    counter_id = isp.counters[code]
    teller = Actor(user_id, f"kasir {word}", Role.CLERK, Scope(frozenset({counter_id})))
    invoice_id = await isp.value("SELECT id FROM invoice WHERE customer_id = :c", c=customer_id)
    second = await isp.value("SELECT min(id) FROM customer WHERE counter_id = :c AND id > :me", c=counter_id, me=customer_id)
    async with isp.write() as session:
        charge, _ = await charges.add(
            session, customer_id, kind=ChargeKind.CABLE, description=f"Kabel {word}", amount=rupiah + 3, key=f"charge-{word}"
        )
        discount, _ = await charges.discount(
            session, customer_id=customer_id, amount=rupiah + 4, description=f"Promo {word}", from_on=_OTHERS_MONTH, key=f"discount-{word}"
        )
        await billing_cycles.set_billing(session, customer_id, months=3, effective_from=_OTHERS_MONTH)
        await corrections.write_off(session, invoice_id, reason=f"pindah {word}", key=f"write-off-{word}", amount=7)
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=0, minimum=rupiah, customer_id=customer_id)
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=0, minimum=rupiah, counter_id=counter_id)
        await promises.record(session, customer_id, until_on=date(2026, 2, 10), reason=f"janji {word}")
        access = await accesses.give(
            session, gear.plugins(), customer_id=customer_id, device_id=device, service_kind="PPPOE", key=f"{word}-key"
        )
        await _crowded(session, counter_id, device, word)
        to_void = await session.value(text("SELECT id FROM invoice WHERE customer_id = :c"), {"c": second})
        await corrections.void_invoice(session, to_void, reason=f"salah {word}", key=f"void-{word}")
    async with isp.database.transaction(actor=teller, at=NOW) as session:
        paid = await payments.record(
            session, payments.Received(customer_id, rupiah * 3 + 50_000, PaymentMethod.CASH, f"pay-{word}-1", note=f"catatan {word}")
        )
        undone = await payments.record(session, payments.Received(customer_id, rupiah + 6, PaymentMethod.CASH, f"pay-{word}-2", note=word))
        submitted = await deposits.submit(
            session, counter_id=counter_id, amount=rupiah + 8, type=DepositType.TRANSFER, key=f"deposit-{word}", note=f"setor {word}",
            proof=Proof("image/png", b"x", word.encode()), object_key=f"proofs/{word}",
        )  # fmt: skip
        waiting = await deposits.submit(
            session, counter_id=counter_id, amount=rupiah + 11, type=DepositType.MANUAL, key=f"deposit-2-{word}"
        )
    async with isp.write() as session:
        await corrections.reverse_payment(session, undone.payment_id, reason=f"salah orang {word}", key=f"reversal-{word}")
        more = await payments.record(session, payments.Received(customer_id, rupiah * 2 + 900_000, PaymentMethod.QRIS, f"pay-{word}-3"))
        refunded = rupiah + 12
        await corrections.refund(
            session, more.payment_id, method=PaymentMethod.QRIS, reason=f"lebih {word}", key=f"refund-{word}", amount=refunded
        )
    settled = await _counted(isp, code, user_id, submitted.deposit_id, word=word, rupiah=rupiah)
    return {
        "counter": f"cou_{counter_id}", "customer": f"cus_{customer_id}", "invoice": f"inv_{invoice_id}",
        "payment": f"pay_{paid.payment_id}", "refundable": f"pay_{more.payment_id}", "charge": f"chg_{charge}",
        "discount": f"dis_{discount}",
        "deposit": f"dep_{submitted.deposit_id}", **settled,
        "waiting": f"dep_{waiting.deposit_id}", "access": f"acc_{access}", "user": f"usr_{user_id}", "token": f"tok_{user_id}",
        "code": "OWN-1" if code == "OWN" else f"{MARK}-1", "place": code,
    }  # fmt: skip


async def _counted(isp: Isp, code: str, user_id: int, deposit_id: int, *, word: str, rupiah: int) -> dict[str, str]:
    """The deposit is verified and corrected, its surplus settled twice and reversed once; what came of all that."""
    async with isp.database.transaction(
        actor=Actor(isp.admin.user_id, "admin", Role.ADMIN, EVERYWHERE), at=NOW + timedelta(minutes=1)
    ) as session:
        await deposits.verify(session, deposit_id, key=f"decision-{word}", counted=rupiah + 9, note=f"selisih {word}")
        await differences.correct(session, deposit_id, counted=rupiah + 12, reason=f"salah {word}", key=f"correction-{word}")
        place = {"counter_id": isp.counters[code], "collector_id": user_id}
        for number in (1, 2):
            await differences.settle(
                session, DifferenceKind.SURPLUS, **place, amount=1, reason=f"ketemu {word}", key=f"settlement-{word}-{number}"
            )
        settlements = [row.id for row in await session.rows(text("SELECT id FROM difference_settlement ORDER BY id DESC LIMIT 2"))]
        await differences.reverse(session, settlements[1], deposit_id=deposit_id, reason=f"tidak jadi {word}", key=f"unsettled-{word}")
        refund = await session.value(text("SELECT max(id) FROM refund"))
        write_off = await session.value(text("SELECT max(id) FROM write_off"))
    return {"refund": f"ref_{refund}", "write_off": f"wof_{write_off}", "settlement": f"set_{settlements[0]}"}


async def _crowded(session: WriteSession, counter_id: int, device: int, word: str) -> None:
    """Everybody else of the counter has an access that is to be cut, so that counts of devices are marked too."""
    await session.execute(
        text(
            "INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at,"
            " desired_generation, observed_generation,"
            " actual, detail, attempts, next_at, error) SELECT id, :device, 'PPPOE', :word || id, 'ACTIVE', false, now(), 1, 0,"
            " 'UNKNOWN', jsonb_build_object('en', CAST(:word AS text), 'id', CAST(:word AS text)), 0, now(),"
            " jsonb_build_object('en', CAST(:word AS text), 'id', CAST(:word AS text)) FROM customer "
            " WHERE counter_id = :counter AND code LIKE 'C%'"
        ),
        {"counter": counter_id, "device": device, "word": word},
    )


def marks(answer: Any, *, path: str = "", but: str = "") -> list[str]:
    """Where in an answer something of the other counter stands; `but` is taken for nothing."""
    match answer:
        case dict():
            return [found for name, one in answer.items() for found in marks(one, path=f"{path}.{name}", but=but)]
        case list():
            return [found for number, one in enumerate(answer) for found in marks(one, path=f"{path}[{number}]", but=but)]
        case bool() | None:
            return []
        case int():
            is_count = answer in MARKED_COUNT and "].data." not in path and ".node.data." not in path  # there it may be a row's number
            return [f"{path} = {answer}"] if abs(answer) >= MARKED_FROM // 2 or is_count else []
        case str():
            place = _place(answer)
            is_marked = _is_marked(_told(answer.replace(but, "") if but else answer)) if place is None else marks(place, but=but)
            return [f"{path} = {answer}"] if is_marked else []
        case _:
            return []


def _is_marked(text: str) -> bool:
    lowered = text.lower().replace(".", "")
    return MARK in lowered or MARKED_DIGITS in lowered or f"rp{MARKED_FROM // 10**9}" in lowered


def _place(text: str) -> list[str | int] | None:
    """What a cursor tells: words and sums, of which its list is in order; smaller numbers are rows'. None if it isn't a cursor."""
    try:
        given = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    if not isinstance(given, list):
        return None
    return [one for one in given if isinstance(one, str) or (isinstance(one, int) and one not in MARKED_COUNT)]


def _told(text: str) -> str:
    """A text without what is chance in it, where any three letters stand some day: signatures of links (what is signed is read), tokens."""
    link = re.fullmatch(r"/downloads/([\w-]+)\.[\w-]+", text)
    if link is not None:
        return base64.urlsafe_b64decode(link[1] + "=" * (-len(link[1]) % 4)).decode()
    return re.sub(r"\bsb[a-z]_[\w-]+", "", text)


NOUNS: Final = {
    "customerId": "customer", "customerIds": "customer", "counterId": "counter", "counterIds": "counter", "planId": "plan",
    "deviceId": "device",
    "invoiceId": "invoice", "invoiceIds": "invoice", "paymentId": "payment", "depositId": "deposit", "collectorId": "user",
    "writeOffId": "write_off", "refundId": "refund", "settlementId": "settlement",
    "actorId": "user", "planIds": "plan", "subjectId": "payment",
    "userId": "user", "month": "month", "runId": "run", "ids": "customer",
}  # fmt: skip
"""Argument → what it names."""
IDS: Final = {
    "counter": "counter", "customer": "customer", "invoice": "invoice", "payment": "payment", "deposit": "deposit", "plan": "plan",
    "period": "", "device": "device", "deviceConfig": "device", "generationRun": "run", "cancelCharge": "charge", "endDiscount": "discount",
    "archiveCounter": "counter", "unarchiveCounter": "counter", "archivePlan": "plan", "unarchivePlan": "plan",
    "updateCounter": "counter", "updateCustomer": "customer", "updatePlan": "plan", "updateDevice": "device", "testDevice": "device",
    "auditDevice": "device", "readOnline": "device",
    "node": "customer", "deleteDevice": "device", "removeServiceAccess": "access", "updateServiceAccess": "access",
    "retryServiceAccess": "access", "decideIsolationHold": "hold", "updateUser": "user",
    "resetPassword": "user", "resetTotp": "user", "revokeServiceToken": "token", "revokeSignIn": "",
}  # fmt: skip
"""Root field → what its `id` names."""
_SPECIAL: Final = {
    ("verifyDeposit", "depositId"): "waiting", ("rejectDeposit", "depositId"): "waiting", ("refundCredit", "paymentId"): "refundable",
    ("reverseRefund", "paymentId"): "refundable",
}  # fmt: skip
_LITERALS: Final = {
    "Int": "3", "Boolean": "true", "JSON": "{}", "Instant": '"2026-02-03T02:00:00Z"', "DateTime": '"2026-02-03T02:00:00Z"', "Rate": '"5"',
    "Rupiah": "1000", "Date": '"2026-04-01"', "Month": '"2026-02"',
}  # fmt: skip


def value(  # noqa: PLR0911 - a case for each kind of type
    root: str, name: str, kind: Any, ids: dict[str, str], *, optional: bool, but: dict[str, dict[str, str]] | None = None
) -> str:
    """A literal for an argument or input field: ids are those of `ids`, but those that `but` names, by argument, are of others."""
    if isinstance(kind, GraphQLNonNull):
        return value(root, name, kind.of_type, ids, optional=optional, but=but)
    if isinstance(kind, GraphQLList):
        return f"[{value(root, name, kind.of_type, ids, optional=optional, but=but)}]"
    if isinstance(kind, GraphQLInputObjectType):
        parts = {one: field for one, field in kind.fields.items() if optional or _needed(field)}
        parts = {one: field for one, field in parts.items() if _wanted(root, one, field)}
        if kind.extensions["strawberry-definition"].is_one_of:
            parts = dict([next(iter(kind.fields.items()))])
        given = (f"{one}: {value(root, one, field.type, ids, optional=optional, but=but)}" for one, field in parts.items())
        return "{" + ", ".join(given) + "}"
    if isinstance(kind, GraphQLEnumType):
        return "CLERK" if kind.name == "Role" else str(next(iter(kind.values)))
    noun = _SPECIAL.get((root, name)) or (IDS.get(root, "") if name == "id" else NOUNS.get(name, ""))
    if noun:
        return f'"{(but or {}).get(name, ids)[noun]}"'
    if name == "code" and root in {"customer", "counter"}:
        return f'"{ids["code" if root == "customer" else "place"]}"'
    return {"idempotencyKey": '"key-of-a-test"', "kind": '"test.gear"', "username": '"orang.baru"'}.get(name) or _LITERALS.get(
        kind.name, '"x1234567"'
    )


def _needed(field: Any) -> bool:
    return isinstance(field.type, GraphQLNonNull) and not _has_default(field)


def _has_default(field: Any) -> bool:
    return field.default_value is not None and "Undefined" not in repr(field.default_value)


def _wanted(root: str, name: str, field: Any) -> bool:
    """Only what names something, beside what must be given: the rest would only make it invalid."""
    if _needed(field):
        return True
    exclusive = {"counterId"} if root in {"setIsolationPolicy", "forgetIsolationPolicy"} else set()
    return name in NOUNS and name not in exclusive


def call(root: str, ids: dict[str, str], below: str, *, optional: bool = False, but: dict[str, dict[str, str]] | None = None) -> str:
    """A document that asks for one root field; with `optional` every argument that names something is given."""
    is_mutation = root in SCHEMA.mutation_type.fields
    field = (SCHEMA.mutation_type if is_mutation else SCHEMA.query_type).fields[root]
    given = []
    for name, argument in field.args.items():
        by_name = root in {
            "counter",
            "customer",
            "period",
            "plan",
            "device",
            "invoice",
            "payment",
        }  # by id or, where there is one, by another name
        wanted = _needed(argument) or (by_name and name == ("month" if root == "period" else "id"))
        wanted = wanted or (optional and (name in NOUNS or name == "filter") and root != "period")
        if wanted:
            given.append(f"{name}: {value(root, name, argument.type, ids, optional=optional, but=but)}")
    arguments = f"({', '.join(given)})" if given else ""
    return f"{'mutation' if is_mutation else 'query'} {{ {root}{arguments} {below} }}"


def leaves(kind: Any) -> list[str]:
    """The fields of a type that have no fields below."""
    return [name for name, field in get_named_type(kind).fields.items() if not is_composite_type(get_named_type(field.type))]


def whole(kind: Any, depth: int) -> str:
    """Everything below a type, `depth` types deep."""
    named = get_named_type(kind)
    if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    fields = named.fields if depth > 1 else {name: named.fields[name] for name in leaves(named)}
    chosen = [name + whole(field.type, depth - 1) for name, field in fields.items()]
    return f" {{ {' '.join(chosen or ['__typename'])} }}"
