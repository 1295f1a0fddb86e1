"""The catalogue of events: everything derives from it, and nothing else writes to the log."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from sebilling import events
from sebilling.db.engine import Database
from sebilling.events import KINDS, Payload, Subject, document
from sebilling.events.catalogue import UNSET, event, fields_of, to_json
from sebilling.events.charges import ChargeCancelled
from sebilling.events.customers import CustomerChanged, CustomerCreated, CustomerValues
from sebilling.events.ids import ChargeId, CounterId, CustomerId
from sebilling.events.isolation import IsolationPolicyForgotten
from sebilling.events.isp import CounterCreated
from sebilling.events.payments import PaymentRecorded
from sebilling.plugins import hookspecs
from tests.event_payloads import faults
from tests.harness import NOW, Isp

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sebilling"
DOCUMENT = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
PAID = {"customer_id": "cus_9", "amount": 1, "method": "CASH", "allocated": 1, "credit": 0}


def test_the_document_lists_every_kind_as_it_is() -> None:
    kept = (ROOT / "docs" / "event_kinds.md").read_text(encoding="utf-8")
    assert kept == "".join(f"{line}\n" for line in document.lines()), "run `sebilling events kinds > docs/event_kinds.md`"


def test_every_kind_is_written_somewhere() -> None:
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.parent.name != "events"]
    statements = [path.read_text(encoding="utf-8") for path in (PACKAGE / "db" / "sql").glob("*.sql")]
    python, sql = "\n".join(sources), "\n".join(statements)
    unused = [
        kind.text
        for kind in KINDS.values()
        if not re.search(rf"\b{kind.payload.__name__}\b", python) and f"'{kind.text}'" not in sql
    ]  # fmt: skip
    assert (len(KINDS) > 70, unused) == (True, [])


def test_every_hook_is_of_a_kind_and_in_the_document() -> None:
    specified = {name for name in vars(hookspecs) if name.startswith("sebilling_")}
    source = Path(str(hookspecs.__file__)).read_text(encoding="utf-8")
    assert set(events.hooks().values()) == set(re.findall(r"def (sebilling_\w+)\(event: Event\)", source))
    assert sorted(name for name in specified - {"sebilling_drivers"} if f"`{name}(" not in DOCUMENT) == []
    assert sorted(f"| `{kind}` | `{hook}(event)` |" for kind, hook in events.hooks().items()) == sorted(
        re.findall(r"^\| `\w+\.\w+` \| `sebilling_\w+\(event\)` \|$", DOCUMENT, re.MULTILINE)
    )


def test_payloads_name_objects_by_public_ids() -> None:
    """What is called an id is one, and no id is called otherwise."""
    for kind in KINDS.values():
        for field in fields_of(kind.payload):
            assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", field.name), (kind.text, field.name)
            is_id = field.id_type is not None or "Id]" in str(field.types)
            assert is_id == field.name.endswith(("_id", "_ids")), (kind.text, field.name)


async def test_one_function_of_the_database_writes_the_log_and_no_statement_of_ours(database: Database) -> None:
    written = "SELECT proname FROM pg_proc WHERE prosrc ~* 'insert\\s+into\\s+event\\M' AND pronamespace = 'public'::regnamespace"
    assert await Isp(database, None, 0).rows(written) == [("append_events",)]  # type: ignore[arg-type]  # it looks at the tables only
    places = [path for path in PACKAGE.rglob("*.py") if re.search(r"(?i)insert\s+into\s+event\b", path.read_text(encoding="utf-8"))]
    assert places == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"customer_id": 9}, "customer_id is no CustomerId: 9"),
        ({"customer_id": "inv_9"}, "customer_id is no CustomerId: 'inv_9'"),
        ({"customer_id": None}, "customer_id is null"),
        ({"amount": "1"}, "amount is no int: '1'"),
        ({"amount": True}, "amount is no int: True"),
        ({"customer": "cus_9"}, "customer is unknown"),
        ({"credit": UNSET}, "credit is left out"),
    ],
)
def test_the_check_of_every_test_finds_a_wrong_payload(change: dict[str, Any], fault: str) -> None:
    assert list(faults("payment.recorded", "payment", PAID)) == []
    data = {key: value for key, value in (PAID | change).items() if value is not UNSET}
    assert list(faults("payment.recorded", "payment", data)) == [fault]


def test_the_check_of_every_test_finds_a_wrong_kind_subject_and_part() -> None:
    assert list(faults("payment.take", "payment", PAID)) == ["no such kind"]
    assert list(faults("payment.recorded", "invoice", PAID)) == ["it is never about invoice"]
    assert list(faults("customer.changed", "customer", {"before": {"naem": "B"}, "after": {"active": 1}})) == [
        "before.naem is unknown", "after.active is no bool: 1",
    ]  # fmt: skip


def test_a_payload_becomes_json_with_what_changed_only() -> None:
    before = CustomerValues(name="Budi", price=None, counter_id=CounterId.of(1), active=True)
    after = CustomerValues(name="Budi", price=5, counter_id=CounterId.of(2), active=True)
    old, new = events.changed(before, after)
    assert to_json(CustomerChanged(before=old, after=new)) == {
        "before": {"price": None, "counter_id": "cou_1"}, "after": {"price": 5, "counter_id": "cou_2"},
    }  # fmt: skip
    with pytest.raises(TypeError, match="float"):
        to_json(PaymentRecorded(customer_id=CustomerId.of(1), amount=1.5, method="CASH", allocated=0, credit=0))  # type: ignore[arg-type]


def test_a_statement_with_a_wrong_key_is_refused_when_the_module_is_imported() -> None:
    right = events.appending(ChargeCancelled, {"customer_id": "customer_id", "amount": "amount", "reason": "''"}, subject_id="id")
    assert "'customer_id', 'cus_' || customer_id, 'amount', amount" in right
    with pytest.raises(ValueError, match="has the keys"):
        events.appending(ChargeCancelled, {"customer_id": "customer_id", "amuont": "amount", "reason": "''"}, subject_id="id")
    with pytest.raises(ValueError, match="has the keys"):
        events.appending(ChargeCancelled, {"customer_id": "customer_id", "amount": "amount"}, subject_id="id")
    with pytest.raises(ValueError, match="CustomerValues has the keys"):
        events.appending(CustomerCreated, {"after": {"naem": "name"}}, subject_id="id")


def test_a_kind_is_declared_once_and_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="exists already"):

        @event("payment.recorded", Subject.PAYMENT)
        class Again(Payload):
            """A payment was recorded again."""

    with pytest.raises(ValueError, match="says not"):

        @event("payment.dreamt", Subject.PAYMENT)
        class Silent(Payload):
            pass

    assert KINDS["payment.recorded"].payload is PaymentRecorded
    assert "payment.dreamt" not in KINDS


async def test_an_event_of_several_subjects_says_which(database: Database) -> None:
    isp = await Isp.make(database)
    async with isp.write() as session:
        await events.append(session, IsolationPolicyForgotten(), subject=Subject.CUSTOMER, subject_id=7)
        with pytest.raises(ValueError, match="never about deposit"):
            await events.append(session, IsolationPolicyForgotten(), subject=Subject.DEPOSIT, subject_id=7)
    assert await isp.rows("SELECT subject, subject_id FROM event WHERE kind = 'isolation.policy_forgotten'") == [("customer", 7)]


async def test_many_events_are_appended_in_order(database: Database) -> None:
    """Each with the counter and the data of its subject; none for no rows."""
    isp = await Isp.make(database)
    async with isp.write() as session:
        bound = {"at": NOW, "user": isp.admin.user_id, "user_name": isp.admin.name}
        await session.execute(events_of("SELECT n, n * 10 AS counter, 'Loket ' || n AS name FROM unnest(ARRAY[3, 1, 2]) n"), bound)
        assert await session.value(events_of("SELECT 1 AS n, 1 AS counter, '' AS name WHERE false"), bound) in {None, 0}
    rows = await isp.rows("SELECT subject_id, counter_id, data->'after'->>'name', actor_name FROM event ORDER BY id DESC LIMIT 3")
    assert rows == [(number, number * 10, f"Loket {number}", "admin") for number in (3, 2, 1)]


def events_of(rows: str) -> TextClause:
    """A statement that writes a counter's event for each row."""
    after = {"code": "'L' || n", "name": "name", "timezone": "'Asia/Jakarta'", "due_day": "20"}
    return text(f"SELECT {events.appending(CounterCreated, {'after': after}, subject_id='n', counter_id='counter')} FROM ({rows}) given")


def test_ids_are_made_and_read_by_one_type() -> None:
    assert (CustomerId.of(9), CustomerId.of(None), ChargeId.number_of("chg_12")) == ("cus_9", None, 12)
    for wrong in ("9", "cus_9", "chg_", "chg_x", "chg_-1", "chg_" + "9" * 19, "chg_²"):
        with pytest.raises(ValueError, match="is no id"):
            ChargeId.number_of(wrong)


def test_per_customer_follows_from_the_payload() -> None:
    assert all(kind.per_customer for kind in KINDS.values() if "customer_id" in {field.name for field in fields(kind.payload)})  # type: ignore[arg-type]
    assert [KINDS[name].per_customer for name in ("customer.created", "payment.recorded", "plan.changed")] == [True, True, False]
