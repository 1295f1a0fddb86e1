"""Scenarios in a cashier's words: files of dated steps, read, matched with a verb each, and done through GraphQL alone.

A file begins with `# title`; more `#` lines say which paragraphs of product.md it shows. `given …` lines set the scene. A step
is `DATE [TIME [ZONE]] [WHO] WORDS[: FACTS]`; a line that is indented goes on in the same minute of the day, WHO is admin if left
out. A time is the counter's: of the counter or customer that the step names, WIB if it names none. Steps go forward in time.

FACTS, separated by commas, are compared with what came of the step: `1 issued`, `total 150.000`, `replayed`, `no credit`; a list
is written with ` + `. `refused CODE` (and `saying "…"`) must be an error, after which no table has another row than before.

What can be written is the text above each verb below: `(s)` may be left out, `[…]` too, `{name}` or `{name:kind}` is one of KINDS.
"""

import functools
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import text

from sebilling.actor import Actor, Role, operator
from sebilling.billing import invariants
from sebilling.db.engine import Database, ReadSession, WriteSession
from tests.harness import Api, make_user
from tests.storage import packed, pdf, receipt

ZONES: Final = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_QUOTED: Final = r'"[^"]*"'
_COUNTER: Final = r"[A-Z]{3}\d{2}"
_NAME: Final = r"[A-Z][a-z]+"
_USER: Final = r"[a-z][a-z0-9-]*"
KINDS: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "amount": (r"-?(?:Rp)?\d[\d.]*", lambda said: int(said.replace("Rp", "").replace(".", ""))),
    "number": (r"-?\d+", int),
    "rate": (r"\d+(?:\.\d+)?", str),
    "fraction": (r"\d+/\d+", str),
    "day": (_DAY, str),
    "when": (rf"{_DAY} \d{{2}}:\d{{2}}", str),
    "month": (r"\d{4}-\d{2}", str),
    "months": (r"\d{4}-\d{2}(?: and \d{4}-\d{2})*", lambda said: said.split(" and ")),
    "counter": (_COUNTER, str),
    "counters": (rf"{_COUNTER}(?: and {_COUNTER})*", lambda said: said.split(" and ")),
    "customer": (_NAME, str),
    "user": (_USER, str),
    "role": ("clerk|collector|finance|admin|auditor|technician", str),
    "zone": ("WIB|WITA|WIT", str),
    "quoted": (_QUOTED, lambda said: said.strip('"')),
    "charge": ("installation|device|cable|late fee|other", lambda said: said.replace(" ", "_").upper()),
    "method": ("cash|transfer|QRIS|other", str.upper),
    "key": (r"[\w-]+", lambda said: f"key-of-{said}"),
    "file": ("(?:a PNG as |a WebP as |a PDF as |a text file as |a huge )?proof", lambda said: said.removesuffix("proof").strip()),
    "paper": ("58 mm|80 mm|A5", lambda said: {"58 mm": "MM58", "80 mm": "MM80"}.get(said, said)),
    "invoice": (rf"invoice of {_NAME} in \d{{4}}-\d{{2}}|void invoice of {_NAME} in \d{{4}}-\d{{2}}|invoice INV/[\w/-]+", str),
    "payment": (rf"payment of {_NAME}|receipt KW/[\w/-]+", str),
    "deposit": (rf"it|deposit of {_USER}", str),
    "inactive": ("inactive", str),
    "down": ("rounded down", str),
    "how": ("days|month", str),
    "release": ("releasing payments", str),
    "debt": ("beside a debt", str),
    "transfer": ("by transfer", str),
}


class ScenarioError(Exception):
    """The file says something that nobody understands, or that did not come true; begins with file and line."""


class Refused(Exception):
    """The API gave this error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"refused {code}: {message}")
        self.code, self.message = code, message


class Mention(str):
    """A text of which the fact names a part."""

    __slots__ = ()


Outcome = dict[str, Any]
"""Name of a fact → what came of it. A list must be told whole, of a tuple the beginning will do."""
Verb = Callable[..., Awaitable[Outcome | None]]


@dataclass(frozen=True)
class Usage:
    """A way to say something."""

    pattern: re.Pattern[str]
    kinds: dict[str, str]
    verb: Verb

    def understood(self, said: str) -> dict[str, Any] | None:
        """The words of the usage's groups, converted; None if it isn't this usage."""
        found = self.pattern.fullmatch(said)
        if found is None:
            return None
        return {name: KINDS[self.kinds[name]][1](word) for name, word in found.groupdict().items() if word is not None}


USAGES: Final[list[Usage]] = []


def says(*sentences: str) -> Callable[[Verb], Verb]:
    """Let these sentences call the function with their words."""

    def decorate(verb: Verb) -> Verb:
        for sentence in sentences:
            kinds: dict[str, str] = {}

            def translated(found: re.Match[str], kinds: dict[str, str] = kinds) -> str:
                if found[1] is None:
                    return {"(s)": "s?", "[": "(?:", "]": ")?"}[found[0]]
                kinds[found[1]] = found[2] or found[1]
                return f"(?P<{found[1]}>{KINDS[kinds[found[1]]][0]})"

            pattern = re.sub(r"\(s\)|\[|\]|\{(\w+)(?::(\w+))?\}", translated, sentence)
            USAGES.append(Usage(re.compile(pattern), kinds, verb))
        return verb

    return decorate


# ---------------------------------------------------------------------------------------------------------------- the reader


@dataclass(frozen=True)
class Step:
    """One line, or one part of a `given`."""

    place: str
    line: int
    said: str
    who: str
    verb: Verb
    words: dict[str, Any]
    facts: list[str]
    day: str = ""
    """Empty: goes on from the step before."""
    time: str = ""
    zone: str = ""


@dataclass
class Scenario:
    """A file."""

    title: str = ""
    about: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


_LINE: Final = re.compile(rf"(?:(?P<day>{_DAY})(?: (?P<time>\d{{2}}:\d{{2}})(?: (?P<zone>WIB|WITA|WIT))?)? |[ \t]+|(?=given ))(?P<rest>.+)")
_FACTS: Final = re.compile(r'(?P<said>(?:[^":]|"[^"]*"|:(?! ))*)(?:: (?P<facts>.+))?')
_COMMA: Final = re.compile(r', (?=(?:[^"]*"[^"]*")*[^"]*$)')
_SCENE: Final = re.compile(r"(?:given|adds?|sets?) (?P<scene>.+)")


def read(path: Path) -> Scenario:
    """The file's steps. Raises ScenarioError for a line that nobody understands."""
    scenario = Scenario()
    for line, written in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if written.startswith("#"):
            comment = written.lstrip("# ").strip()
            if scenario.title:
                scenario.about.append(comment)
            else:
                scenario.title = comment
        elif written.strip():
            scenario.steps.extend(_steps(f"{path.name}:{line}", line, written.rstrip()))
    if not scenario.title or not scenario.about or not scenario.steps:
        raise ScenarioError(f"{path.name}:1: a scenario has a title, a paragraph of product.md that it shows, and steps")
    return scenario


def _steps(place: str, line: int, written: str) -> Iterator[Step]:
    found = _LINE.fullmatch(written)
    rest = "" if found is None else re.sub(rf"^expect ({_NAME}) owes ", r"expect \1: owes ", found["rest"])
    split = _FACTS.fullmatch(rest)
    if found is None or split is None:
        raise ScenarioError(f"{place}: a step begins with its date, or with blanks: {written!r}")
    facts = _COMMA.split(split["facts"]) if split["facts"] else []
    for said in _COMMA.split(split["said"]) if split["said"].startswith("given ") else [split["said"]]:
        who, verb, words = _understood(place, said)
        yield Step(place, line, said, who, verb, words, facts, found["day"] or "", found["time"] or "", found["zone"] or "")


def _understood(place: str, said: str) -> tuple[str, Verb, dict[str, Any]]:
    """Who does what. The scene's words may stand behind `given`, `add` and `set`."""
    who, _, rest = said.partition(" ")
    for actor, sentence in (("admin", said), (who, rest)):
        scene = _SCENE.fullmatch(sentence)
        for candidate in (sentence, *([scene["scene"]] if scene else [])):
            matches = [(usage.verb, words) for usage in USAGES if (words := usage.understood(candidate)) is not None]
            if len(matches) > 1:
                raise ScenarioError(f"{place}: this can be understood in two ways: {said!r}")
            if matches:
                return actor, *matches[0]
    raise ScenarioError(f"{place}: nobody understands {said!r}")


# ---------------------------------------------------------------------------------------------------------------- the runner


_digests: Final[list[str]] = []
"""A SELECT per table; the same for every database of the session."""


class _Current(Database):
    """The database of the scenario that runs now: one application serves them all, and validates each document once."""

    def __init__(self) -> None:
        self.database: Database

    @asynccontextmanager
    async def transaction(self, *, actor: Actor, at: datetime) -> AsyncIterator[WriteSession]:
        async with self.database.transaction(actor=actor, at=at) as session:
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        async with self.database.reading() as session:
            yield session


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
        self.unchanged: dict[str, str] = {}
        """The tables' digest since the last refusal; empty once something was done."""
        self.step: Step

    async def run(self, scenario: Scenario) -> None:
        """All steps, then everything that must always hold. Raises ScenarioError."""
        first = next(step.day for step in scenario.steps if step.day)
        self.api.now = datetime.fromisoformat(f"{first}T00:00").replace(tzinfo=UTC) - timedelta(hours=12)
        await self._user("admin", "admin", ())
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
        named = re.findall(rf"{_COUNTER}|{_NAME}", step.said)
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

    async def _user(self, username: str, role: str, counters: tuple[str, ...]) -> None:
        """Users aren't made by GraphQL, but they sign in by it."""
        async with self.database.transaction(actor=operator("test"), at=self.api.now) as session:
            await make_user(session, username, Role(role.upper()), *counters)
        await self.api.sign_in(username)
        self.tokens[username] = self.api.headers["Authorization"].removeprefix("Bearer ")
        self.ids[username] = (await self.ask("{ me { id } }"))["id"]

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
        given = {"month": month, "customerId": customer and self.ids[customer], "counterId": counter and self.ids[counter]}
        document = f"query($f: InvoiceFilter) {{ invoices(first: 200, filter: $f, orderBy: OLDEST) {{ nodes {{ {_INVOICE} }} }} }}"
        found: list[Any] = (await self.ask(document, f={key: value for key, value in given.items() if value}))["nodes"]
        return found

    async def invoice(self, said: str) -> Any:
        """The invoice that is meant: the live one, or the last void one if that is asked for."""
        if found := re.fullmatch(rf"(void )?invoice of ({_NAME}) in (\S+)", said):
            meant = [one for one in await self.invoices(month=found[3], customer=found[2]) if (one["status"] == "VOID") == bool(found[1])]
        else:
            number = said.removeprefix("invoice ")
            meant = [one for one in await self.invoices(month=number.split("/")[1]) if one["number"] == number]
        assert meant, f"there is no {said}"
        return meant[-1]

    async def payment(self, said: str) -> Any:
        """The payment of a receipt, or the customer's last."""
        given = {"customerId": self.ids[said.removeprefix("payment of ")]} if said.startswith("payment of ") else {}
        document = f"query($f: PaymentFilter) {{ payments(first: 200, filter: $f) {{ nodes {{ {_PAYMENT} }} }} }}"
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
        """All that the asker may see; what was billed must be settled, given up, voided or owed."""
        selection = f"counter {{ code }} {' '.join(_RECAP.values())}"
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
            assert _plain(expected) in got, f"{name}: {expected!r} is not in {got!r}"
        elif isinstance(got, tuple):
            assert expected.split(" + ") == list(got[: len(expected.split(" + "))]), f"{name} is {' + '.join(got)}"
        else:
            told = " + ".join(map(str, got)) if isinstance(got, list) else got
            right = not told if expected == "no" else told is True if expected == "yes" else _plain(str(told)) == _plain(expected)
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


def _plain(said: str) -> str:
    """Amounts without points and Rp, texts without quotes."""
    return re.sub(r"(?:Rp)?(?<![\d.])(\d{1,3}(?:\.\d{3})+)(?![\d.])", lambda found: found[1].replace(".", ""), said.strip('"'))


# ------------------------------------------------------------------------------------------------------------------ the scene


@says("counter {counter}[ in {zone}][ due on day {due:number}]")
async def counter(book: Book, *, counter: str, zone: str = "WIB", due: int | None = None) -> None:
    book.zones[counter] = ZONES[zone]
    made = await book.mutate("createCounter", "counter { id }", code=counter, name=f"Loket {counter}", timezone=ZONES[zone], dueDay=due)
    book.ids[counter] = made["counter"]["id"]


@says("due day of {counter} {due:number}")
async def due_day(book: Book, *, counter: str, due: int) -> None:
    await book.mutate("updateCounter", id=book.ids[counter], dueDay=due)


@says("plan {plan:quoted} at {amount}")
async def plan(book: Book, *, plan: str, amount: int) -> None:
    book.ids[plan] = (await book.mutate("createPlan", "plan { id }", name=plan, price=amount))["plan"]["id"]
    book.ids.setdefault("the plan", book.ids[plan])


@says("{customer} at {counter} since {day}[ with {plan:quoted}][ agreed at {amount}][ {inactive}]")
async def customer(
    book: Book, *, customer: str, counter: str, day: str, plan: str = "the plan", amount: int | None = None, inactive: str = ""
) -> None:
    given = {"counterId": book.ids[counter], "planId": book.ids[plan], "installedOn": day, "price": amount, "active": not inactive}
    made = await book.mutate("createCustomer", "customer { id }", code=customer.upper(), name=customer, **given)
    book.ids[customer], book.zones[customer] = made["customer"]["id"], book.zones[counter]


@says("{user} is {role}[ of {counters}]")
async def user(book: Book, *, user: str, role: str, counters: tuple[str, ...] = ()) -> None:
    await book._user(user, role, tuple(counters))


@says("tax {rate} %[ on {fraction}][ {down}]")
async def tax(book: Book, *, rate: str, fraction: str = "1/1", down: str = "") -> None:
    numerator, denominator = map(int, fraction.split("/"))
    given = {"taxRate": rate, "taxNumerator": numerator, "taxDenominator": denominator, "taxRounding": "DOWN" if down else "HALF_UP"}
    await book.mutate("updateBillingSettings", **given)


@says("late fee {amount} after {number} days")
async def late_fee(book: Book, *, amount: int, number: int) -> None:
    await book.mutate("updateBillingSettings", lateFee=amount, lateFeeAfterDays=number)


@says("first month by {how}")
async def proration(book: Book, *, how: str) -> None:
    await book.mutate("updateBillingSettings", prorateFirstMonth=how == "days")


@says("company {name:quoted}")
async def company(book: Book, *, name: str) -> None:
    await book.mutate("updateBillingSettings", companyName=name)


# ------------------------------------------------------------------------------------------------- customers, charges, discounts


@says("change(s) price of {plan:quoted} to {amount}")
async def change_price(book: Book, *, plan: str, amount: int) -> None:
    await book.mutate("updatePlan", id=book.ids[plan], price=amount)


@says("change(s) {customer} to {plan:quoted}")
async def change_plan(book: Book, *, customer: str, plan: str) -> None:
    await book.mutate("updateCustomer", id=book.ids[customer], planId=book.ids[plan])


@says("move(s) {customer} to {counter}")
async def move(book: Book, *, customer: str, counter: str) -> None:
    await book.mutate("updateCustomer", id=book.ids[customer], counterId=book.ids[counter])
    book.zones[customer] = book.zones[counter]


@says("(activate|activates) {customer}")
async def activate(book: Book, *, customer: str) -> None:
    await book.mutate("updateCustomer", id=book.ids[customer], active=True)


@says("(deactivate|deactivates) {customer}")
async def deactivate(book: Book, *, customer: str) -> None:
    await book.mutate("updateCustomer", id=book.ids[customer], active=False)


@says("charge(s) {customer} {amount} for {charge}[ {what:quoted}][ with key {key}]")
async def charge(book: Book, *, customer: str, amount: int, charge: str, what: str = "", key: str | None = None) -> Outcome:
    given = {"customerId": book.ids[customer], "amount": amount, "kind": charge, "description": what or charge.title()}
    made = await book.mutate("addCharge", "charge { amount } replayed", idempotencyKey=book.key(key), **given)
    return {"replayed": made["replayed"]}


@says("cancel(s) charge of {customer} because {reason:quoted}")
async def cancel_charge(book: Book, *, customer: str, reason: str) -> None:
    found = await book.ask("query($c: ID!) { customer(id: $c) { charges { id } } }", c=book.ids[customer])
    await book.mutate("cancelCharge", id=found["charges"][0]["id"], reason=reason)


_SINCE: Final = "from {day}[ until {until:day}][ as {what:quoted}]"


@says(*(f"discount(s) {whom} by {off} {_SINCE}" for whom in ("{customer}", "plan {plan:quoted}") for off in ("{rate} %", "{amount}")))
async def discount(book: Book, *, day: str, until: str | None = None, what: str = "Diskon", **words: Any) -> None:
    whom = words.get("customer") or words["plan"]
    given = {"amount": words.get("amount"), "percent": words.get("rate"), "customerId" if "customer" in words else "planId": book.ids[whom]}
    given["idempotencyKey"] = book.key(None)
    made = await book.mutate("addDiscount", "discount { id }", description=what, fromOn=day, untilOn=until, **given)
    book.discounts[whom] = made["discount"]["id"]


@says("end(s) discount of {customer} on {day}", "end(s) discount of plan {plan:quoted} on {day}")
async def end_discount(book: Book, *, day: str, customer: str = "", plan: str = "") -> None:
    await book.mutate("endDiscount", id=book.discounts[customer or plan], untilOn=day)


# -------------------------------------------------------------------------------------------------------- periods and invoices


@says("open(s) {month}")
async def open_period(book: Book, *, month: str) -> None:
    await book.mutate("createPeriod", "period { status }", month=month)


@says("close(s) {month}")
async def close_period(book: Book, *, month: str) -> None:
    await book.mutate("closePeriod", "period { status }", month=month)


_COUNTS: Final = "issued alreadyInvoiced totalAmount skipped { reason count }"
_RUN: Final = f"run {{ {_COUNTS} status progress {{ done total }} }} replayed"


def _counted(found: Any) -> Outcome:
    """Reasons in plain words, 0 if nobody was skipped for one."""
    reasons = dict.fromkeys(("INACTIVE", "NOT_INSTALLED_YET", "COVERED_BY_CYCLE", "ZERO_AMOUNT"), 0)
    reasons |= {one["reason"]: one["count"] for one in found["skipped"]}
    plain = {reason.lower().replace("_", " "): count for reason, count in reasons.items()}
    accounted = found["issued"] + found["alreadyInvoiced"] + sum(plain.values())
    counts = {"issued": found["issued"], "already invoiced": found["alreadyInvoiced"], "of": accounted, "total": found["totalAmount"]}
    return counts | plain


def _ran(made: Any) -> Outcome:
    """A run has accounted for everybody."""
    run, outcome = made["run"], _counted(made["run"])
    assert run["status"] == "FINISHED"
    assert run["progress"]["done"] == run["progress"]["total"] == outcome["of"], "a run left somebody out"
    return {**outcome, "replayed": made["replayed"]}


@says("preview(s) {month}[ at {counters}]")
async def preview(book: Book, *, month: str, counters: list[str] | None = None) -> Outcome:
    ids = None if counters is None else [book.ids[code] for code in counters]
    document = f"query($m: Month!, $c: [ID!]) {{ previewGeneration(month: $m, counterIds: $c) {{ {_COUNTS} }} }}"
    return _counted(await book.ask(document, m=month, c=ids))


@says("generate(s) {month}[ at {counters}][ with key {key}]")
async def generate(book: Book, *, month: str, counters: list[str] | None = None, key: str | None = None) -> Outcome:
    ids = None if counters is None else [book.ids[code] for code in counters]
    return _ran(await book.mutate("generateInvoices", _RUN, month=month, counterIds=ids, idempotencyKey=book.key(key)))


@says("issue(s) {month} to {customer}[ with key {key}]")
async def issue(book: Book, *, month: str, customer: str, key: str | None = None) -> Outcome:
    return _ran(await book.mutate("issueInvoice", _RUN, month=month, customerId=book.ids[customer], idempotencyKey=book.key(key)))


def _lines(lines: list[Any]) -> list[str]:
    """Such as `subscription 450000 for 3` (months)."""
    several = {one["quantity"]: f" for {one['quantity']}" for one in lines if one["quantity"] > 1}
    return [f"{one['kind'].lower().replace('_', ' ')} {one['amount']}{several.get(one['quantity'], '')}" for one in lines]


@says("preview(s) {month} of {customer}")
async def preview_invoice(book: Book, *, month: str, customer: str) -> Outcome:
    selection = "alreadyInvoiced skipped coversFrom coversUntil dueOn total lines { kind quantity amount }"
    document = f"query($m: Month!, $c: ID!) {{ previewInvoice(month: $m, customerId: $c) {{ {selection} }} }}"
    found = await book.ask(document, m=month, c=book.ids[customer])
    return {
        "already invoiced": found["alreadyInvoiced"], "skipped as": found["skipped"], "due": found["dueOn"], "total": found["total"],
        "covers": f"{found['coversFrom']} until {found['coversUntil']}", "lines": _lines(found["lines"]),
    }  # fmt: skip


_INVOICE: Final = """id number status planName coversFrom coversUntil dueOn total allocated writtenOff outstanding
  lines { kind description quantity amount taxBase } void { reason period { month } }"""


@says("expect(s) {invoice}")
async def expect_invoice(book: Book, *, invoice: str) -> Outcome:
    found = await book.invoice(invoice)
    return {
        "number": found["number"], "status": found["status"], "plan": found["planName"], "due": found["dueOn"], "total": found["total"],
        "covers": f"{found['coversFrom']} until {found['coversUntil']}", "lines": _lines(found["lines"]), "paid": found["allocated"],
        "owes": found["outstanding"], "written off": found["writtenOff"], "says": Mention(json.dumps(found["lines"], ensure_ascii=False)),
        "tax base": next((one["taxBase"] for one in found["lines"] if one["kind"] == "TAX"), None),
        "void in": found["void"] and found["void"]["period"]["month"], "because": found["void"] and found["void"]["reason"],
    }  # fmt: skip


@says("expect(s) no invoice of {customer} in {month}")
async def expect_no_invoice(book: Book, *, customer: str, month: str) -> None:
    found = [one["number"] for one in await book.invoices(month=month, customer=customer) if one["status"] != "VOID"]
    assert not found, found


@says("expect(s) invoices of {counter} in {month}")
async def expect_invoices(book: Book, *, counter: str, month: str) -> Outcome:
    found = await book.invoices(month=month, counter=counter)
    return {"numbers": [one["number"].rpartition("/")[2] for one in found], "statuses": [one["status"] for one in found]}


@says("expect(s) period {month}")
async def expect_period(book: Book, *, month: str) -> Outcome:
    return {"status": (await book.ask("query($m: Month!) { period(month: $m) { status } }", m=month))["status"]}


@says("void(s) {invoice} because {reason:quoted}[ {release}][ with key {key}]")
async def void(book: Book, *, invoice: str, reason: str, release: str = "", key: str | None = None) -> Outcome:
    invoice_id = (await book.invoice(invoice))["id"]
    given = {"invoiceId": invoice_id, "reason": reason, "releasePayments": bool(release)}
    return {"replayed": (await book.mutate("voidInvoice", "replayed", idempotencyKey=book.key(key), **given))["replayed"]}


@says("write(s) off [{amount} of ]{invoice} because {reason:quoted}")
async def write_off(book: Book, *, invoice: str, reason: str, amount: int | None = None) -> None:
    invoice_id = (await book.invoice(invoice))["id"]
    await book.mutate("writeOffInvoice", invoiceId=invoice_id, reason=reason, amount=amount, idempotencyKey=book.key(None))


# --------------------------------------------------------------------------------------------------------------------- payments


_PAYMENT: Final = """id amount receiptNumber credit refunded surplusBecause method collectedAt receivedAt receivedOn receivedBy note
  customer { name } counter { code timezone } allocations { amount invoice { number period { month } } } reversal { reason reversedOn }"""


def _paid(found: Any) -> Outcome:
    zone = ZoneInfo(found["counter"]["timezone"])
    local = {name: datetime.fromisoformat(found[name]).astimezone(zone) for name in ("collectedAt", "receivedAt")}
    return {
        "amount": found["amount"], "number": found["receiptNumber"], "credit": found["credit"], "refunded": found["refunded"],
        "because": found["surplusBecause"], "method": found["method"], "received on": found["receivedOn"], "by": found["receivedBy"],
        "at": found["counter"]["code"], "note": found["note"], "reversed": found["reversal"] is not None,
        "reversed on": found["reversal"] and found["reversal"]["reversedOn"],
        "collected": f"{local['collectedAt']:%Y-%m-%d %H:%M}", "received": f"{local['receivedAt']:%Y-%m-%d %H:%M}",
        "settles": [f"{part['invoice']['period']['month']} {part['amount']}" for part in found["allocations"]],
    }  # fmt: skip


@says(
    "take(s) {amount} from {customer}[ by {method}][ at {counter}][ for {months}[ of {owner:customer}]][ for {invoice}]"
    "[ collected {when}][ noting {note:quoted}][ with key {key}]"
)
async def take(book: Book, *, amount: int, customer: str, key: str | None = None, **words: Any) -> Outcome:
    named = [f"invoice of {words.get('owner', customer)} in {month}" for month in words.get("months", ())]
    named += [words["invoice"]] if "invoice" in words else []
    collected = None
    if "when" in words:
        zone = ZoneInfo(book.zones[words.get("counter", customer)])
        collected = datetime.fromisoformat(words["when"]).replace(tzinfo=zone).astimezone(UTC).isoformat()
    made = await book.mutate(
        "recordPayment", f"replayed payment {{ {_PAYMENT} }}", customerId=book.ids[customer], amount=amount, idempotencyKey=book.key(key),
        method=words.get("method"), counterId=words.get("counter") and book.ids[words["counter"]], collectedAt=collected,
        note=words.get("note"), invoiceIds=[(await book.invoice(name))["id"] for name in named] or None,
    )  # fmt: skip
    first = book.paid.setdefault(f"{book.step.who} {book.key(key)}", made["payment"]["id"])
    assert first == made["payment"]["id"], "the same key gave another payment"
    return {**_paid(made["payment"]), "replayed": made["replayed"]}


@says("reverse(s) {payment} because {reason:quoted}[ with key {key}]")
async def reverse(book: Book, *, payment: str, reason: str, key: str | None = None) -> Outcome:
    payment_id = (await book.payment(payment))["id"]
    made = await book.mutate("reversePayment", "replayed", paymentId=payment_id, reason=reason, idempotencyKey=book.key(key))
    return {"replayed": made["replayed"]}


@says("refund(s) [{amount} of ]{payment} (in|by) {method}[ out of the drawer of {user}] because {reason:quoted}")
async def refund(book: Book, *, payment: str, method: str, reason: str, amount: int | None = None, user: str | None = None) -> None:
    given = {"paymentId": (await book.payment(payment))["id"], "method": method, "reason": reason, "amount": amount}
    await book.mutate("refundCredit", collectorId=user and book.ids[user], idempotencyKey=book.key(None), **given)


@says("(apply|applies) credit of {customer}[ to {invoice}][ with key {key}]")
async def apply(book: Book, *, customer: str, invoice: str | None = None, key: str | None = None) -> Outcome:
    given = {"customerId": book.ids[customer], "invoiceId": invoice and (await book.invoice(invoice))["id"]}
    return {"replayed": (await book.mutate("applyCredit", "replayed", idempotencyKey=book.key(key), **given))["replayed"]}


@says("expect(s) {payment}")
async def expect_payment(book: Book, *, payment: str) -> Outcome:
    return _paid(await book.payment(payment))


@says("print(s) {payment} on {paper}")
async def print_receipt(book: Book, *, payment: str, paper: str) -> Outcome:
    document = "query($p: ID!, $paper: Paper!) { receiptLink(paymentId: $p, paper: $paper) { url } }"
    return await book.download((await book.ask(document, p=(await book.payment(payment))["id"], paper=paper))["url"])


@says("write(s) {payment} as text")
async def receipt_text(book: Book, *, payment: str) -> Outcome:
    document = "query($p: ID!) { receipt(paymentId: $p) { number text32 text48 whatsApp } }"
    found = await book.ask(document, p=(await book.payment(payment))["id"])
    outcome: Outcome = {"number": found["number"], "WhatsApp says": Mention(_plain(found["whatsApp"]))}
    for width in (32, 48):
        paper = found[f"text{width}"]
        assert max(map(len, paper.splitlines())) <= width, f"a line is wider than {width} characters"
        outcome[f"{width} characters say"] = Mention(_plain(paper))
    return outcome


@says("expect(s) unresolved money[ at {counter}][ {debt}]")
async def expect_unresolved(book: Book, *, counter: str | None = None, debt: str | None = None) -> Outcome:
    document = f"query($c: ID, $d: Boolean) {{ unresolvedMoney(first: 200, counterId: $c, besideADebt: $d) {{ nodes {{ {_PAYMENT} }} }} }}"
    found = (await book.ask(document, c=counter and book.ids[counter], d=True if debt else None))["nodes"]
    return {
        "payments": len(found),
        "total": sum(one["credit"] for one in found),
        "list": [f"{one['customer']['name']} {one['credit']} {one['surplusBecause'] or 'RELEASED'}" for one in found],
    }


@says("expect(s) {customer}")
async def expect_customer(book: Book, *, customer: str) -> Outcome:
    selection = """outstanding credit active plan { name } counter { code } openInvoices { period { month } }
      charges { invoiceNumber cancelledAt amount } billingCycles { months effectiveFrom }"""
    found = await book.ask(f"query($c: ID!) {{ customer(id: $c) {{ {selection} }} }}", c=book.ids[customer])
    if found is None:
        raise Refused("NOT_FOUND", "the asker may not see this customer")
    waiting = [one["amount"] for one in found["charges"] if one["invoiceNumber"] is None and one["cancelledAt"] is None]
    return {
        "owes": found["outstanding"], "credit": found["credit"], "active": found["active"], "plan": found["plan"]["name"],
        "counter": found["counter"]["code"], "open months": [one["period"]["month"] for one in found["openInvoices"]],
        "waiting charges": sum(waiting), "history": [f"{one['months']} from {one['effectiveFrom']}" for one in found["billingCycles"]],
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- custom billing


_BILLING: Final = "months effectiveFrom firstPossible nextDueOn coming { month coversFrom coversUntil dueOn }"


def _billing(found: Any) -> Outcome:
    coming = found["coming"]
    return {
        "months": found["months"], "since": found["effectiveFrom"], "first possible": found["firstPossible"],
        "next due": found["nextDueOn"], "periods": tuple(one["month"] for one in coming), "due": tuple(one["dueOn"] for one in coming),
        "covers": tuple(f"{one['coversFrom']} until {one['coversUntil']}" for one in coming),
    }  # fmt: skip


@says("preview(s) {customer} every {number} month(s) from {day}")
async def preview_custom(book: Book, *, customer: str, number: int, day: str) -> Outcome:
    call = "previewCustomBilling(customerId: $c, months: $n, effectiveFrom: $d)"
    document = f"query($c: ID!, $n: Int!, $d: Date!) {{ {call} {{ {_BILLING} }} }}"
    return _billing(await book.ask(document, c=book.ids[customer], n=number, d=day))


@says("bill(s) {customer} every {number} month(s) from {day}")
async def custom(book: Book, *, customer: str, number: int, day: str) -> Outcome:
    given = {"customerId": book.ids[customer], "months": number, "effectiveFrom": day}
    return _billing((await book.mutate("setCustomBilling", f"customBilling {{ {_BILLING} }}", **given))["customBilling"])


@says("expect(s) billing of {customer}")
async def expect_billing(book: Book, *, customer: str) -> Outcome:
    return _billing(await book.ask(f"query($c: ID!) {{ customBilling(customerId: $c) {{ {_BILLING} }} }}", c=book.ids[customer]))


# --------------------------------------------------------------------------------------------------------- deposits and the recap


_FILES: Final[dict[str, Callable[[], tuple[str, bytes]]]] = {
    "": lambda: ("image/jpeg", packed(receipt(), "JPEG")),
    "a PNG as": lambda: ("image/png", packed(receipt(), "PNG")),
    "a WebP as": lambda: ("image/webp", packed(receipt(), "WEBP")),
    "a PDF as": lambda: ("application/pdf", pdf()),
    # what they call themselves doesn't matter: proofs are checked by content
    "a text file as": lambda: ("image/jpeg", b"sudah transfer ya kak"),
    "a huge": lambda: ("image/jpeg", packed(receipt(), "JPEG") + bytes(5 * 1024 * 1024)),
}


@says("deposit(s) {amount} at {counter}[ {transfer}][ with {file}][ of {user}][ noting {note:quoted}][ with key {key}]")
async def deposit(book: Book, *, amount: int, counter: str, key: str | None = None, **words: Any) -> Outcome:
    given = {"counterId": book.ids[counter], "amount": amount, "type": "TRANSFER" if "transfer" in words else "MANUAL"}
    given |= {"note": words.get("note"), "collectorId": book.ids[words["user"]] if "user" in words else None}
    upload = _FILES[words["file"]]() if "file" in words else None
    selection = "deposit { id status proof { mediaType } } moreThanOnHand replayed"
    made = await book.mutate("submitDeposit", selection, proof=upload, idempotencyKey=book.key(key), **given)
    book.deposit_id = made["deposit"]["id"]
    proof = made["deposit"]["proof"]
    more = {"status": made["deposit"]["status"], "proof": proof and proof["mediaType"]}
    return {**more, "more than on hand": made["moreThanOnHand"] or 0, "replayed": made["replayed"]}


@says("(verify|verifies) {deposit}[, counting {amount}][ with key {key}]")
async def verify(book: Book, *, deposit: str, amount: int | None = None, key: str | None = None) -> Outcome:
    given = {"depositId": await book.deposit(deposit), "counted": amount, "idempotencyKey": book.key(key)}
    return {"replayed": (await book.mutate("verifyDeposit", "replayed", **given))["replayed"]}


@says("reject(s) {deposit} because {reason:quoted}")
async def reject(book: Book, *, deposit: str, reason: str) -> None:
    await book.mutate("rejectDeposit", depositId=await book.deposit(deposit), reason=reason, idempotencyKey=book.key(None))


@says("look(s) at proof of {deposit}")
async def look_at_proof(book: Book, *, deposit: str) -> Outcome:
    document = "query($d: ID!) { proofLink(depositId: $d) { url } }"
    return await book.download((await book.ask(document, d=await book.deposit(deposit)))["url"])


def _difference(found: int | None) -> Outcome:
    return {"difference": found, "surplus": max(found or 0, 0), "shortage": max(-(found or 0), 0)}


@says("expect(s) {deposit}")
async def expect_deposit(book: Book, *, deposit: str) -> Outcome:
    selection = "amount type status submittedBy depositedOn proof { mediaType } decision { counted difference reason decidedBy }"
    found = await book.ask(f"query($d: ID!) {{ deposit(id: $d) {{ {selection} }} }}", d=await book.deposit(deposit))
    decision = found["decision"] or dict.fromkeys(("counted", "difference", "reason", "decidedBy"))
    return {
        "amount": found["amount"], "type": found["type"], "status": found["status"], "submitted by": found["submittedBy"],
        "deposited on": found["depositedOn"], "counted": decision["counted"], "reason": decision["reason"],
        "decided by": decision["decidedBy"], **_difference(decision["difference"]),
    }  # fmt: skip


@says("expect(s) drawer of {user} at {counter}")
async def expect_drawer(book: Book, *, user: str, counter: str) -> Outcome:
    names = ("received", "refunded", "deposited", "difference", "waiting", "onHand")
    mine = [one for one in await book.drawers(counter) if one["collector"]["username"] == user]
    found = mine[0] if mine else dict.fromkeys(names, 0)
    return {name: found[name] for name in names} | {"on hand": found["onHand"], **_difference(found["difference"])}


_RECAP: Final = {
    "invoices": "invoices", "billed": "totalBilled", "allocated": "allocated", "written off": "writtenOff", "outstanding": "outstanding",
    "voided earlier": "voidedEarlier", "voided later": "voidedLater", "payments": "payments", "reversed": "reversed",
    "refunded": "refunded", "received": "totalReceived", "credit": "credit", "deposited": "totalDeposited", "difference": "difference",
    "waiting": "awaitingVerification", "on hand": "cashOnHand",
}  # fmt: skip
_LABELS: Final = {"Total Masuk": "totalReceived", "Sisa Tagihan": "outstanding", "Total Setor": "totalDeposited"}


@says("expect(s) recap of {counter} in {month}")
async def expect_recap(book: Book, *, counter: str, month: str) -> Outcome:
    found = next(one for one in await book.recaps(month) if one["counter"]["code"] == counter)
    return {name: found[key] for name, key in (_RECAP | _LABELS).items()} | _difference(found["difference"])
