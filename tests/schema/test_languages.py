"""Requests that are refused before anything is executed, and documents that aren't valid, are answered in the caller's language."""

from typing import Any

import pytest

from sebilling.db.engine import Database
from sebilling.plugins.conformance.languages import english_words
from tests.harness import Api

JSON = {"content-type": "application/json"}
REQUESTS: tuple[tuple[str, str, Any, dict[str, str]], ...] = (
    ("POST", "/graphql", "{", JSON),
    ("POST", "/graphql", "5", JSON),
    ("POST", "/graphql", "{}", JSON),
    ("POST", "/graphql", '{"query": 5}', JSON),
    ("POST", "/graphql", '{"query": "{ me { username } }", "variables": 5}', JSON),
    ("POST", "/graphql", '{"query": "{ me { username } }", "operationName": 5}', JSON),
    ("POST", "/graphql", '{"query": "{ me { username } }", "extensions": 5}', JSON),
    ("POST", "/graphql", '[{"query": "{ me { username } }"}, {"query": "{ me { username } }"}]', JSON),
    ("POST", "/graphql", "query=x", {"content-type": "text/plain"}),
    ("POST", "/graphql", "x", {"content-type": "multipart/form-data; boundary=x"}),
    ("POST", "/graphql", "x", {"content-type": "multipart/form-data; boundary=x", "GraphQL-Require-Preflight": "1"}),
    ("POST", "/graphql", "x", {"content-type": "multipart/form-data", "GraphQL-Require-Preflight": "1"}),
    ("POST", "/graphql", '{"documentId": "x"}', JSON),
    ("POST", "/graphql", " " * 300_000, JSON),
    ("POST", "/graphql", '{"query": "{ me { username } }"}', {**JSON, "host": "elsewhere.example"}),
    ("POST", "/graphql", '{"query": "{ me { username } }"}', {**JSON, "cookie": "sebilling=x"}),
    ("PUT", "/graphql", "x", JSON),
    ("GET", "/graphql?query=mutation{signOut{done}}", None, {}),
    ("GET", "/graphql?query={me{username}}&operationName=X", None, {}),
    ("GET", "/graphql?query=subscription{paymentRecorded{cursor}}", None, {"accept": "text/event-stream"}),
)
DOCUMENTS = (
    "{",
    "{ me { username } } { me { username } }",
    "{ nothing }",
    "{ me }",
    "{ me { role { x } } }",
    "{ me(x: 1) { id } }",
    "{ me { ...F } }",
    "{ me @nothing { id } }",
    "query @skip(if: true) { me { username } }",
    "query($x: Nothing) { me { username } }",
    "query($x: Int) { me { username } }",
    "{ customer { id } }",
    "{ customer(id: $x) { id } }",
    "query($x: Int) { customer(id: $x) { id } }",
    "query($x: User) { me { username } }",
    "{ me { role role: username } }",
    "fragment F on User { id }",
    "fragment F on Me { ...F } { me { ...F } }",
    "{ me { ...F } } fragment F on Int { x }",
    '{ customers(first: "x") { nodes { id } } }',
    "{ customers(orderBy: SIZE) { nodes { id } } }",
    "{ customers(filter: {x: 1}) { nodes { id } } }",
    "query A { me { username } } query B { me { username } }",
    "query A { me { username } } query A { me { username } }",
    "type X { x: Int }",
    "{ me { username } } # " + "x" * 30_000,
    "query($i: RecordPaymentInput!) { me { username } }",
    "{ recap(month: 7) { month } }",
    "mutation { recordPayment(input: {amount: 1.5}) { errors { code } } }",
    "query($x: Int!) { customers(first: $x) { nodes { id } } }",
    "{ me { ... on Query { me { username } } } }",
    "{ __schema { types { name } } }",
    "subscription { a: eventRecorded { cursor } b: eventRecorded { cursor } }",
    "",
)


@pytest.mark.parametrize(("method", "path", "content", "headers"), REQUESTS)
async def test_a_refused_request(database: Database, method: str, path: str, content: Any, headers: dict[str, str]) -> None:
    api = Api(database)
    answer = await api.http.request(method, path, content=content, headers={**headers, "accept-language": "id"})
    messages = [error["message"] for error in answer.json()["errors"]]
    assert messages
    for message in messages:
        assert not english_words(message), message


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_an_invalid_document(database: Database, document: str) -> None:
    api = Api(database)
    api.headers["Accept-Language"] = "id"
    answer = await api.http.post("/graphql", json={"query": document}, headers={"accept-language": "id"})
    messages = [error["message"] for error in answer.json()["errors"]]
    assert messages
    for message in messages:
        assert not english_words(message), message


async def test_an_invalid_download_and_readiness(database: Database) -> None:
    api = Api(database)
    answer = await api.http.get("/downloads/x", headers={"accept-language": "id"})
    assert not english_words(answer.json()["error"])
