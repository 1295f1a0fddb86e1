"""GraphQL over HTTP: media types, and the audit that its specification's authors wrote. Case 21 of the field cases."""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sebilling.app import create_app
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.schema.request.negotiation import JSON, RESPONSE_JSON, media_type
from sebilling.server import listening_socket, serving
from tests.harness import Api, Isp, quiet_settings
from tests.isolation import gear

FOREIGN = Path(__file__).parent / "foreign"


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        (f"{RESPONSE_JSON}, application/json", RESPONSE_JSON),
        (f"application/json, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.5, application/json", JSON),
        (f"{RESPONSE_JSON};q=0, application/json", JSON),
        (f"{RESPONSE_JSON}; charset=utf-8 ;Q=0.9, application/json;q=0.8", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=nan", JSON),
        (f"{RESPONSE_JSON};q=much, application/json;q=", JSON),
        (",;,=;q=," * 50_000 + RESPONSE_JSON, JSON),
    ],
)
def test_the_media_type_that_a_client_likes_best(accept: str, type_: str) -> None:
    assert media_type(accept) == type_


async def answered(api: Api, document: str, accept: str) -> tuple[int, str, Any]:
    response = await api.http.post("/graphql", json={"query": document}, headers={**api.headers, "Accept": accept})
    assert "accept" in response.headers["vary"].lower()
    return response.status_code, response.headers["content-type"].partition(";")[0], response.json()


async def test_what_was_never_executed_is_a_400_without_data_for_who_speaks_graphql(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    for document in ("{", "{ nothing }", "query($n: Int!) { periods(first: $n) { totalCount } }"):
        status, kind, answer = await answered(api, document, RESPONSE_JSON)
        assert (status, kind) == (400, RESPONSE_JSON)
        assert "data" not in answer
        assert answer["errors"]
        status, kind, answer = await answered(api, document, JSON)
        assert (status, kind, answer["data"]) == (200, JSON, None)


async def test_what_was_executed_keeps_its_status(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    status, kind, answer = await answered(api, "{ periods { totalCount } }", RESPONSE_JSON)
    assert (status, kind) == (200, RESPONSE_JSON)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await api.sign_in()
    assert await answered(api, "{ __typename }", RESPONSE_JSON) == (200, RESPONSE_JSON, {"data": {"__typename": "Query"}})


def has_graphql_http() -> bool:
    if shutil.which("node") is None:
        return False
    asked = subprocess.run(
        ["node", "--input-type=module", "-e", "import 'graphql-http'"], cwd=FOREIGN, capture_output=True, timeout=20, check=False
    )
    return asked.returncode == 0


@pytest.mark.skipif(
    not has_graphql_http() and not os.environ.get("CI"), reason="node or graphql-http isn't there: npm install in tests/schema/foreign"
)
async def test_every_audit_is_ok(committed_url: str) -> None:
    app = create_app(
        quiet_settings(allowed_hosts="127.0.0.1", introspection="everyone"),
        Database(committed_url),
        clock=system_clock,
        plugins=gear.plugins(),
    )
    with contextlib.closing(listening_socket("127.0.0.1", 0)) as listener, serving(app, listener) as address:
        node = await asyncio.create_subprocess_exec(
            "node", FOREIGN / "audit.js", f"{address}/graphql", stdout=asyncio.subprocess.PIPE, cwd=FOREIGN
        )
        output, _ = await asyncio.wait_for(node.communicate(), 120)
    assert json.loads(output) == {"audits": 61, "findings": []}
