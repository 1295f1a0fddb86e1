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

from sebilling.app import create_app
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.demo import isp, month
from sebilling.plugins.loading import Plugins
from sebilling.schema.build import build_schema
from sebilling.server import listening_socket, serving
from tests.harness import Api, counted_statements, quiet_settings

PAGE: Final = (Path(__file__).parents[2] / "docs" / "web.md").read_text(encoding="utf-8")
MAX_STATEMENTS: Final = 3
"""Of a screen, the one that looks up the caller among them."""
# A document, and its variables if it has any.
DOCUMENTS: Final = re.findall(r"```graphql\n(.*?)```(?:\s*```json\n(.*?)```)?", PAGE, re.DOTALL)
SCHEMA: Final[Any] = build_schema()._schema
IDS: Final = {
    "customerId": "SELECT 'cus_' || min(customer_id) FROM payment WHERE method = 'CASH'",
    "counterId": "SELECT 'cou_' || min(counter_id) FROM invoice",
    "invoiceId": "SELECT 'inv_' || min(id) FROM invoice WHERE outstanding > 0",
    "paymentId": "SELECT 'pay_' || min(id) FROM payment",
    "deviceId": "SELECT 'dev_' || min(id) FROM device",
    "planId": "SELECT 'pla_' || min(id) FROM plan",
    "userId": "SELECT 'usr_' || min(id) FROM app_user WHERE role = 'COLLECTOR'",
    "month": "SELECT to_char(max(month), 'YYYY-MM') FROM period",
}
"""Variables of these names get a value of the demo's."""


def name_of(document: str) -> str:
    return document.partition("(")[0].partition("{")[0].strip()


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
    return committed, api


async def values_of(database: Database) -> dict[str, Any]:

    async with database.reading() as session:
        return {name: await session.value(text(sql), {}) for name, sql in IDS.items()}


async def test_each_screen_is_one_request(shop: tuple[Database, Api]) -> None:
    """In the order of the page; what must be true of each is told together."""
    database, api = shop
    known, wrong = await values_of(database), {}
    for document, variables in DOCUMENTS:
        operation = operation_of(document)
        if operation.operation is OperationType.SUBSCRIPTION:  # tests/live has them
            continue
        sent_values: Mapping[str, Any] = json.loads(variables or "{}")
        values = {name: known.get(name, value) for name, value in sent_values.items()}
        answer = await api.raw(document, **values)
        data = answer.get("data") or {}
        errors = [error for value in data.values() if isinstance(value, dict) for error in value.get("errors") or ()]
        if answer.get("errors") or errors or None in data.values():
            wrong[name_of(document)] = answer
        elif operation.operation is OperationType.QUERY:
            await api.raw(document, **values)  # so that it is known whether PostgreSQL can write its answer
            with counted_statements(database) as sent:
                await api.raw(document, **values)
            if len(sent) > MAX_STATEMENTS:
                wrong[name_of(document)] = sent
    assert wrong == {}, json.dumps(wrong, indent=1)


def test_every_screen_has_its_document() -> None:
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        assert "```graphql" in section or "no document" in section, section.partition("\n")[0]
