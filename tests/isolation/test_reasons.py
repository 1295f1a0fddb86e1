"""The reason for a block: data, said in the caller's language, and no amount for technicians by any way."""

import itertools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling.actor import Role
from sebilling.billing.isolation import blocks, policy, promises, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.alembic_run import alembic_config, upgrade
from sebilling.db.engine import Database, WriteSession
from sebilling.db.migrate import head, run_sql_file
from tests.harness import Api, Isp, make_user

ISSUED: Final = datetime(2026, 2, 3, 2, 0, tzinfo=UTC)
OVERDUE_AT: Final = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)
NOTE: Final = "kabel dicuri {amount} %(amount)s"
"""What a person typed, which is never a template."""
NUMBER: Final = "SELECT number FROM invoice JOIN customer ON customer.id = customer_id WHERE code = 'budi'"
REASONS: Final = "{ serviceAccesses(first: 10) { nodes { customer { code } blockReason { code blockOn note text } } } }"
AMOUNTS: Final = "{ serviceAccesses(first: 10) { nodes { customer { code } blockReason { amount invoiceNumber } } } }"
FORECAST: Final = "query($id: ID!) { isolationForecast(customerId: $id) { text } }"
_DEVICE: Final = text(
    "INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)"
    " VALUES ('RB1', 'test.gear', '', 1, true, now(), '[]', '{}', now(), 0) RETURNING id"
)
_ACCESS: Final = text(
    "INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at, desired_generation,"
    " observed_generation, actual, attempts, next_at)"
    " VALUES (:customer, :device, 'PPPOE', :key, 'ACTIVE', false, now(), 0, 0, 'UNKNOWN', 0, now())"
)


@dataclass
class Scene:
    """An ISP: Budi is blocked by the sweep, Siti by hand, and Wati not at all."""

    isp: Isp
    people: dict[str, int]


async def blocked(database: Database) -> Scene:
    """Make the scene."""
    isp = await Isp.make(database)
    people = {name: await isp.customer(name) for name in ("budi", "siti", "wati")}
    async with isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
        await make_user(session, "teknisi", Role.TECHNICIAN)
        device_id = await session.value(_DEVICE)
        for customer_id in people.values():
            await session.execute(_ACCESS, {"customer": customer_id, "device": device_id, "key": f"key-{customer_id}"})
    await isp.open()
    await isp.generate(at=ISSUED)
    await isp.pay(people["wati"], 150_000, at=ISSUED)
    async with isp.write(OVERDUE_AT) as session:
        await blocks.block(session, people["siti"], reason=NOTE)
        await sweep.decide(session)
    return Scene(isp, people)


@pytest_asyncio.fixture
async def scene(database: Database) -> Scene:
    return await blocked(database)


@pytest_asyncio.fixture
async def api(scene: Scene) -> Api:
    made = Api(scene.isp.database, at=OVERDUE_AT)
    await made.sign_in()
    return made


async def reasons(api: Api, document: str) -> dict[str, Any]:
    """The reason for each customer's block."""
    return {node["customer"]["code"]: node["blockReason"] for node in (await api.ask(document))["nodes"]}


async def test_a_reason_is_data_and_a_sentence_in_the_callers_language(api: Api, scene: Scene) -> None:
    overdue = {"code": "OVERDUE", "blockOn": "2026-02-13", "note": None}
    by_hand = {"code": "BY_HAND", "blockOn": None, "note": NOTE}
    assert await reasons(api, REASONS) == {
        "budi": {**overdue, "text": "Overdue; to be blocked from 2026-02-13."},
        "siti": {**by_hand, "text": f"Blocked by hand: {NOTE}"},
        "wati": None,
    }
    number = await scene.isp.value(NUMBER)
    assert await reasons(api, AMOUNTS) == {
        "budi": {"amount": 150_000, "invoiceNumber": number},
        "siti": {"amount": None, "invoiceNumber": None},
        "wati": None,
    }
    api.headers["Accept-Language"] = "id"
    assert await reasons(api, REASONS) == {
        "budi": {**overdue, "text": "Menunggak; diisolir mulai 2026-02-13."},
        "siti": {**by_hand, "text": f"Diisolir oleh petugas: {NOTE}"},
        "wati": None,
    }


async def test_a_forecast_is_said_in_the_callers_language(api: Api, scene: Scene) -> None:
    isp, people = scene.isp, scene.people
    number = await scene.isp.value(NUMBER)
    none = "The policy in force leads to no block for this customer's debts."
    assert (await api.ask(FORECAST, id=f"cus_{people['wati']}"))["text"] == none
    said = f"To be blocked from 2026-02-13 unless paid: Rp150.000 is overdue by then, with invoice {number}."
    assert (await api.ask(FORECAST, id=f"cus_{people['budi']}"))["text"] == said
    api.headers["Accept-Language"] = "id"
    none = "Kebijakan yang berlaku tidak mengisolir pelanggan ini atas utangnya."
    assert (await api.ask(FORECAST, id=f"cus_{people['wati']}"))["text"] == none
    async with isp.write(OVERDUE_AT) as session:
        await promises.record(session, people["budi"], until_on=datetime(2026, 2, 20, tzinfo=UTC).date(), reason="gajian")
    said = (
        f"Diisolir mulai 2026-02-21 jika belum dibayar: Rp150.000 menunggak pada hari itu, dengan tagihan {number}."
        " Janji bayar sampai 2026-02-20."
    )
    assert (await api.ask(FORECAST, id=f"cus_{people['budi']}"))["text"] == said


WAYS_TO_AMOUNTS: Final = [
    AMOUNTS,
    "{ serviceAccesses { nodes { blockReason { amount } } } }",
    "{ serviceAccesses { nodes { blockReason { text owed: amount } } } }",
    "{ serviceAccesses { edges { node { blockReason { invoiceNumber } } } } }",
    "query($no: Boolean = false) { serviceAccesses { nodes { blockReason { code amount @include(if: $no) } } } }",
    """{ serviceAccesses { nodes { ...Access } } } fragment Access on ServiceAccess { blockReason { ...Reason } }
    fragment Reason on BlockReason { ... on BlockReason { amount } }""",
    '{ isolationForecast(customerId: "cus_1") { blockOn } }',
    "{ isolationPlan { nodes { amount } } }",
    "{ events { nodes { data } } }",
]


@pytest.mark.parametrize("document", WAYS_TO_AMOUNTS)
async def test_no_document_gives_a_technician_an_amount(api: Api, document: str) -> None:
    await api.sign_in("teknisi")
    answer = await api.raw(document)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert [*answer["data"].values()] == [None]


@pytest.mark.parametrize("language", ["en", "id"])
async def test_what_a_technician_may_read_holds_no_amount(api: Api, language: str) -> None:
    api.headers["Accept-Language"] = language
    await api.sign_in("teknisi")
    access = "id serviceKind key desired actual inSync manual detail error attempts blockReason { code blockOn note text }"
    told = json.dumps(await api.ask(f"{{ serviceAccesses {{ nodes {{ {access} }} }} }}"))
    assert "2026-02-13" in told
    assert "150000" not in told.replace(".", "")
    document = (
        "mutation($input: SetServiceAccessInput!) { setServiceAccess(input: $input)"
        " { access { blockReason { amount } } errors { code message field } } }"
    )
    given = {"customerId": "cus_1", "deviceId": "dev_1", "serviceKind": "PPPOE", "key": "x"}
    assert (await api.refused(document, input=given))[0] == "FORBIDDEN"


async def test_events_hold_codes_and_no_sentence(scene: Scene) -> None:
    isp, people = scene.isp, scene.people
    await isp.pay(people["budi"], 150_000, at=OVERDUE_AT)
    async with isp.write(OVERDUE_AT) as session:
        await promises.record(session, people["siti"], until_on=datetime(2026, 2, 20, tzinfo=UTC).date(), reason="gajian")
        await blocks.restore(session, people["siti"], reason="sudah kembali")
    rows = await isp.rows(
        "SELECT code, kind, jsonb_strip_nulls(data - 'customer_id' - 'invoice_id') FROM event"
        " JOIN service_access ON service_access.id = subject_id JOIN customer ON customer.id = customer_id"
        " WHERE subject = 'service_access' AND kind LIKE 'isolation.%' ORDER BY event.id"
    )
    assert [tuple(row) for row in rows] == [
        ("siti", "isolation.block_wanted", {"reason": "BY_HAND", "note": NOTE}),
        ("budi", "isolation.block_wanted", {"reason": "OVERDUE", "amount": 150_000, "block_on": "2026-02-13"}),
        ("budi", "isolation.restore_wanted", {"reason": "NOT_OVERDUE"}),
        ("siti", "isolation.restore_wanted", {"reason": "BY_HAND", "note": "sudah kembali"}),
    ]
    assert {tuple(row) for row in await isp.rows("SELECT block_reason, block_on, block_amount, block_invoice_id, block_note"
                                                 " FROM service_access")} == {(None,) * 5}  # fmt: skip


VALUES: Final = {
    "block_on": "'2026-02-13'",
    "block_amount": "150000",
    "block_invoice_id": "(SELECT min(id) FROM invoice)",
    "block_note": "'x'",
}
WHOLE: Final = {
    ("ACTIVE", "NULL", frozenset[str]()),
    ("BLOCKED", "'OVERDUE'", frozenset({"block_on", "block_amount", "block_invoice_id"})),
    ("BLOCKED", "'BY_HAND'", frozenset({"block_note"})),
}


async def test_the_database_takes_whole_reasons_only(scene: Scene) -> None:
    isp, people = scene.isp, scene.people
    accepted = set()
    for desired, reason in itertools.product(("ACTIVE", "BLOCKED"), ("NULL", "'OVERDUE'", "'BY_HAND'", "'OTHER'")):
        for given in itertools.chain.from_iterable(itertools.combinations(VALUES, count) for count in range(len(VALUES) + 1)):
            columns = ", ".join(f"{name} = {value if name in given else 'NULL'}" for name, value in VALUES.items())
            statement = f"UPDATE service_access SET desired = '{desired}', block_reason = {reason}, {columns} WHERE customer_id = :wati"
            try:
                async with isp.write() as session:
                    await session.execute(text(statement), {"wati": people["wati"]})
                accepted.add((desired, reason, frozenset(given)))
            except IntegrityError:
                pass
    assert accepted == WHOLE
    with pytest.raises(IntegrityError):
        async with isp.write() as session:
            await session.execute(text("UPDATE service_access SET manual = true WHERE block_reason = 'OVERDUE'"))


_AS_BEFORE: Final = """
    ALTER TABLE service_access DROP CONSTRAINT service_access_block_reason_check;
    ALTER TABLE service_access ADD because text NOT NULL DEFAULT '';
    UPDATE service_access SET because = coalesce('unpaid since ' || block_on || ': ' || block_amount || ' rupiah', block_note, '');
    ALTER TABLE service_access DROP block_reason, DROP block_on, DROP block_amount, DROP block_invoice_id, DROP block_note;
    ALTER TABLE service_access ALTER detail TYPE text USING coalesce(detail->>'en', ''), ALTER detail SET NOT NULL;
    ALTER TABLE service_access ALTER error TYPE text USING coalesce(error->>'en', ''), ALTER error SET NOT NULL;
    ALTER TABLE event DISABLE TRIGGER USER;
    UPDATE event SET data = data || jsonb_build_object('invoice', CAST(split_part(data->>'invoice_id', '_', 2) AS bigint))
     WHERE data->>'invoice_id' IS NOT NULL;
"""
_AS_NOW: Final = """
    UPDATE event SET data = data - 'invoice';
    ALTER TABLE event ENABLE TRIGGER USER;
"""
_KEPT: Final = (
    "SELECT customer_id, desired, manual, block_reason, block_on, block_amount, block_invoice_id, block_note"
    " FROM service_access ORDER BY id"
)


async def _execute_all(session: WriteSession, statements: str) -> None:
    for statement in statements.split(";\n"):
        if statement.strip():
            await session.execute(text(statement))


async def test_sentences_of_before_become_data(committed: Database) -> None:
    """Reasons as earlier versions wrote them are what this one writes; a sentence that a person typed stays a person's note."""
    scene = await blocked(committed)
    isp, people = scene.isp, scene.people
    sentence = "unpaid since 2026-02-13: 150000 rupiah"
    async with isp.write(OVERDUE_AT) as session:
        await promises.record(session, people["siti"], until_on=OVERDUE_AT.date(), reason="gajian")
        await blocks.restore(session, people["siti"], reason="janji bayar")
    async with isp.write(OVERDUE_AT + timedelta(days=1)) as session:
        assert (await sweep.decide(session)).blocked == 1
        await blocks.block(session, people["siti"], reason=sentence)  # so that the sweep's event is there too
        await blocks.block(session, people["wati"], reason=NOTE)
    before = await isp.rows(_KEPT)
    assert [row[3] for row in before] == ["OVERDUE", "BY_HAND", "BY_HAND"]
    assert [row[-1] for row in before] == [None, sentence, NOTE]
    revision = ScriptDirectory.from_config(alembic_config()).get_revision("0020")
    async with isp.write() as session:
        await _execute_all(session, _AS_BEFORE)
        await session.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": revision.down_revision})
    async with committed.write_engine.begin() as connection:
        await connection.run_sync(upgrade, "0021")  # the last one that can be executed twice
        for name in ("isolation_modes.sql", "isolation.sql"):
            await connection.run_sync(run_sql_file, name, head())
    assert await isp.rows(_KEPT) == before
    async with isp.write() as session:
        await _execute_all(session, _AS_NOW)
        await session.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head()})
    await isp.pay(people["budi"], 150_000, at=OVERDUE_AT)
    assert await isp.value("SELECT desired FROM service_access WHERE customer_id = :budi", budi=people["budi"]) == "ACTIVE"
