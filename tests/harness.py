"""What tests are made of: a database of savepoints, an ISP in a few lines, a GraphQL client, counted statements."""

import asyncio
import atexit
import functools
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from argon2 import PasswordHasher
from graphql import FieldNode, GraphQLSchema, OperationDefinitionNode, OperationType, get_named_type, parse
from sqlalchemy import TextClause, event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from sebilling.actor import EVERYWHERE, Actor, Role, Scope, operator
from sebilling.app import create_app
from sebilling.auth import passwords, users
from sebilling.billing import counters, credit, customers, generation, invariants, payments, periods, plans, previews
from sebilling.clock import Month
from sebilling.config import Settings
from sebilling.db.engine import AutocommitSession, Database, ReadSession, Snapshot, WriteSession, translated_errors
from sebilling.plugins.loading import Plugins
from sebilling.schema.build import build_schema
from tests.isolation import gear

NOW = datetime(2026, 2, 3, 2, 0, tzinfo=UTC)
"""9 o'clock on 3 February 2026 in Jakarta."""
FEBRUARY = Month(2026, 2)
PASSWORD = "rahasia-sekali"
LAB: Final = "127.0.0.0/8"
"""Where simulated devices are."""
SECRET_KEY: Final = "9f4c1d7ab2e860535d1e7b90c46fa283e75b06d91c3f8a42"
"""Of the applications and processes of tests."""
CHEAP_HASHES: Final = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""A thousandth of the work, for all tests but those of passwords: nearly all of a sign-in's time, and most tests begin with one."""
_COMMITTED: Final = text("DO $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; END $$")
"""Does what deferred triggers leave to the commit, which never comes for a savepoint."""
_hashed: dict[PasswordHasher, str] = {}
T = TypeVar("T")


class SavepointDatabase(Database):
    """A `Database` on one connection, whose transactions are savepoints: seen at once, gone at the end of the test."""

    def __init__(self, url: str, connection: AsyncConnection) -> None:
        self.url = self.direct_url = url
        self.connection = connection
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self, *, actor: Actor, at: datetime) -> AsyncIterator[WriteSession]:
        async with self._one_at_a_time, translated_errors(), self.connection.begin_nested():
            yield WriteSession(self.connection, actor=actor, at=at)
            await self.connection.execute(_COMMITTED)

    def autocommit(self, *, actor: Actor, at: datetime) -> AutocommitSession:
        return _SavepointCalls(self, actor=actor, at=at)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        async with self._one_at_a_time, translated_errors():
            yield ReadSession(self.connection)

    async def fetch(self, statement: TextClause, parameters: Mapping[str, object], *, into: Any = None) -> Sequence[Any]:
        async with self.reading() as session:
            return await session.rows(statement, parameters, into=into)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        async with self._one_at_a_time, translated_errors():
            yield Snapshot(self.connection)

    async def close(self) -> None:
        """The fixture closes."""


class _SavepointCalls(AutocommitSession):
    """Calls that are savepoints of the test's transaction."""

    def __init__(self, database: SavepointDatabase, *, actor: Actor, at: datetime) -> None:
        self._database, self.actor, self.at = database, actor, at

    async def call(self, statement: TextClause, parameters: Mapping[str, object], *, into: type[T]) -> T:
        async with self._database.transaction(actor=self.actor, at=self.at) as session:
            return await session.call(statement, parameters, into=into)


@dataclass
class Isp:
    """A small ISP: one plan of Rp150.000, counters by code, an admin who may do everything."""

    database: Database
    admin: Actor
    plan_id: int
    counters: dict[str, int] = field(default_factory=dict)

    @classmethod
    async def make(cls, database: Database, *codes: str) -> "Isp":
        """With these counters; one called LKT01 if none is named."""
        async with database.transaction(actor=operator("test"), at=NOW) as session:
            admin_id = await make_user(session, "admin", Role.ADMIN)
            plan_id = await plans.create(session, name="Home 10M", price=150_000)
            isp = cls(database, Actor(admin_id, "admin", Role.ADMIN, EVERYWHERE), plan_id)
            for code in codes or ("LKT01",):
                isp.counters[code] = await counters.create(session, code=code, name=f"Loket {code}")
        return isp

    @asynccontextmanager
    async def write(self, at: datetime = NOW) -> AsyncIterator[WriteSession]:
        """A transaction of the admin."""
        async with self.database.transaction(actor=self.admin, at=at) as session:
            yield session

    async def customer(self, code: str | None = None, *, counter: str | None = None, **details: Any) -> int:
        """One more customer; gives the id."""
        given: dict[str, Any] = {"name": "Budi", "plan_id": self.plan_id, "installed_on": date(2025, 1, 31)} | details
        counter_id = self.counters[counter or next(iter(self.counters))]
        async with self.write() as session:
            return await customers.create(
                session, customers.CustomerDetails(code=code or uuid.uuid4().hex[:12], counter_id=counter_id, **given)
            )

    async def many_customers(self, count: int, *, counter: str | None = None, first: int = 0) -> None:
        """`count` more, by one statement; `first` keeps the codes of several calls apart."""
        counter_id = self.counters[counter or next(iter(self.counters))]
        async with self.write() as session:
            await session.execute(
                text(
                    "INSERT INTO customer (code, name, phone, address, counter_id, plan_id, installed_on, active, created_at)"
                    " SELECT 'C' || CAST(:counter AS text) || '-' || :first + n, 'Pelanggan ' || n, '', '', CAST(:counter AS int), :plan,"
                    " DATE '2025-01-01', true, now() FROM generate_series(1, :count) n"
                ),
                {"counter": str(counter_id), "plan": self.plan_id, "count": count, "first": first},
            )

    async def open(self, month: Month = FEBRUARY) -> int:
        """Open a period."""
        async with self.write() as session:
            return await periods.open_period(session, month, confirm=True)

    async def generate(self, month: Month = FEBRUARY, *, key: str | None = None, at: datetime = NOW, **options: Any) -> previews.Counts:
        """Issue a month's invoices, to the end."""
        chunk = options.pop("chunk", 10_000)
        async with self.write(at) as session:
            started = await generation.start(session, month, counters=options.get("counters"), key=key or str(uuid.uuid4()))
        assert await generation.work(lambda: self.write(at), run_id=started.run_id, chunk=chunk), "a chunk failed"
        async with self.database.reading() as session:
            return await generation.outcome(session, started.run_id)

    async def pay(self, customer_id: int, amount: int, **details: Any) -> payments.Recorded:
        """Take money at the customer's counter."""
        at = details.pop("at", NOW)
        given: dict[str, Any] = {"method": payments.PaymentMethod.CASH, "key": str(uuid.uuid4())} | details
        async with self.write(at) as session:
            return await payments.record(session, payments.Received(customer_id=customer_id, amount=amount, **given))

    async def hold(self, payment_id: int) -> None:
        """Keep the payment's credit from settling debts."""
        async with self.write() as session:
            await credit.hold(session, payment_id, reason="titipan", key=str(uuid.uuid4()))

    async def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Look into the tables."""
        async with self.database.reading() as session:
            return [tuple(row) for row in await session.rows(text(sql), parameters)]

    async def value(self, sql: str, **parameters: Any) -> Any:
        """Look at one value in the tables."""
        (row,) = await self.rows(sql, **parameters)
        return row[0]

    async def check(self) -> None:
        """Every invariant holds."""
        async with self.database.reading() as session:
            broken = {finding.invariant.name: finding.rows async for finding in invariants.check(session) if finding.rows}
        assert broken == {}, broken


async def make_user(session: WriteSession, username: str, role: Role, *codes: str) -> int:
    """A user whose password is PASSWORD."""
    hasher = passwords._HASHER
    if hasher not in _hashed:
        _hashed[hasher] = await passwords.hashed(PASSWORD)
    return await users.create(session, username=username, name=username, role=role, password_hash=_hashed[hasher], counters=codes)


def clerk(user_id: int, *counter_ids: int) -> Actor:
    """An actor who may see these counters."""
    return Actor(user_id, "kasir", Role.CLERK, Scope(frozenset(counter_ids)))


def quiet_settings(**settings: Any) -> Settings:
    """Settings that no file and no worker touches."""
    given = {"inline_worker": False, "secret_key": SECRET_KEY, "var": _var(), "allowed_hosts": "test", "device_networks": LAB}
    return Settings(**{"_env_file": None, **given, **settings})


@functools.cache
def _var() -> Path:
    """A folder for this session's uploads."""
    folder = tempfile.TemporaryDirectory(prefix="sebilling-tests-var-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


@functools.cache
def _schema() -> GraphQLSchema:
    return build_schema()._schema


def see_that_inputs_exist(document: str, data: dict[str, Any]) -> None:
    """Fail if an error in a mutation's payload has a path that is no input of that mutation."""
    mutations = _schema().mutation_type
    assert mutations is not None
    roots = [
        node for definition in parse(document).definitions
        if isinstance(definition, OperationDefinitionNode) and definition.operation is OperationType.MUTATION
        for node in definition.selection_set.selections if isinstance(node, FieldNode)
    ]  # fmt: skip
    for node in roots:
        payload = data.get((node.alias or node.name).value)
        for error in payload.get("errors") or () if isinstance(payload, dict) else ():
            inputs: Any = mutations.fields[node.name.value].args
            for part in error.get("field", ()):
                if part.isdecimal():
                    continue
                assert part in inputs, f"{node.name.value} has no input {error['field']}"
                input_type = get_named_type(inputs[part].type)
                if input_type.name == "JSON":
                    break
                inputs = getattr(input_type, "fields", {})


class Api:
    """A GraphQL client of the application in this process, without a socket."""

    def __init__(self, database: Database, *, at: datetime = NOW, plugins: Plugins | None = None, **settings: Any) -> None:
        self.now = at
        app = create_app(quiet_settings(**settings), database, clock=lambda: self.now, plugins=plugins or gear.plugins())
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        self.headers: dict[str, str] = {}

    async def sign_in(self, username: str = "admin") -> None:
        """Send this user's token from now on."""
        document = "mutation($input: SignInInput!) { signIn(input: $input) { token errors { code } } }"
        answer = (await self.raw(document, input={"username": username, "password": PASSWORD}))["data"]["signIn"]
        assert answer["errors"] == []
        self.headers["Authorization"] = f"Bearer {answer['token']}"

    async def raw(self, document: str, **variables: Any) -> Any:
        """The whole answer; a refusal must name an input that the client could have sent."""
        response = await self.http.post("/graphql", json={"query": document, "variables": variables}, headers=self.headers)
        answer = response.json()
        if isinstance(answer, dict) and answer.get("data"):
            see_that_inputs_exist(document, answer["data"])
        return answer

    async def ask(self, document: str, **variables: Any) -> Any:
        """The first root field's value; top-level errors fail the test."""
        answer = await self.raw(document, **variables)
        assert "errors" not in answer, answer["errors"]
        return next(iter(answer["data"].values()))

    async def do(self, document: str, **variables: Any) -> Any:
        """Like `ask`, for a mutation that must succeed."""
        payload = await self.ask(document, **variables)
        assert payload["errors"] == []
        return payload

    async def refused(self, document: str, **variables: Any) -> tuple[str, list[str]]:
        """Code and field of the one error in the payload of a mutation that must be refused."""
        payload = await self.ask(document, **variables)
        (error,) = payload["errors"]
        assert error["message"]
        return error["code"], error["field"]

    async def top_error(self, document: str, **variables: Any) -> str:
        """The code of the one top-level error."""
        (error,) = (await self.raw(document, **variables))["errors"]
        return str(error["extensions"]["code"])


@contextmanager
def counted_statements(database: Database) -> Iterator[list[str]]:
    """Every statement that the database object sends while the block runs; BEGIN and COMMIT are not among them."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    async def fetch(statement: TextClause, parameters: Mapping[str, object], *, into: Any = None) -> Sequence[Any]:
        sent.append(str(statement))
        return await Database.fetch(database, statement, parameters, into=into)

    def autocommit(*, actor: Actor, at: datetime) -> AutocommitSession:
        session = Database.autocommit(database, actor=actor, at=at)
        call = session.call

        async def noted(statement: TextClause, parameters: Mapping[str, object], *, into: type[T]) -> T:
            sent.append(str(statement))
            return await call(statement, parameters, into=into)

        session.call = noted  # type: ignore[method-assign]  # of this session
        return session

    engines = [database.read_engine.sync_engine, database.write_engine.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    database.fetch = fetch  # type: ignore[method-assign]  # for this block
    database.autocommit = autocommit  # type: ignore[method-assign]  # as well
    try:
        yield sent
    finally:
        del database.fetch, database.autocommit  # the class's again
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
