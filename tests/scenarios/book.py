"""The book: what the runner knows while it goes through a scenario, and how it compares what came with what was said."""

import functools
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import TextClause, text

from sebilling.actor import Actor, Role, operator
from sebilling.billing import invariants
from sebilling.db.engine import AutocommitSession, Database, ReadSession, WriteSession
from tests.harness import Api, make_user
from tests.scenarios.sentences import COUNTER, NAME, ZONES, Mention, Outcome, Refused, Scenario, ScenarioError, Step

INVOICE: Final = """id number status planName coversFrom coversUntil dueOn total allocated writtenOff outstanding
  lines { kind description quantity amount taxBase } voiding { reason period { month } }"""
PAYMENT: Final = """id amount receiptNumber credit refunded surplusReason method collectedAt receivedAt receivedOn receivedBy { name } note
  customer { name } counter { code timezone } allocations { amount invoice { number period { month } } } reversal { reason reversedOn }"""
RECAP: Final = {
    "invoices": "invoices", "billed": "totalBilled", "allocated": "allocated", "written off": "writtenOff", "outstanding": "outstanding",
    "voided earlier": "voidedEarlier", "voided later": "voidedLater", "payments": "payments", "reversed": "reversed",
    "refunded": "refunded", "received": "totalReceived", "credit": "credit", "deposited": "totalDeposited", "difference": "difference",
    "waiting": "awaitingVerification", "on hand": "cashOnHand",
}  # fmt: skip
_digests: Final[list[str]] = []
"""A SELECT per table; the same for every database of the session."""


class _Current(Database):
    """The database of the scenario that runs now: one application serves them all, and validates each document once."""

    def __init__(self) -> None:
        self.database: Database
        self.url = "postgresql+asyncpg:///scenario"  # devices are kept from it

    @asynccontextmanager
    async def transaction(self, *, actor: Actor, at: datetime) -> AsyncIterator[WriteSession]:
        async with self.database.transaction(actor=actor, at=at) as session:
            yield session

    def autocommit(self, *, actor: Actor, at: datetime) -> AutocommitSession:
        return self.database.autocommit(actor=actor, at=at)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        async with self.database.reading() as session:
            yield session

    async def fetch(self, statement: TextClause, parameters: Mapping[str, object], *, into: Any = None) -> Sequence[Any]:
        return await self.database.fetch(statement, parameters, into=into)


_current: Final = _Current()


@functools.cache
def _application() -> Api:
    """Sign-ins last for all of a scenario's years."""
    return Api(_current, token_hours=24 * 365 * 100)


class Book:
    """What the runner knows while it goes through a scenario: who is who, what time it is, who is at work."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.api = _application()
        self.api.headers.clear()
        _current.database = database
        self.ids: dict[str, str] = {}
        """Of counters, plans, customers and users, by the name that the scenario gives them."""
        self.zones: dict[str, str] = {}
        """Of counters and customers."""
        self.tokens: dict[str, str] = {}
        self.paid: dict[str, str] = {}
        """Payment by key, to see that the same key gives the same payment."""
        self.discounts: dict[str, str] = {}
        self.deposit_id = ""
        self.previewed = ""
        """The token of the last preview."""
        self.unchanged: dict[str, str] = {}
        """The tables' digest since the last refusal; empty once something was done."""
        self.step: Step

    async def run(self, scenario: Scenario) -> None:
        """All steps, then everything that must always hold. Raises ScenarioError."""
        first = next(step.day for step in scenario.steps if step.day)
        self.api.now = datetime.fromisoformat(f"{first}T00:00").replace(tzinfo=UTC) - timedelta(hours=12)
        await self.user("admin", "admin", ())
        for step in scenario.steps:
            await self.perform(step)
        await self._everything_holds()

    async def perform(self, step: Step) -> None:
        """One step. Raises ScenarioError."""
        try:
            self.api.now = self._moment(step)
            await self._do(step)
        except (AssertionError, Refused, LookupError) as error:
            why = repr(error) if isinstance(error, LookupError) else str(error)
            raise ScenarioError(f"{step.place}: {step.said}: {why}") from error

    def _moment(self, step: Step) -> datetime:
        """When the step happens: never before the one before it; 9 o'clock, or a minute later, if it doesn't say."""
        if not step.day:
            return self.api.now + timedelta(minutes=1)
        named = re.findall(rf"{COUNTER}|{NAME}", step.said)
        zone = ZoneInfo(ZONES[step.zone] if step.zone else next((self.zones[name] for name in named if name in self.zones), ZONES["WIB"]))
        moment = datetime.fromisoformat(f"{step.day}T{step.time or '09:00'}").replace(tzinfo=zone).astimezone(UTC)
        if not step.time and moment <= self.api.now < moment + timedelta(hours=15):
            return self.api.now + timedelta(minutes=1)
        assert moment > self.api.now, "time goes forward in a scenario"
        return moment

    async def _do(self, step: Step) -> None:
        self.step = step
        self.api.headers["Authorization"] = f"Bearer {self.tokens[step.who]}"
        refusal = next((fact.removeprefix("refused ") for fact in step.facts if fact.startswith("refused ")), None)
        if refusal is None:
            self.unchanged = {}
            _compare(step.facts, await step.verb(self, **step.words) or {})
            return
        before = self.unchanged or await self._tables()
        answer = await self._refused(step)
        assert answer is not None, f"expected {refusal}, but it was done"
        assert answer.code == refusal, f"expected {refusal}, got {answer.code}: {answer.message}"
        sayings = [fact.removeprefix("saying ").strip('"') for fact in step.facts if fact.startswith("saying ")]
        assert len(step.facts) == 1 + len(sayings), "besides a refusal there is nothing to be true"
        assert all(saying in answer.message for saying in sayings), answer.message
        self.unchanged = await self._tables()
        assert self.unchanged == before, "it was refused, yet something has changed"

    async def _refused(self, step: Step) -> Refused | None:
        try:
            await step.verb(self, **step.words)
        except Refused as answer:
            return answer
        return None

    async def _tables(self) -> dict[str, str]:
        """A digest of every table but the sign-ins."""
        named = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN ('access_token', 'alembic_version')")
        digest = "SELECT '{0}' AS name, md5(coalesce(string_agg(t::text, ';' ORDER BY t::text), '')) AS digest FROM {0} t"
        async with self.database.reading() as session:
            if not _digests:
                _digests.extend(digest.format(row.tablename) for row in await session.rows(named, {}))
            rows = await session.rows(text(" UNION ALL ".join(_digests)), {})
        return {row.name: row.digest for row in rows}

    async def _everything_holds(self) -> None:
        """The invariants, and what product.md says of recaps and drawers, as an admin reads them."""
        async with self.database.reading() as session:
            broken = [finding.invariant.name async for finding in invariants.check(session) if finding.rows]
        if broken:
            raise ScenarioError(f"{self.step.place}: at the end these invariants are broken: {', '.join(broken)}")
        self.api.headers["Authorization"] = f"Bearer {self.tokens['admin']}"
        held = {
            code: sum(drawer["onHand"] for drawer in await self.drawers(code))
            for code in [node["code"] for node in (await self.ask("{ counters { nodes { code } } }"))["nodes"]]
        }
        for period in (await self.ask("{ periods(first: 200) { nodes { month } } }"))["nodes"]:
            for recap in await self.recaps(period["month"]):
                code = recap["counter"]["code"]
                if recap["cashOnHand"] != held[code]:
                    raise ScenarioError(f"{self.step.place}: the recap of {code} has other cash than its drawers")

    async def user(self, username: str, role: str, counters: tuple[str, ...]) -> None:
        """Users aren't made by GraphQL, but they sign in by it."""
        async with self.database.transaction(actor=operator("test"), at=self.api.now) as session:
            await make_user(session, username, Role(role.upper()), *counters)
        await self.api.sign_in(username)
        self.tokens[username] = self.api.headers["Authorization"].removeprefix("Bearer ")
        self.ids[username] = (await self.ask("{ me { user { id } } }"))["user"]["id"]

    def key(self, given: str | None) -> str:
        """The key that the step names, or its own."""
        return given or f"line-{self.step.line:06d}"

    async def ask(self, document: str, **variables: Any) -> Any:
        """The first root field's value. Raises Refused."""
        return _answered(await self.api.raw(document, **variables))

    async def mutate(self, name: str, selection: str = "", /, **given: Any) -> Any:
        """The payload of a mutation, whose input is what is given and not None. Raises Refused."""
        selected = f"{selection} errors {{ code message }}"
        document = f"mutation($input: {name[0].upper()}{name[1:]}Input!) {{ {name}(input: $input) {{ {selected} }} }}"
        given = {key: value for key, value in given.items() if value is not None}
        if "proof" in given:
            payload = _answered(await self._multipart(document, given, *given["proof"]))
        else:
            payload = await self.ask(document, input=given)
        for error in payload["errors"]:
            raise Refused(error["code"], error["message"])
        return payload

    async def _multipart(self, document: str, given: dict[str, Any], media_type: str, content: bytes) -> Any:
        """As https://github.com/jaydenseric/graphql-multipart-request-spec says, with the one file as the proof."""
        operations = {"query": document, "variables": {"input": {**given, "proof": None}}}
        form = {"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.input.proof"]})}
        headers = {**self.api.headers, "GraphQL-Require-Preflight": "1"}
        response = await self.api.http.post("/graphql", data=form, files={"0": ("bukti", content, media_type)}, headers=headers)
        return response.json()

    async def download(self, url: str) -> Outcome:
        """What lies at a signed address, without any token."""
        response = await self.api.http.get(url)
        assert response.status_code == 200, f"{url} answers {response.status_code}"
        return {"media type": response.headers["content-type"], "beginning": Mention(response.content[:8].decode("latin-1"))}

    async def invoices(self, *, month: str | None = None, customer: str | None = None, counter: str | None = None) -> list[Any]:
        """The first issued first."""
        given = {"month": month, "customerId": customer and self.ids[customer], "counterIds": counter and [self.ids[counter]]}
        document = f"query($f: InvoiceFilter) {{ invoices(first: 200, filter: $f, orderBy: OLDEST) {{ nodes {{ {INVOICE} }} }} }}"
        found: list[Any] = (await self.ask(document, f={key: value for key, value in given.items() if value}))["nodes"]
        return found

    async def invoice(self, said: str) -> Any:
        """The invoice that is meant: the live one, or the last void one if that is asked for."""
        if found := re.fullmatch(rf"(void )?invoice of ({NAME}) in (\S+)", said):
            meant = [one for one in await self.invoices(month=found[3], customer=found[2]) if (one["status"] == "VOID") == bool(found[1])]
        else:
            number = said.removeprefix("invoice ")
            meant = [one for one in await self.invoices(month=number.split("/")[1]) if one["number"] == number]
        assert meant, f"there is no {said}"
        return meant[-1]

    async def payment(self, said: str) -> Any:
        """The payment of a receipt, or the customer's last."""
        given = {"customerId": self.ids[said.removeprefix("payment of ")]} if said.startswith("payment of ") else {}
        document = f"query($f: PaymentFilter) {{ payments(first: 200, filter: $f) {{ nodes {{ {PAYMENT} }} }} }}"
        found = (await self.ask(document, f=given))["nodes"]
        return next(one for one in found if given or f"receipt {one['receiptNumber']}" == said)

    async def deposit(self, said: str) -> str:
        """The id of the deposit that was handed in last, or the last of a user's cash."""
        if said == "it":
            return self.deposit_id
        document = "query($f: DepositFilter) { deposits(filter: $f) { nodes { id } } }"
        found = (await self.ask(document, f={"collectorId": self.ids[said.removeprefix("deposit of ")]}))["nodes"]
        return str(found[0]["id"])

    async def drawers(self, counter: str) -> list[Any]:
        """The counter's, whose own sum is checked."""
        selection = "collector { username } received refunded deposited difference waiting onHand"
        found: list[Any] = await self.ask(f"query($c: ID!) {{ drawers(counterId: $c) {{ {selection} }} }}", c=self.ids[counter])
        for one in found:
            assert one["onHand"] == one["received"] - one["refunded"] - one["deposited"] + one["difference"], one
        return found

    async def recaps(self, month: str) -> list[Any]:
        """All that the caller may see; what was billed must be settled, given up, voided or owed."""
        figures = " ".join(RECAP.values())
        selection = f"counter {{ code }} {figures} asOfClosing {{ {figures} }} since {{ {figures} }}"
        found: list[Any] = await self.ask(f"query($m: Month!) {{ recap(month: $m) {{ {selection} }} }}", m=month)
        for one in found:
            billed = one["totalBilled"] + one["voidedEarlier"] - one["voidedLater"]
            assert billed == one["allocated"] + one["writtenOff"] + one["outstanding"], one
        return found


def _answered(answer: Any) -> Any:
    for error in answer.get("errors", ()):
        raise Refused(error["extensions"]["code"], error["message"])
    return next(iter(answer["data"].values()))


def _compare(facts: list[str], outcome: Outcome) -> None:
    for fact in facts:
        name, expected = _named(fact, outcome)
        got = outcome[name]
        if isinstance(got, Mention):
            assert plain(expected) in got, f"{name}: {expected!r} is not in {got!r}"
        elif isinstance(got, tuple):
            assert expected.split(" + ") == list(got[: len(expected.split(" + "))]), f"{name} is {' + '.join(got)}"
        else:
            told = " + ".join(map(str, got)) if isinstance(got, list) else got
            right = not told if expected == "no" else told is True if expected == "yes" else plain(str(told)) == plain(expected)
            assert right, f"{name} is {told}, not {expected}"


def _named(fact: str, outcome: Outcome) -> tuple[str, str]:
    """The fact's name and what it should be: `credit 0`, `1 issued`, `replayed`, `no credit`."""
    count, _, counted = fact.partition(" ")
    if counted in outcome and re.fullmatch(r"no|not|-?[\d.]+", count):
        return counted, "no" if count == "not" else count
    for name in sorted(outcome, key=len, reverse=True):
        if fact == name:
            return name, "yes"
        if fact.startswith(f"{name} "):
            return name, fact.removeprefix(f"{name} ")
    raise AssertionError(f"{fact!r} is none of: {', '.join(sorted(outcome))}")


def plain(said: str) -> str:
    """Amounts without points and Rp, texts without quotes."""
    return re.sub(r"(?:Rp)?(?<![\d.])(\d{1,3}(?:\.\d{3})+)(?![\d.])", lambda found: found[1].replace(".", ""), said.strip('"'))
