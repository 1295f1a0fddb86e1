"""Documents full of directives, merged fields and fragments by every role: nothing is told that a role may not read, whatever was sent
before to the same server, and nothing is refused that it may.

`SEBILLING_TEST_FUZZ_DOCUMENTS=10000` for the whole campaign.
"""

import asyncio
import json
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from graphql import get_named_type
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sebilling.db.engine import Database
from tests.fuzz.rights import Made, Maker, Oracle, may_ask, may_read
from tests.harness import Api, SavepointDatabase
from tests.isolation.gear import Gear
from tests.schema.test_matrix import LETTERS
from tests.schema.two_counters import MARKED_FROM, SCHEMA, World, make

COUNT: Final = int(os.environ.get("SEBILLING_TEST_FUZZ_DOCUMENTS", "80"))
SEED: Final = int(os.environ.get("SEBILLING_TEST_FUZZ_SEED", "20260203"))
COMPARED: Final = 8
"""Of so many answers one is compared with that of the same selection written out."""
DEVICE, TOKEN = "zqalat", "zqtoken"
HIDDEN: Final = {"C": (DEVICE, TOKEN), "K": (DEVICE, TOKEN), "T": (TOKEN,)}
"""Words that stand in what a role may not read, and nowhere else."""


OF_NO_TABLE: Final = {"BlockReason"}
"""Types with fields that not every reader may read, whose rows are made in Python."""


class Campaign:
    """One server, with a client of each role; and one for mutations, on a connection where each of them is undone."""

    def __init__(self, world: World, connection: AsyncConnection) -> None:
        self.world = world
        self.connection = connection
        self.api = Api(world.isp.database)
        self.undone = Api(SavepointDatabase(world.isp.database.url, connection))
        self.tokens: dict[str, str] = {}
        self.told: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def sign_in(self) -> None:
        for letter, username in LETTERS.items():
            await self.api.sign_in(username)
            self.tokens[letter] = self.api.headers["Authorization"]

    async def send(self, letter: str, document: str, values: dict[str, Any], operation: str | None = None) -> Any:
        body = {"query": document, "variables": values, "operationName": operation}
        headers = {"Authorization": self.tokens[letter]}
        if not document.startswith("mutation"):
            return (await self.api.http.post("/graphql", json=body, headers=headers)).json()
        async with self.connection.begin_nested() as savepoint:
            answer = (await self.undone.http.post("/graphql", json=body, headers=headers)).json()
            await savepoint.rollback()
        return answer

    async def judge_all(self, seed: int, made: Made, values: dict[str, Any], sent: list[tuple[str, str]]) -> None:
        """Send it as each role, all at once but for mutations, and keep what was wrong."""
        at_once = asyncio.Semaphore(1 if made.is_mutation else len(sent))

        async def one(letter: str, operation: str) -> None:
            async with at_once:
                if why := await self.judge(letter, made, operation, values):
                    self.wrong.append(f"seed {seed}, {letter}, {operation}, {values}: {why}\n{made.text[:1_500]}")

        await asyncio.gather(*(one(letter, operation) for letter, operation in sent))

    async def judge(self, letter: str, made: Made, operation: str, values: dict[str, Any]) -> str:
        """Send it as this role; why the answer may not be so, empty if it may."""
        answer = await self.send(letter, made.text, values, operation)
        errors = [error["extensions"]["code"] for error in answer.get("errors", ())]
        if set(errors) & {"INTERNAL", "BAD_REQUEST", "UNAUTHENTICATED"}:
            return f"{errors}: {answer['errors'][0]['message']}"
        if "LIMIT_EXCEEDED" in errors:
            self.told["too much"] += 1
            return ""
        try:
            why = self._wrong_rights(letter, made, operation, values, answer) or self._leaked(letter, answer.get("data"))
        except AssertionError as error:
            return str(error)
        if not why and not errors and not made.is_mutation and sum(self.told.values()) % COMPARED == 0:
            plain = await self.send(letter, Oracle(made.document, operation, values).pruned(), {})
            if plain != answer:
                return f"differs from the same written out: {json.dumps(plain)[:800]}"
            self.told["compared"] += 1
        return why

    def _wrong_rights(self, letter: str, made: Made, operation: str, values: dict[str, Any], answer: Any) -> str:
        executed, possible = Oracle(made.document, operation, values), Oracle(made.document, operation, None)
        root = SCHEMA.mutation_type if made.is_mutation else SCHEMA.query_type
        data = answer.get("data")
        forbidden = self._forbidden(letter, made, executed, possible)
        paths = {tuple(error["path"]) for error in answer.get("errors", ()) if error["extensions"]["code"] == "FORBIDDEN"}
        refused = {str(path[0]) for path in paths if len(path) == 1}
        withheld: set[tuple[str | int, ...]] = set()
        for key, (name, sets) in executed.roots().items() if data is not None else ():
            if name == "__typename":
                continue
            if made.is_mutation and any(error["code"] == "FORBIDDEN" for error in (data[key] or {}).get("errors", ())):
                refused.add(key)
            read = executed.read(get_named_type(root.fields[name].type), sets, data[key], (key,))
            unreadable = [(path, kind, field, value) for path, kind, field, value in read if not may_read(letter, kind, field)]
            if made.is_mutation and key in refused:
                unreadable = []
            if shown := [f"{kind}.{field}" for _, kind, field, value in unreadable if value is not None]:
                return f"told: {shown[:5]}"
            withheld |= {path for path, *_ in unreadable}
            if key in forbidden and made.is_mutation:
                payload = get_named_type(root.fields[name].type)
                told = {one: (data[key] or {}).get(one) for one, (field, _) in executed.chosen(sets).items() if field in payload.fields
                        and field not in {"errors", "replayed"}}  # fmt: skip
                if any(value is not None for value in told.values()):
                    return f"{key} is forbidden, and tells {told}"
        self.told["refused" if forbidden else "answered" if executed.roots() else "nothing"] += 1
        if {path for path in paths if len(path) > 1} != withheld:
            return f"withheld are {sorted(map(str, withheld))}, told so are {sorted(map(str, paths))}"
        self.told["withheld"] += bool(withheld)
        surplus = set() if made.is_mutation else refused - forbidden  # whose drawer it is, say, a mutation judges by itself
        if bool(forbidden) > bool(refused) or surplus:
            return f"forbidden is {sorted(forbidden)}, refused was {sorted(refused)}: {json.dumps(answer)[:500]}"
        return ""

    def _forbidden(self, letter: str, made: Made, executed: Oracle, possible: Oracle) -> set[str]:
        """The root fields that the role is refused. A query's field is withheld where it is read; but that of a row which no table has,
        and of a mutation, refuses its root field."""
        root, all_roots = SCHEMA.mutation_type if made.is_mutation else SCHEMA.query_type, possible.roots()
        return {
            key for key, (name, _) in executed.roots().items()
            if name != "__typename" and not (may_ask(letter, name) and all(
                may_read(letter, kind, field) or not (made.is_mutation or kind in OF_NO_TABLE)
                for kind, field in possible.below(get_named_type(root.fields[name].type), all_roots[key][1])
            ))
        }  # fmt: skip

    def _leaked(self, letter: str, data: Any) -> str:
        if letter in "CK" and (found := self.world.leaks(data)):
            return f"of another counter: {found[:3]}"
        written = json.dumps(data)
        if words := [word for word in HIDDEN.get(letter, ()) if word in written]:
            return f"hidden words are told: {words}"
        return "money is told" if letter == "T" and any(one >= MARKED_FROM // 2 for one in _numbers(data)) else ""


def _numbers(data: Any) -> list[int]:
    if isinstance(data, dict):
        return [one for value in data.values() for one in _numbers(value)]
    if isinstance(data, list):
        return [one for value in data for one in _numbers(value)]
    return [abs(data)] if type(data) is int else []


@asynccontextmanager
async def started(database: Database) -> AsyncIterator[Campaign]:
    """A campaign at an ISP where everything is marked."""
    world = await make(database)
    async with world.isp.write() as session:
        await session.execute(text("UPDATE device SET name = :name"), {"name": DEVICE})
    async with database.write_engine.connect() as connection, connection.begin() as outer:
        # a campaign may send no mutation for minutes, and the server ends a writing transaction that is idle for two
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        one = Campaign(world, connection)
        await one.sign_in()
        one.api.headers["Authorization"] = one.tokens["A"]
        await one.api.do(f'mutation {{ createServiceToken(input: {{name: "{TOKEN}", role: AUDITOR}}) {{ errors {{ code }} }} }}')
        yield one
        await outer.rollback()


async def test_no_role_is_told_what_it_may_not_read(committed: Database, gear: Gear) -> None:
    began = time.perf_counter()
    async with started(committed) as campaign:
        maker = Maker(campaign.world.own)
        for seed in range(SEED, SEED + COUNT):
            made, chance = maker.make(seed), random.Random(seed)
            for values in made.values(chance):
                sent = [(letter, operation) for letter in LETTERS for operation in made.operations]
                await campaign.judge_all(seed, made, values, chance.sample(sent, len(sent)))
            if len(campaign.wrong) > 8:
                break
    assert not campaign.wrong, "\n\n".join(campaign.wrong)
    figures = json.dumps(campaign.told)
    print(f"\n{COUNT} documents x {len(LETTERS)} roles, twice each, in {time.perf_counter() - began:.0f} s: {figures}")  # noqa: T201 - figures
    assert campaign.told["answered"] > COUNT
    assert campaign.told["refused"] > COUNT
    assert campaign.told["compared"] > COUNT // 10
    assert campaign.told["too much"] < COUNT
