"""Clients that we didn't write bill the same month at the same server, each in its own way, and come to the same figures.

`npm install` in tests/schema/foreign makes those of Node available, and requirements.lock in a .venv there those of Python; without them,
and outside CI, their tests are left out.
"""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from gql import Client, GraphQLRequest, gql
from gql.transport.httpx import HTTPXTransport
from graphql import (
    FieldNode,
    GraphQLInputObjectType,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    get_named_type,
    is_nullable_type,
    parse,
)

from sebilling.actor import Role
from sebilling.app import create_app
from sebilling.db.engine import Database
from sebilling.server import listening_socket, serving
from tests.harness import NOW, PASSWORD, Isp, make_user, quiet_settings
from tests.isolation import gear
from tests.node import needs_packages
from tests.schema.foreign.month import month

ROOT = Path(__file__).parents[2]
FOREIGN = Path(__file__).parent / "foreign"
PYTHON = FOREIGN / ".venv" / "bin" / "python"
RIGHT: Final = {
    "refused": ["ALREADY_EXISTS input.code", "INVALID_TEXT input.name"],
    "issued": ["FINISHED", 2, 300_000],
    "owing": [["Ani", 150_000], ["Beni", 150_000]],
    "paid": [0, ["PAID"]],
    "offline": [[["INVALID_DATE"], False], [[], False], [[], False], [[], True]],
    "deposit": "VERIFIED",
    "recap": {
        "counter": {"code": "LKT01"}, "invoices": 2, "totalBilled": 300_000, "totalReceived": 200_000, "reversed": 60_000,
        "outstanding": 100_000, "totalDeposited": 200_000, "cashOnHand": 0,
    },
}  # fmt: skip
"""What each client has found out by the end of the month."""


needs_node_packages = needs_packages(FOREIGN, "relay-runtime", "relay-compiler", "gql.tada", "graphql-request", "ws")


@asynccontextmanager
async def server(committed: Database) -> AsyncIterator[tuple[str, Isp]]:
    """The address of a server of a new ISP, on 3 February 2026, with its worker."""
    isp = await Isp.make(committed)
    async with isp.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    settings = quiet_settings(allowed_hosts="127.0.0.1", inline_worker=True)
    app = create_app(settings, Database(committed.url), clock=lambda: NOW, plugins=gear.plugins())
    with contextlib.closing(listening_socket("127.0.0.1", 0)) as listener, serving(app, listener) as address:
        yield f"{address}/graphql", isp


async def told(*command: str | Path) -> Any:
    """What a program of `foreign` prints; how it failed is in the output of the test."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=FOREIGN)
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0
    return json.loads(output)


def nullable_inputs() -> dict[str, dict[str, None]]:
    """A null for each input that an operation of the month may leave out, by the operation's name."""
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    assert schema.mutation_type is not None
    absent = {}
    for operation in parse((FOREIGN / "month.graphql").read_text(encoding="utf-8")).definitions:
        if isinstance(operation, OperationDefinitionNode) and operation.operation is OperationType.MUTATION:
            root = operation.selection_set.selections[0]
            assert isinstance(root, FieldNode)
            assert operation.name is not None
            fields = get_named_type(schema.mutation_type.fields[root.name.value].args["input"].type)
            assert isinstance(fields, GraphQLInputObjectType)
            absent[operation.name.value] = dict.fromkeys(name for name, field in fields.fields.items() if is_nullable_type(field.type))
    return absent


def dart_like(url: str) -> dict[str, Any]:
    """The month by plain HTTP, without any library of GraphQL: the whole document, and null for every input that may be left out."""
    document, absent = (FOREIGN / "month.graphql").read_text(encoding="utf-8"), nullable_inputs()

    def run(name: str, variables: dict[str, Any]) -> dict[str, Any]:
        sent = {key: absent[name] | value if key == "input" else value for key, value in variables.items()}
        answer = http.post(url, json={"query": document, "operationName": name, "variables": sent}).json()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    with httpx.Client() as http:
        return month(run, http.headers, PASSWORD)


def with_gql(url: str) -> dict[str, Any]:
    """The month by gql, which checks the documents by the schema before it sends them."""
    document = gql((FOREIGN / "month.graphql").read_text(encoding="utf-8"))
    transport = HTTPXTransport(url=url)
    with Client(transport=transport, schema=(ROOT / "schema.graphql").read_text(encoding="utf-8")) as session:

        def run(name: str, variables: dict[str, Any]) -> dict[str, Any]:
            return dict(session.execute(GraphQLRequest(document, variable_values=variables, operation_name=name)))

        assert transport.client is not None
        return month(run, transport.client.headers, PASSWORD)


@pytest.mark.parametrize("client", [dart_like, with_gql])
async def test_clients_in_this_process_bill_the_month(committed: Database, client: Callable[[str], dict[str, Any]]) -> None:
    async with server(committed) as (url, isp):
        assert await asyncio.to_thread(client, url) == RIGHT
        await isp.check()


@pytest.mark.skipif(
    not PYTHON.exists() and not os.environ.get("CI"), reason="install requirements.lock into tests/schema/foreign/.venv to run it"
)
@pytest.mark.parametrize("client", ["ariadne", "sgqlc"])
async def test_clients_generated_for_python_bill_the_month(committed: Database, client: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    async with server(committed) as (url, isp):
        assert await told(PYTHON, FOREIGN / "month.py", client, url, tmp_path, PASSWORD) == RIGHT
        await isp.check()


@needs_node_packages
@pytest.mark.parametrize("client", ["apollo", "urql", "graphql-request"])
async def test_clients_in_javascript_bill_the_month(committed: Database, client: str, tmp_path: Path) -> None:
    async with server(committed) as (url, isp):
        assert await told("node", FOREIGN / "month.js", client, url, tmp_path, PASSWORD) == RIGHT
        await isp.check()


@needs_node_packages
async def test_a_compiled_app_of_relay_bills_the_month(committed: Database, tmp_path: Path) -> None:
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    async with server(committed) as (url, isp):
        figures = await told("node", FOREIGN / "month.js", "relay", url, tmp_path, PASSWORD)
        assert figures.pop("pages") == [["Ani"], ["Ani", "Beni"]], "the list after each page"
        assert figures.pop("refetched") == [150_000, 0, 0], "read again by id, as the payment left it in the store, read again"
        assert sorted(figures.pop("live")) == [50_000, 60_000, 150_000], "each payment once"
        assert figures == RIGHT
        await isp.check()


@needs_node_packages
@pytest.mark.parametrize("fault", [None, ("totalReceived", "totalRecieved")])
async def test_gql_tada_types_the_months_documents(tmp_path: Path, fault: tuple[str, str] | None) -> None:
    shutil.copy(ROOT / "schema.graphql", tmp_path)
    findings = await told("node", FOREIGN / "tada.js", tmp_path, *fault or ())
    assert bool(findings) == bool(fault), findings
