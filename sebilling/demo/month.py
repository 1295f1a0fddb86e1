"""A month of the demo ISP through GraphQL over HTTP: open, generate, take payments, hand over cash, custom billing, recap, check."""

import asyncio
import io
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import orjson
from PIL import Image
from rich.console import Console
from rich.table import Table
from starlette.applications import Starlette

from sebilling.app import create_app
from sebilling.billing import invariants
from sebilling.clock import Month, system_clock
from sebilling.config import Settings
from sebilling.db.databases import create_database, drop_database
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from sebilling.demo import isp, network, tables
from sebilling.money import format_rupiah
from sebilling.server import listening_socket, serving

_PAYERS: Final = 200
_PARTIAL_EVERY: Final = 7
_ERRORS: Final = "errors { code message field }"
_RUN: Final = "id status progress { done total } issued alreadyInvoiced skipped { reason count } totalAmount"
_GENERATE: Final = f"""mutation Generate($month: Month!, $key: String!) {{
  generateInvoices(input: {{month: $month, idempotencyKey: $key}}) {{ run {{ {_RUN} }} {_ERRORS} }} }}"""
_PAY: Final = f"""mutation Pay($input: RecordPaymentInput!) {{
  recordPayment(input: $input) {{ payment {{ id amount credit allocations {{ amount }} }} replayed {_ERRORS} }} }}"""
_OPEN_INVOICES: Final = """query Open($month: Month!, $counter: ID!, $first: Int!) {
  invoices(first: $first, orderBy: NUMBER, filter: {month: $month, counterId: $counter, status: OPEN}) {
    nodes { id outstanding customer { id outstanding } } } }"""
_RECAP: Final = """query Recap($month: Month!) { recap(month: $month) {
  counter { id code name } invoices totalBilled allocated outstanding payments totalReceived credit
  totalDeposited difference awaitingVerification cashOnHand } }"""
_DRAWERS: Final = "query Drawers($me: ID!) { drawers(collectorId: $me) { onHand counter { id code } } }"
_SUBMIT: Final = f"""mutation Submit($input: SubmitDepositInput!) {{
  submitDeposit(input: $input) {{ deposit {{ id amount proof {{ mediaType sizeBytes }} }} {_ERRORS} }} }}"""
_VERIFY: Final = f"""mutation Verify($input: VerifyDepositInput!) {{
  verifyDeposit(input: $input) {{ deposit {{ decision {{ counted difference }} }} {_ERRORS} }} }}"""
_CUSTOM: Final = f"""mutation Custom($input: SetCustomBillingInput!) {{
  setCustomBilling(input: $input) {{ customBilling {{ months nextDueOn coming {{ coversFrom coversUntil }} }} {_ERRORS} }} }}"""
_SHORT: Final = 5_000
"""What the demo's verifier misses at one counter."""
_SUMMED: Final = (
    "totalBilled", "allocated", "outstanding", "totalReceived", "credit", "totalDeposited", "difference", "awaitingVerification",
    "cashOnHand",
)  # fmt: skip


class DemoError(Exception):
    """The API answered what it must not."""


@dataclass(slots=True)
class Story:
    """What happened, step by step, and the figures to be printed."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time a step; the block tells in a few words what came of it."""
        began = time.perf_counter()
        told: list[str] = []
        yield told.append
        self.steps.append({"step": name, "seconds": round(time.perf_counter() - began, 3), "result": " ".join(told)})


class Client:
    """A GraphQL client as one user."""

    def __init__(self, http: httpx.Client, sign_in: isp.SignIn) -> None:
        self._http = http
        self._headers: dict[str, str] = {}
        answer = self.ask(
            f"mutation SignIn($input: SignInInput!) {{ signIn(input: $input) {{ token {_ERRORS} }} }}",
            input={"username": sign_in.username, "password": sign_in.password},
        )
        self._headers = {"Authorization": f"Bearer {answer['token']}"}

    def ask(self, document: str, **variables: Any) -> Any:
        """The first root field's value. Raises DemoError on any error."""
        return self._value(self._http.post("/graphql", json={"query": document, "variables": variables}, headers=self._headers))

    def upload(self, document: str, given: dict[str, Any], *, name: str, content: bytes) -> Any:
        """Like `ask`, with a file at `input.name`: a GraphQL multipart request."""
        operations = orjson.dumps({"query": document, "variables": {"input": {**given, name: None}}}).decode()
        form = {"operations": operations, "map": orjson.dumps({"file": [f"variables.input.{name}"]}).decode()}
        headers = {**self._headers, "GraphQL-Require-Preflight": "1"}
        return self._value(self._http.post("/graphql", data=form, files={"file": ("bukti.jpg", content, "image/jpeg")}, headers=headers))

    @staticmethod
    def _value(response: httpx.Response) -> Any:
        answer = response.json()
        if answer.get("errors"):
            raise DemoError(answer["errors"])
        value = next(iter(answer["data"].values()))
        if isinstance(value, dict) and value.get("errors"):
            raise DemoError(value["errors"])
        return value


def run_month(address: str, database_url: str, month: Month, sign_ins: list[isp.SignIn], gear: ExitStack, *, full: bool) -> Story:
    """Do the month at the server at `address`. Devices that it starts end with `gear`; `full`: of every kind."""
    story, name = Story(), str(month)
    with httpx.Client(base_url=address, timeout=600) as http:
        with story.step("sign in") as tell:
            admin = Client(http, sign_ins[0])
            cashiers = {one.counter: Client(http, one) for one in sign_ins if one.counter}
            tell(f"{1 + len(cashiers)} users")
        with story.step("open the period") as tell:
            period = admin.ask(
                f"mutation Open($month: Month!) {{ openPeriod(input: {{month: $month}}) {{ period {{ month status }} {_ERRORS} }} }}",
                month=name,
            )["period"]
            tell(f"{period['month']} {period['status']}")
        with story.step("preview") as tell:
            preview = admin.ask(
                "query Preview($month: Month!) { previewGeneration(month: $month) { issued totalAmount skipped { reason count } } }",
                month=name,
            )
            tell(f"{preview['issued']} invoices, {format_rupiah(preview['totalAmount'])}; skipped {_skipped(preview)}")
        with story.step("generate invoices") as tell:
            run = _generate(admin, name)
            tell(f"{run['issued']} issued, {format_rupiah(run['totalAmount'])}; skipped {_skipped(run)}")
        if (run["issued"], run["totalAmount"]) != (preview["issued"], preview["totalAmount"]):
            raise DemoError(f"the preview said {preview}, the run {run}")
        with story.step("generate again") as tell:
            again = _generate(admin, name)
            tell(f"{again['issued']} issued, {again['alreadyInvoiced']} had theirs")
        with story.step("take payments") as tell:
            tell(_take_payments(admin, cashiers, name))
        with story.step("hand over cash") as tell:
            tell(_hand_over(admin, cashiers))
        with story.step("custom billing") as tell:
            tell(_pay_three_months_at_once(admin, month))
        cut = _isolate(story, admin, gear, full=full)
        with story.step("recap") as tell:
            recap = admin.ask(_RECAP, month=name)
            totals = {key: sum(row[key] for row in recap) for key in _SUMMED}
            tell(f"in {format_rupiah(totals['totalReceived'])}, owed {format_rupiah(totals['outstanding'])}")
        with story.step("check") as tell:
            violations = asyncio.run(_violations(database_url))
            tell(f"{len(invariants.INVARIANTS)} invariants, {violations} rows break them")
    skipped = sum(one["count"] for one in run["skipped"])
    story.figures = {
        "month": name, "customers": run["progress"]["total"], "issued": run["issued"], "alreadyInvoiced": run["alreadyInvoiced"],
        "skipped": skipped, **totals, "generateSeconds": next(s["seconds"] for s in story.steps if s["step"] == "generate invoices"),
        "issuedAgain": again["issued"], **cut, "invariantViolations": violations, "counters": recap, "steps": story.steps,
    }  # fmt: skip
    return story


def _generate(admin: Client, month: str) -> Any:
    run = admin.ask(_GENERATE, month=month, key=str(uuid.uuid4()))["run"]
    while run["status"] == "RUNNING":
        time.sleep(0.1)
        run = admin.ask(f"query Run($id: ID!) {{ generationRun(id: $id) {{ {_RUN} }} }}", id=run["id"])
    return run


def _take_payments(admin: Client, cashiers: dict[str, Client], month: str) -> str:
    """Each counter's clerk takes money: mostly the whole, some a part, one twice by the same key, one too much."""
    taken = partial = 0
    for counter in admin.ask("query Counters { counters { nodes { id code } } }")["nodes"]:
        cashier = cashiers[counter["code"]]
        invoices = cashier.ask(_OPEN_INVOICES, month=month, counter=counter["id"], first=min(200, _PAYERS // len(cashiers)))["nodes"]
        payable = [one for one in invoices if one["customer"]["outstanding"] == one["outstanding"]]
        for number, invoice in enumerate(payable[: max(4, len(payable) * 3 // 4)], 1):
            owed = invoice["outstanding"]
            amount = owed // 2 if number % _PARTIAL_EVERY == 0 else owed + 50_000 if number == 1 else owed
            payment = {"customerId": invoice["customer"]["id"], "amount": amount, "method": "CASH", "idempotencyKey": str(uuid.uuid4())}
            recorded = cashier.ask(_PAY, input=payment)
            taken += 1
            partial += amount < owed
            if number == 2 and not cashier.ask(_PAY, input=payment)["replayed"]:  # the network was slow, the clerk tapped again
                raise DemoError("the same key recorded a second payment")
            if recorded["payment"]["credit"] != max(0, amount - owed):
                raise DemoError(f"{amount} for {owed} gave {recorded}")
    return f"{taken} payments, {partial} of them partial, {len(cashiers)} sent twice, {len(cashiers)} with too much"


def _hand_over(admin: Client, cashiers: dict[str, Client]) -> str:
    """Each clerk deposits what they hold: by transfer with its proof, or in notes. One is counted short, one still waits."""
    told = []
    for number, cashier in enumerate(cashiers.values()):
        for drawer in cashier.ask(_DRAWERS, me=cashier.ask("query Me { me { id } }")["id"]):
            given = {"counterId": drawer["counter"]["id"], "amount": drawer["onHand"], "idempotencyKey": str(uuid.uuid4())}
            if number == 0:
                deposit = cashier.upload(_SUBMIT, given | {"type": "TRANSFER"}, name="proof", content=_bank_receipt())["deposit"]
            else:
                deposit = cashier.ask(_SUBMIT, input=given)["deposit"]
            told.append(f"{drawer['counter']['code']} {format_rupiah(drawer['onHand'])}")
            if number < len(cashiers) - 1:
                counted = deposit["amount"] - (_SHORT if number == 1 else 0)
                verified = {"depositId": deposit["id"], "counted": counted, "idempotencyKey": str(uuid.uuid4())}
                admin.ask(_VERIFY, input=verified)
    return f"{', '.join(told)}; one with its proof, one {format_rupiah(_SHORT)} short, one waits"


def _bank_receipt() -> bytes:
    """A picture, as a phone would take it."""
    picture = io.BytesIO()
    Image.new("RGB", (640, 360), "white").save(picture, "JPEG")
    return picture.getvalue()


def _pay_three_months_at_once(admin: Client, month: Month) -> str:
    (customer,) = admin.ask("query One { customers(first: 1, filter: {active: true}) { nodes { id name } } }")["nodes"]
    given = {"customerId": customer["id"], "months": 3, "effectiveFrom": month.after.isoformat()}
    billing = admin.ask(_CUSTOM, input=given)["customBilling"]
    first = billing["coming"][0]
    return f"{customer['name']} pays {first['coversFrom']} to {first['coversUntil']} at once, next due {billing['nextDueOn']}"


def _isolate(story: Story, admin: Client, gear: ExitStack, *, full: bool) -> dict[str, Any]:
    """Late customers are cut on the devices, and who pays is back as they were. Without a device nobody is."""
    devices = _connect(story, admin, gear, full=full)
    if not devices:
        return {}
    if full:
        with story.step("go online") as tell:
            for device in devices:
                device.dial(list(device.before))
            tell(f"{sum(len(device.before) for device in devices)} customers are online")
    with story.step("cut who is late") as tell:
        held = network.isolate(admin, devices)
        tell(f"{_each(devices, 'blocked')} cut and read back{', after the guard against mass cuts had asked' if held else ''}")
    if full:
        with story.step("go online while cut") as tell:
            network.go_online(admin, devices)
            tell("nobody who is cut was given what they had")
    with story.step("give back who pays") as tell:
        payers = [network.restore(admin, device, alone=len(devices) == 1) for device in devices]
        slowest = max(device.restore_seconds for device in devices)
        tell(f"{_each(devices, 'restored')} back exactly as they were, the slowest after {slowest} s")
    if full:
        with story.step("go online again") as tell:
            for device, keys in zip(devices, payers, strict=True):
                device.dial(keys)
            tell("\n".join(network.dialled(devices)))
    for device in devices:
        network.examine(admin, device)
    totals = {
        "blocked": sum(device.blocked for device in devices), "restored": sum(device.restored for device in devices),
        "restoreSeconds": slowest, "wronglyBlocked": sum(device.wrongly_blocked for device in devices),
    }  # fmt: skip
    return totals | ({"devices": [device.figures() for device in devices]} if full else {})


def _connect(story: Story, admin: Client, gear: ExitStack, *, full: bool) -> list[network.Device]:
    """Start every device that can be here, with a share of the customers, and tell which can't and why."""
    kinds = network.kinds(full=full)
    problems = {kind: kind.problem() for kind in kinds}
    if not kinds:
        return []
    shares = iter(network.customers_of(admin, max(1, [*problems.values()].count(""))))
    devices = []
    for kind in kinds:
        with story.step(f"connect {kind.what}") as tell:
            if problems[kind]:
                tell(f"left out: {problems[kind]}")
                continue
            devices.append(network.connect(admin, gear, kind, next(shares)))
            tell(f"{len(devices[-1].before)} {kind.holds}")
    return devices


def _each(devices: Sequence[network.Device], what: str) -> str:
    """The sum, and where there are several devices each one's."""
    counts = {device.gear.name: getattr(device, what) for device in devices}
    return str(sum(counts.values())) + (f" ({', '.join(f'{name} {count}' for name, count in counts.items())})" if len(counts) > 1 else "")


def _skipped(counts: Any) -> str:
    return ", ".join(f"{one['count']} {one['reason']}" for one in counts["skipped"]) or "nobody"


async def _violations(database_url: str) -> int:
    database = Database(database_url, connections=2)
    try:
        async with database.reading() as session:
            return sum([finding.rows async for finding in invariants.check(session)])
    finally:
        await database.close()


async def _prepared(url: str, name: str, customers: int) -> tuple[str, Month, list[isp.SignIn]]:
    own = await create_database(url, name)
    await migrate(own)
    database = Database(own, connections=2)
    try:
        month, sign_ins = await isp.make(database, customers=customers, now=system_clock())
    finally:
        await database.close()
    return own, month, sign_ins


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends what was started, as Ctrl-C does. In the main thread only: no other one is told."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _app(settings: Settings, url: str) -> Starlette:
    """The application, for devices that are simulated on this machine."""
    networks = ",".join(filter(None, (settings.device_networks, "127.0.0.0/8")))
    return create_app(settings.model_copy(update={"device_networks": networks}), Database(url, connections=settings.database_connections))


def once(settings: Settings, *, customers: int, full: bool, out: Console | None) -> None:
    """Do the month in a database that is dropped at the end; print tables to `out`, or one JSON object to standard output.

    `full`: with every kind of device.
    """
    began = time.perf_counter()
    with _ended_in_order(), embedded_database(settings.var / "demo", own=False) as server:
        name = f"once_{uuid.uuid4().hex[:12]}"
        try:
            url, month, sign_ins = asyncio.run(_prepared(server, name, customers))
            prepared = {"step": "make the ISP", "seconds": round(time.perf_counter() - began, 3), "result": f"{customers} customers"}
            app = _app(settings, url)
            with ExitStack() as gear, serving(app, listening_socket(settings.host, settings.port)) as address:
                story = run_month(address, url, month, sign_ins, gear, full=full)
        finally:
            asyncio.run(drop_database(server, name))
    story.steps.insert(0, prepared)
    if out is None:
        sys.stdout.write(orjson.dumps(story.figures).decode() + "\n")
    else:
        tables.show_month(story.figures, out)


def serve(settings: Settings, *, customers: int, full: bool, out: Console) -> None:
    """Do the month, print it with addresses and sign-ins, and serve until interrupted, the devices with it. The next demo starts afresh.

    `full`: with every kind of device.
    """
    listener = listening_socket(settings.host, settings.port)
    with _ended_in_order(), embedded_database(settings.var / "demo", own=False) as server:
        out.print(f"Making an ISP of {customers} customers …")
        url, month, sign_ins = asyncio.run(_prepared(server, "demo", customers))
        open_to_all = settings.model_copy(update={"introspection": "everyone"})  # a newcomer looks around before signing in
        app = _app(open_to_all, url)
        with ExitStack() as gear, serving(app, listener) as address:
            tables.show_month(run_month(address, url, month, sign_ins, gear, full=full).figures, out)
            table = Table("user", "password", "role", "counter", title="Sign-ins, made for this run")
            for one in sign_ins:
                table.add_row(one.username, one.password, one.role.value, one.counter or "all")
            out.print(table)
            out.print(f"GraphiQL: {address}/graphql   health: {address}/healthz   Ctrl-C ends it.", soft_wrap=True)
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                out.print("The demo ends.")
