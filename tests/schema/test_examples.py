"""GraphiQL's prepared operations: each works on a fresh demo, in its order, as it stands in the page."""

import asyncio
import contextlib
import json
import re
from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse

from sebilling.actor import Role
from sebilling.app import create_app
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database
from sebilling.demo import isp, month
from sebilling.schema.request.prepared_operations import prepared_operations
from sebilling.server import listening_socket, serving
from tests.auth.people import add
from tests.harness import NOW, Api, Isp, quiet_settings


def operations_of(page: str) -> str:
    """The text of the editor."""
    found = re.search(r'<script id="operations" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return str(json.loads(found[1]))


def named(document: str) -> list[str]:
    return [part.name.value for part in parse(document).definitions if isinstance(part, OperationDefinitionNode) and part.name is not None]


async def test_each_works_on_a_fresh_demo(committed: Database) -> None:
    billed, sign_ins = await isp.make(committed, customers=60, now=system_clock())
    settings = quiet_settings(allowed_hosts="127.0.0.1", introspection="everyone", inline_worker=True)
    app = create_app(settings, Database(committed.url), is_demo=True)
    with contextlib.ExitStack() as gear, serving(app, listening_socket("127.0.0.1", 0)) as address:
        await asyncio.to_thread(month.run_month, address, committed.url, billed, sign_ins, gear, full=False)
        async with httpx.AsyncClient(base_url=address, timeout=60) as http:
            document = operations_of((await http.get("/graphql", headers={"Accept": "text/html"})).text)
            wrong = await told(http, document.replace('password: ""', f'password: "{sign_ins[0].password}"'))
    assert wrong == {}
    assert "_HERE" not in document


async def told(http: httpx.AsyncClient, document: str) -> dict[str, Any]:
    """What is wrong with an operation, by its name; they are sent as GraphiQL sends them, whole with a name."""
    wrong: dict[str, Any] = {}
    names = named(document)
    assert names[0] == "SignIn"
    assert len(names) > 15
    for name in names:
        answer = (await http.post("/graphql", json={"query": document, "operationName": name})).json()
        data = answer.get("data") or {}
        errors = [error for value in data.values() if isinstance(value, dict) for error in value.get("errors") or ()]
        if answer.get("errors") or errors or None in data.values():
            wrong[name] = answer
        elif name == "SignIn":
            http.headers["Authorization"] = f"Bearer {data['signIn']['token']}"
    return wrong


async def test_before_there_is_anything_they_are_about_this_month(database: Database) -> None:
    await Isp.make(database)
    document = await prepared_operations(database, at=NOW, with_rows=True)
    assert 'openPeriod(input: { month: "2026-02" })' in document
    assert 'customerId: "cus_1"' in document
    again = await prepared_operations(database, at=NOW, with_rows=True)
    keys = re.compile(r'idempotencyKey: "([^"]+)"')
    assert not set(keys.findall(document)) & set(keys.findall(again)), "each page has keys of its own"
    assert Month.parse("2026-02").after.isoformat() in document


@pytest.mark.parametrize(
    ("role", "is_shown"), [(None, False), (Role.TECHNICIAN, False), (Role.CLERK, False), (Role.FINANCE, True), (Role.ADMIN, True)]
)
async def test_only_who_may_read_all_rows_is_shown_any(database: Database, role: Role | None, *, is_shown: bool) -> None:
    isp = await Isp.make(database)
    await isp.customer(price=120_017)
    await isp.open()
    await isp.generate()
    api = Api(database, introspection="everyone")
    if role is not None:
        await add(isp, "someone", role, *(["LKT01"] if role is Role.CLERK else []))
        await api.sign_in("someone")
    page = await api.http.get("/graphql", headers={**api.headers, "Accept": "text/html"})
    assert ("120017" in operations_of(page.text)) is is_shown
