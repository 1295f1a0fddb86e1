"""docs/web.md: each document draws its screen of a demo's month by one request, in a few statements."""

import asyncio
import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import OperationDefinitionNode, OperationType, parse, validate
from sqlalchemy import text

from bench.web_documents import DOCUMENTS, PAGE, VALUES, filled, name_of
from sebilling.actor import Actor, Role, Scope
from sebilling.app import create_app
from sebilling.billing import deposits
from sebilling.billing.deposits import DepositType
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.demo import isp, month
from sebilling.plugins.loading import Plugins
from sebilling.schema.build import build_schema
from sebilling.server import listening_socket, serving
from tests.harness import Api, counted_statements, quiet_settings

MAX_STATEMENTS: Final = 3
"""Of a screen, the one that looks up the caller among them."""
DIALOGS: Final = {
    "query BillingSchedule", "query PreviewBillingCycle", "query PreviewIsolationPolicy", "query SkippedCustomers", "query ClosingPreview",
}  # fmt: skip
"""Previews in dialogs, which price each invoice or look for warnings by further statements."""
RUN_ELSEWHERE: Final = {
    "mutation SignInByCookie", "mutation EndSignIn", "mutation ChangePassword", "mutation StartTotp", "mutation ConfirmTotp",
    "mutation DisableTotp", "mutation RevokeSignIn", "mutation DecideIsolationHold", "mutation ResetTotp",
    "mutation ReadOnline", "mutation AuditDevice", "mutation AbandonGeneration",
    "mutation ApplyCredit", "mutation RefundCredit", "mutation ReverseRefund", "mutation ReversePayment",
}  # fmt: skip
"""tests/web does these in the browser, and follows the subscriptions."""
SCHEMA: Final[Any] = build_schema()._schema
_WRITTEN_OFF: Final = "SELECT 'inv_' || invoice_id FROM write_off WHERE id = (SELECT max(id) FROM write_off)"
_NEWEST_COUNTER: Final = {"id": "SELECT 'cou_' || max(id) FROM counter"}
_NEWEST_DEVICE: Final = {"id": "SELECT 'dev_' || max(id) FROM device"}
_NEWEST_USER: Final = {"id": "SELECT 'usr_' || max(id) FROM app_user"}
OF_ONE: Final = {
    "mutation RetryServiceAccess": {"id": "SELECT 'acc_' || min(id) FROM service_access"},
    "mutation UpdatePlan": {"id": "SELECT 'pla_' || min(id) FROM plan"},
    **dict.fromkeys(("mutation UpdateCounter", "mutation ArchiveCounter", "mutation UnarchiveCounter"), _NEWEST_COUNTER),
    **dict.fromkeys(("mutation UpdateDevice", "mutation TestDevice", "mutation DeleteDevice"), _NEWEST_DEVICE),
    **dict.fromkeys(("mutation UpdateUser", "mutation ResetPassword", "mutation ResetTotp"), _NEWEST_USER),
    "mutation CreateCustomer": {"planId": "SELECT 'pla_' || min(id) FROM plan WHERE archived_at IS NULL"},
    "mutation UpdateCustomer": {"id": "SELECT 'cus_' || min(id) FROM customer"},
    "mutation CancelCharge": {"id": "SELECT 'chg_' || max(id) FROM charge"},
    "mutation EndDiscount": {
        "id": "SELECT 'dis_' || max(id) FROM discount",
        "untilOn": "SELECT to_char(date_trunc('month', now()) + interval '3 months', 'YYYY-MM-DD')",
    },
    "mutation RemoveServiceAccess": {"id": "SELECT 'acc_' || max(id) FROM service_access"},
    "mutation ReverseWriteOff": {"writeOffId": "SELECT 'wof_' || max(id) FROM write_off", "invoiceId": _WRITTEN_OFF},
    "mutation OpenPeriod": {"month": "SELECT to_char(max(month) + interval '1 month', 'YYYY-MM') FROM period"},
}
"""Values of one document."""
SHEET: Final = b"Kode;Nama;Loket;Paket;Harga;Tanggal Pasang\nBARU-1;Budi;LKT01;Rumah 20M;200000;2026-01-31\n"
"""The file of a variable `file`."""
PICTURE: Final = (Path(__file__).parents[2] / "docs" / "pictures" / "5-bayar.png").read_bytes()
"""The same, where it is a picture."""


def operation_of(document: str) -> OperationDefinitionNode:
    (operation,) = (part for part in parse(document).definitions if isinstance(part, OperationDefinitionNode))
    return operation


@pytest.mark.parametrize("document", [document for document, _ in DOCUMENTS], ids=name_of)
def test_documents_are_valid(document: str) -> None:
    assert validate(SCHEMA, parse(document)) == []


@pytest.fixture
async def shop(committed: Database) -> tuple[Database, Api]:
    """A demo after its month, and its admin."""
    billed, sign_ins = await isp.make(committed, customers=60, now=system_clock())
    settings = quiet_settings(allowed_hosts="127.0.0.1", inline_worker=True)
    app = create_app(settings, Database(committed.url), is_demo=True)
    with contextlib.ExitStack() as gear, serving(app, listening_socket("127.0.0.1", 0)) as address:
        await asyncio.to_thread(month.run_month, address, committed.url, billed, sign_ins, gear, full=False)
    api = Api(committed, at=system_clock(), plugins=Plugins.load(), inline_worker=False)
    document = "mutation($input: SignInInput!) { signIn(input: $input) { token errors { code } } }"
    admin = {"username": sign_ins[0].username, "password": sign_ins[0].password}
    answer = await api.ask(document, input=admin)
    api.headers["Authorization"] = f"Bearer {answer['token']}"
    async with committed.transaction(actor=await _a_clerk(committed), at=system_clock()) as session:  # one more to decide about
        counter_id = min(session.actor.scope.counters or ())
        await deposits.submit(session, counter_id=counter_id, amount=1, type=DepositType.MANUAL, key="one-more-deposit")
    return committed, api


async def _a_clerk(database: Database) -> Actor:
    """A clerk who takes cash."""
    async with database.reading() as session:
        drawer = await session.row(
            text("SELECT collector_id, counter_id FROM drawer JOIN app_user u ON u.id = collector_id WHERE role = 'CLERK' LIMIT 1")
        )
    assert drawer is not None
    collector_id, counter_id = drawer
    return Actor(collector_id, "clerk", Role.CLERK, Scope(frozenset({counter_id})))


async def values_of(database: Database, document: str) -> dict[str, Any]:
    """The demo's values for a document at this moment."""
    wanted = VALUES | OF_ONE.get(name_of(document), {})
    async with database.reading() as session:
        return {name: await session.value(text(sql), {}) for name, sql in wanted.items()}


async def answered(api: Api, document: str, values: Mapping[str, Any]) -> Any:
    """The answer; with a variable `file`, to a multipart request."""
    if "file" not in values:
        return await api.raw(document, **values)
    operations = json.dumps({"query": document, "variables": values})
    fields: dict[str, Any] = {
        "operations": (None, operations),
        "map": (None, '{"0": ["variables.file"]}'),
        "0": ("logo.png", PICTURE, "image/png") if "kind" in values else ("pelanggan.csv", SHEET, "text/csv"),
    }
    response = await api.http.post("/graphql", files=fields, headers={**api.headers, "GraphQL-Require-Preflight": "1"})
    return response.json()


async def test_each_screen_is_one_request(shop: tuple[Database, Api]) -> None:
    """In the order of the page; what must be true of each is told together."""
    database, api = shop
    wrong: dict[str, Any] = {}
    uploaded: dict[str, Any] = {}  # what a preview tells of a file
    for document, variables in DOCUMENTS:
        operation = operation_of(document)
        if operation.operation is OperationType.SUBSCRIPTION or name_of(document) in RUN_ELSEWHERE:
            continue
        values = filled(json.loads(variables or "{}"), await values_of(database, document) | uploaded)
        answer = await answered(api, document, values)
        data = answer.get("data") or {}
        uploaded |= {
            name: value for part in data.values() if isinstance(part, dict) for name, value in part.items() if name == "fingerprint"
        }
        errors = [error for value in data.values() if isinstance(value, dict) for error in value.get("errors") or ()]
        if answer.get("errors") or errors or None in data.values():
            wrong[name_of(document)] = answer
        elif operation.operation is OperationType.QUERY:
            await api.raw(document, **values)  # so that it is known whether PostgreSQL can write its answer
            with counted_statements(database) as sent:
                await api.raw(document, **values)
            if len(sent) > MAX_STATEMENTS and name_of(document) not in DIALOGS:
                wrong[name_of(document)] = sent
    assert wrong == {}, json.dumps(wrong, indent=1)


def test_every_screen_has_its_document() -> None:
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        assert "```graphql" in section or "no document" in section, section.partition("\n")[0]
