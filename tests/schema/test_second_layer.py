"""With the check of any one resolver taken away, nothing of another counter comes out and nothing of it is written."""

import base64
import inspect
import os
import pkgutil
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio
from graphql import get_named_type, is_composite_type
from sqlalchemy import text

import sebilling.billing
from sebilling.access_errors import Forbidden
from sebilling.actor import EVERYWHERE, Actor, Role, Scope
from sebilling.billing import receipts
from sebilling.billing.imports import load
from sebilling.db.engine import ReadSession, Snapshot
from sebilling.db.tables.columns import Base
from sebilling.schema.request import access
from tests.harness import NOW, Api
from tests.schema.test_access import snake
from tests.schema.two_counters import FOREIGN_PAYER, IDS, MARK, MARKED_FROM, NOUNS, SCHEMA, World, call, leaves, marks, whole

_QUERIES: Final = sorted(SCHEMA.query_type.fields)
_MUTATIONS: Final = sorted(SCHEMA.mutation_type.fields)
_OWN_SESSION: Final = {
    "createSubscriptionTicket",
    "signIn", "refreshSignIn", "signOut", "revokeSignIn", "revokeOtherSignIns", "changePassword", "startTotp", "confirmTotp", "disableTotp",
}  # fmt: skip
"""Who calls them writes their own account, whatever is checked."""


_OWN_KEY: Final = {"generateInvoices", "blockCustomers", "restoreCustomers", "moveCustomers", "changePlanOfCustomers"}
"""They keep the caller's idempotency key, whoever is refused: each customer is changed or refused alone."""


_BY_FILE: Final = {"setIspPicture", "previewImport", "importCustomers"}
"""Refused for want of a file, before anything is read: the next test has one."""


@pytest_asyncio.fixture(params=["kasir", "kolektor"])
async def bounded(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Api]:
    """A clerk, and a collector, of the own counter."""
    api = Api(world.isp.database)
    await api.sign_in(request.param)
    yield api


class Opened:
    """The check of one root field, taken away."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name = ""
        checked = access._allow

        def allow(info: Any, name: str, *, whole: bool = False) -> None:
            if name != self.name:
                checked(info, name, whole=whole)

        monkeypatch.setattr(access, "_allow", allow)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    return Opened(monkeypatch)


async def test_the_marks_are_seen_by_who_may_see_them(world: World) -> None:
    """Else the tests below would prove nothing."""
    api = Api(world.isp.database)
    await api.sign_in()
    blind = {"me", "plans", "plan", "blackoutDates", "billingSettings", "plugins", "drivers", "deviceConfig", "period", "periods",
             "previewInvoice", "billingSchedule", "previewBillingCycle", "receiptLink", "invoiceLink", "proofLink",
             "invoicesLink", "reportLink",
             "isolationForecast", "signIns", "twoStep", "serviceTokens", "previewPayment", "node", "nodes",
             "previewPause", "previewEndOfService", "previewBlockCustomers", "previewRestoreCustomers", "previewMoveCustomers",
             "previewChangePlanOfCustomers", "previewIsolationPolicy", "customerPageLink", "skippedCustomers", "systemStatus"}  # fmt: skip
    for name in set(_QUERIES) - blind:
        answer = await api.raw(call(name, world.other, whole(SCHEMA.query_type.fields[name].type, 3)))
        assert "errors" not in answer, (name, answer)
        assert marks(answer), name


@pytest.mark.parametrize(
    ("place", "leaks"),
    [
        (["newest", 20_341, 20_341], False),  # written down it has the mark's letters in it, by chance
        (["newest", 57, 57], False),  # rows' numbers
        (["name", f"Pelanggan {MARK}", 1], True),
        (["amount", MARKED_FROM + 1, 1], True),
        ([[1, 2], 20_341, None, 0, True], False),
    ],
)
def test_a_cursor_is_read_for_what_it_tells(place: list[Any], *, leaks: bool) -> None:
    written = base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")
    assert bool(marks({"cursor": written})) is leaks


async def test_no_query_gives_anything_of_another_counter_away(
    world: World, bounded: Api, opened: Opened, request: pytest.FixtureRequest
) -> None:
    leaks: dict[str, Any] = {}
    answered = set()
    walked: set[tuple[str, str]] = set()
    for name in _QUERIES:
        opened.name = snake(name)
        for optional in (False, True):
            below = whole(SCHEMA.query_type.fields[name].type, 2)
            other, none = [
                _without(str(await bounded.raw(call(name, ids, below, optional=optional))), ids) for ids in (world.other, world.none)
            ]
            if other != none and name not in _CHANGING:
                leaks[name] = "another counter's thing is told from one that isn't there"
        for document in _documents(name, world, walked if request.node.callspec.params["bounded"] == THOROUGH else None):
            answer = await bounded.raw(document)
            if found := world.leaks(answer.get("data")) + world.leaks([error | {"locations": []} for error in answer.get("errors", ())]):
                leaks[document[:160]] = found[:3]
            if answer.get("data") and answer["data"].get(name):
                answered.add(name)
            for url in _urls(answer):
                downloaded = (await bounded.http.get(url)).text
                if found := world.leaks(downloaded):
                    leaks[url[:60] + document[:100]] = [found[0][:200]]
    assert leaks == {}
    assert len(answered) > len(_QUERIES) / 2, "the documents must be answered, not merely be wrong"


_CHANGING: Final = {"invoicesLink", "reportLink", "syncCustomers", "systemStatus"}
"""What they answer is signed, numbered or measured anew each time."""


def _without(answer: str, ids: dict[str, str]) -> str:
    """An answer in which what was asked for, and comes back, stands for itself."""
    for noun, one in ids.items():
        answer = answer.replace(f"'{one}'", f"<{noun}>")
    return answer


THOROUGH: Final = "kasir"
"""For the clerk every link is walked, in a campaign from every query; for the collector, whose scope is the same statement's, only the
whole type."""
FROM_EACH: Final = os.environ.get("SEBILLING_TEST_CAMPAIGN") == "1"


def _documents(name: str, world: World, walked: set[tuple[str, str]] | None) -> list[str]:
    """The whole type, for the other counter's ids, for the own, and by every link that isn't in `walked` yet; without it by none."""
    kind = SCHEMA.query_type.fields[name].type
    found = [
        call(name, ids, whole(kind, depth), optional=optional)
        for ids in (world.other, world.own)
        for optional in (False, True)
        for depth in ((2,) if walked is None else (1, 3))
    ]
    if walked is None:
        return found
    ids = world.own | {"payment": world.own["wrong_payment"]}
    found += [call(name, ids, way, optional=False) for way in _ways(kind, set() if FROM_EACH else walked)]
    if name == "reportLink":
        found += [
            f'{{ reportLink(report: {report}, month: "2026-02", format: CSV) {{ url }} }}' for report in SCHEMA.type_map["Report"].values
        ]
    return [document for document in found if len(document) < 15_000]


def _ways(kind: Any, walked: set[tuple[str, str]]) -> list[str]:
    """For every link between types that can be reached and isn't in `walked`, a shortest way to it, with all that has no fields below at
    its end; `walked` has them afterwards.
    """
    found: list[str] = []
    seen: set[tuple[str, str]] = set()
    waiting: list[tuple[Any, list[str]]] = [(get_named_type(kind), [])]
    while waiting:
        here, way = waiting.pop(0)
        for name, field in here.fields.items():
            below = get_named_type(field.type)
            if is_composite_type(below) and (here.name, name) not in seen and len(way) < 7:
                seen.add((here.name, name))
                waiting.append((below, [*way, name]))
                if (here.name, name) in walked:
                    continue
                walked.add((here.name, name))
                end = " ".join(leaves(below)) or "__typename"
                found.append("".join(f"{{ {one} " for one in [*way, name]) + f"{{ {end} }}" + " }" * (len(way) + 1))
    return found


def _urls(answer: Any) -> list[str]:
    match answer:
        case dict():
            return [url for name, one in answer.items() for url in ([one] if name == "url" else _urls(one))]
        case list():
            return [url for one in answer for url in _urls(one)]
        case _:
            return []


_OWNS: Final = {
    table: f"{column} IN (SELECT id FROM customer WHERE counter_id = :own)" if column == "customer_id" else f"{column} = :own"
    for table, column in {
        "counter": "id", "customer": "counter_id", "invoice": "counter_id", "payment": "counter_id", "receipt": "counter_id",
        "receipt_series": "counter_id", "invoice_series": "counter_id", "deposit": "counter_id", "event": "counter_id",
        "charge": "customer_id", "discount": "customer_id", "billing_cycle": "customer_id", "payment_promise": "customer_id",
        "service_access": "customer_id", "generation_task": "counter_id", "refund": "counter_id",
        "drawer_balance": "counter_id", "daily_takings": "counter_id",
    }.items()
} | {
    table: f"{column} IN (SELECT id FROM {parent} WHERE counter_id = :own)"
    for table, column, parent in (
        ("invoice_line", "invoice_id", "invoice"), ("invoice_void", "invoice_id", "invoice"), ("write_off", "invoice_id", "invoice"),
        ("allocation", "payment_id", "payment"), ("payment_reversal", "payment_id", "payment"),
        ("deposit_decision", "deposit_id", "deposit"),
    )
} | {
    "isolation_policy": "counter_id = :own OR customer_id IN (SELECT id FROM customer WHERE counter_id = :own)",
    "idempotency_key": "true", "proof": "true", "deallocation": "true", "generation_run": "true",
}  # fmt: skip
"""Table → which rows a clerk of the own counter may write, or whose traces are nobody's. Of any other table: none."""


def _rows(table: str, where: str = "") -> str:
    return f"SELECT '{table}', CAST({table} AS text) FROM {table}{where}"


_ALL: Final = text(" UNION ALL ".join(map(_rows, Base.metadata.tables)))
_OTHERS: Final = text(
    " UNION ALL ".join(
        _rows(table, f" WHERE NOT coalesce(({_OWNS[table]}), false)" if table in _OWNS else "") for table in Base.metadata.tables
    )
)


async def _state(world: World, *, everything: bool = False) -> dict[str, list[str]]:
    """Every row of the database, but those of the own counter unless `everything`."""
    state: dict[str, list[str]] = {table: [] for table in Base.metadata.tables}
    async with world.isp.database.reading() as session:
        statement = _ALL if everything else _OTHERS
        for table, row in await session.rows(statement, {} if everything else {"own": world.isp.counters["OWN"]}):
            state[table].append(row)
    if not everything:  # a run that was started, and went on to its end, at the own counter alone
        state["event"] = [row for row in state["event"] if ",generation." not in row]
    return {table: sorted(rows) for table, rows in state.items()}


async def test_no_mutation_writes_anything_of_another_counter(world: World, bounded: Api, opened: Opened) -> None:
    before, everything = await _state(world), await _state(world, everything=True)
    leaks: dict[str, Any] = {}
    codes: dict[str, set[str]] = {}
    connection = world.isp.database.connection  # type: ignore[attr-defined]
    for name in (one for one in _MUTATIONS if one not in _OWN_SESSION):
        opened.name = snake(name)
        payload = whole(SCHEMA.mutation_type.fields[name].type, 3)
        arguments = _named_arguments(name)
        foreign = [{one: world.other} for one in arguments]
        for all_foreign, but in [(True, {}), *((False, one) for one in foreign)]:
            for optional in (False, True):
                ids = world.other if all_foreign else world.own
                document = call(name, ids, payload, optional=optional, but=but)
                savepoint = await connection.begin_nested()
                answer = await bounded.raw(document)
                after = await _state(world)
                untouched = after == before and (not arguments or await _state(world, everything=True) == everything)
                await savepoint.rollback()
                assert answer.get("data"), (document, answer)
                codes.setdefault(name, set()).update(_codes(answer["data"][name]))
                if found := world.leaks(answer):
                    leaks[document[:200]] = found[:3]
                if after != before:
                    changed = {
                        table: sorted(set(after[table]) ^ set(before[table]))[:2] for table in after if after[table] != before[table]
                    }
                    leaks[document[:200]] = changed
                elif all_foreign and not untouched and name not in _OWN_KEY:
                    leaks[document[:200]] = "something was written"
    assert leaks == {}
    assert {name for name, found in codes.items() if found & {"NOT_FOUND", "FORBIDDEN"}} == set(codes) - _BY_FILE, codes


async def test_no_file_of_a_clerk_is_compared_with_customers(world: World) -> None:
    clerk = Actor(1, "kasir", Role.CLERK, Scope(frozenset({world.isp.counters["OWN"]})))
    async with world.isp.database.transaction(actor=clerk, at=NOW) as session:
        with pytest.raises(Forbidden):
            await load.stage(session, [], create_missing=False)


def _codes(answer: Any) -> set[str]:
    match answer:
        case dict():
            return ({answer["code"]} if {"code", "message"} <= set(answer) else set()).union(*(_codes(one) for one in answer.values()))
        case list():
            return set().union(*(_codes(one) for one in answer))
        case _:
            return set()


def _named_arguments(name: str) -> list[str]:
    """The arguments of a mutation's input that name something of a counter."""
    arguments = SCHEMA.mutation_type.fields[name].args
    fields = get_named_type(arguments["input"].type).fields if "input" in arguments else {}
    central = {"plan", "device", "month", "hold", "run"}
    return [one for one in fields if (NOUNS.get(one) or (one == "id" and IDS[name])) and NOUNS.get(one, IDS.get(name)) not in central]


async def test_a_payer_of_another_counter_has_a_code_and_a_name_and_nothing_else(world: World) -> None:
    api = Api(world.isp.database)
    await api.sign_in("kasir")
    document = call(
        "payment",
        world.own | {"payment": world.own["wrong_payment"]},
        "{ amount customerCode customerName customer { phone } allocations { amount invoiceNumber invoice { total } } counter { code } }",
    )
    found = await api.ask(document)
    assert found["customerCode"] == FOREIGN_PAYER
    assert found["customerName"] == "Orang Lain"
    assert found["customer"] is None
    assert [(one["amount"], one["invoice"]) for one in found["allocations"]] == [(5_000, None)]
    assert found["allocations"][0]["invoiceNumber"].startswith("INV/2026-02/ZQX/"), "it stands on the receipt that they hold"
    paper = await api.ask(call("receipt", world.own | {"payment": world.own["wrong_payment"]}, "{ text32 text48 whatsApp }"))
    assert all("Orang Lain" in one for one in paper.values())
    assert not any("Sisa tagihan" in one for one in paper.values()), "what they owe at their own counter"
    await api.sign_in()
    assert (await api.ask(document))["customer"]["phone"] == "+62899777002"
    paper = await api.ask(call("receipt", world.own | {"payment": world.own["wrong_payment"]}, "{ text32 text48 whatsApp }"))
    assert all("Sisa tagihan" in one for one in paper.values())


async def test_debts_and_payments_go_with_a_customer_who_moves(world: World) -> None:
    isp = world.isp
    number = await isp.value("SELECT number FROM invoice WHERE customer_id = (SELECT id FROM customer WHERE code = 'OWN-1')")
    async with isp.write() as session:
        await session.execute(text("UPDATE customer SET counter_id = :c WHERE code = 'OWN-1'"), {"c": isp.counters["ZQX"]})
    api = Api(isp.database)
    await api.sign_in("kasir")
    left = await api.ask(call("invoice", world.own, "{ number customerCode customer { phone } payments { amount } }"))
    assert left == {"number": number, "customerCode": "OWN-1", "customer": None, "payments": left["payments"]}
    assert await api.ask('{ customer(code: "OWN-1") { name } }') is None
    invoice_id = int(world.own["invoice"].partition("_")[2])
    async with isp.database.reading() as session:
        paper = await receipts.read_invoice(session, invoice_id, scope=Scope(frozenset({isp.counters["OWN"]})))
        whole_paper = await receipts.read_invoice(session, invoice_id, scope=EVERYWHERE)
    assert (paper.customer_name, paper.customer_address, paper.customer_phone) == ("Budi", "", "")
    assert whole_paper.customer_phone == "+6281234567890"
    await api.sign_in(f"kasir-{MARK}")
    document = (
        '{ customer(code: "OWN-1") { outstanding lastPayments { amount counter { code } } openInvoices { number counter { code } } } }'
    )
    found = await api.ask(document)
    assert {one["counter"]["code"] for one in found["lastPayments"]} == {"OWN"}
    settled = await api.ask('{ customer(code: "OWN-1") { lastPayments { allocations { invoice { number } } } } }')
    assert {one["invoice"]["number"] for paid in settled["lastPayments"] for one in paid["allocations"]} == {number}
    assert found["outstanding"] == 0
    assert await api.ask(call("invoice", world.own, "{ number }")) is None, "the paper itself stays where it was issued"


_FREE: Final = {
    "settings.read": "how the ISP bills: no counter's",
    "settings.read_versioned": "the same",
    "pictures.read": "of the ISP, for everybody",
    "pictures.read_contents": "the same",
    "pictures.read_facts": "the same",
    "plans.check_open": "plans are of no counter",
    "counters.by_codes": "for the command line and new users",
    "counters.codes_of": "for admins, who name the counters of users",
    "invariants.check": "the command `sebilling check`",
    "invariants.check_side_by_side": "the same",
    "generation.outcome": "of a run that the caller made",
    "suspensions.not_over": "of a customer whom the caller has read within their scope",
    "suspensions.end_of": "the same",
}


def test_every_read_of_the_domain_takes_a_scope() -> None:
    """A function that reads must be told for whom, and must not guess."""
    bare = []
    for module in pkgutil.iter_modules(sebilling.billing.__path__):
        loaded = import_module(f"sebilling.billing.{module.name}")
        for name, function in inspect.getmembers(loaded, inspect.isfunction):
            if name.startswith("_") or function.__module__ != loaded.__name__:
                continue
            parameters = inspect.signature(function).parameters
            first = next(iter(parameters.values()), None)
            if first is None or first.annotation not in {ReadSession, Snapshot}:
                continue
            scope = parameters.get("scope")
            if scope is None or scope.default is not inspect.Parameter.empty:
                bare.append(f"{module.name}.{name}")
    assert set(bare) - set(_FREE) == set(), "take `scope: Scope`, without a default"
