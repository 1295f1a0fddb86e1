"""A month of the demo ISP through GraphQL over HTTP: open, generate, record payments, deposit cash, billing cycles, recap, check."""

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

from sebilling import web
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
  invoices(first: $first, orderBy: NUMBER, filter: {month: $month, counterIds: [$counter], statuses: [OPEN]}) {
    nodes { id outstanding customer { id outstanding } } } }"""
_RECAP: Final = """query Recap($month: Month!) { recap(month: $month) {
  counter { id code name } invoices totalBilled allocated outstanding payments totalReceived credit
  totalDeposited difference awaitingVerification cashOnHand } }"""
_DRAWERS: Final = "query Drawers($me: ID!) { drawers(collectorId: $me) { onHand counter { id code } } }"
_SUBMIT: Final = f"""mutation Submit($input: SubmitDepositInput!) {{
  submitDeposit(input: $input) {{ deposit {{ id amount proof {{ mediaType sizeBytes }} }} {_ERRORS} }} }}"""
_VERIFY: Final = f"""mutation Verify($input: VerifyDepositInput!) {{
  verifyDeposit(input: $input) {{ deposit {{ decision {{ counted difference }} }} {_ERRORS} }} }}"""
_CUSTOM: Final = f"""mutation Custom($input: SetBillingCycleInput!) {{
  setBillingCycle(input: $input) {{ billingSchedule {{ months nextDueOn coming {{ coversFrom coversUntil }} }} {_ERRORS} }} }}"""
_SHORT: Final = 5_000
"""Rupiah missing in one deposit when it is counted."""
_SUMMED: Final = (
    "totalBilled", "allocated", "outstanding", "totalReceived", "credit", "totalDeposited", "difference", "awaitingVerification",
    "cashOnHand",
)  # fmt: skip


class DemoError(Exception):
    """The API returned a wrong result."""


@dataclass(slots=True)
class Story:
    """Steps of the month with their results, and the figures to print."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time a step; the block passes its result, in a few words, to the yielded function."""
        began = time.perf_counter()
        results: list[str] = []
        yield results.append
        self.steps.append({"step": name, "seconds": round(time.perf_counter() - began, 3), "result": " ".join(results)})


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
        """Execute a document and return the first root field's value. Raises DemoError on any error."""
        return self._value(self._http.post("/graphql", json={"query": document, "variables": variables}, headers=self._headers))

    def upload(self, document: str, fields: dict[str, Any], *, name: str, content: bytes) -> Any:
        """Like `ask`, with a file at `input.name`: a GraphQL multipart request."""
        operations = orjson.dumps({"query": document, "variables": {"input": {**fields, name: None}}}).decode()
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
    """Run the month on the server at `address`. Its devices stop with `gear`; `full`: devices of every kind."""
    story, name = Story(), str(month)
    with httpx.Client(base_url=address, timeout=600) as http:
        with story.step("sign in") as report:
            admin = Client(http, sign_ins[0])
            cashiers = {sign_in.counter: Client(http, sign_in) for sign_in in sign_ins if sign_in.counter}
            report(f"{1 + len(cashiers)} users")
        with story.step("open the period") as report:
            period = admin.ask(
                f"mutation Open($month: Month!) {{ openPeriod(input: {{month: $month}}) {{ period {{ month status }} {_ERRORS} }} }}",
                month=name,
            )["period"]
            report(f"{period['month']} {period['status']}")
        with story.step("preview") as report:
            preview = admin.ask(
                "query Preview($month: Month!) { previewGeneration(month: $month) { issued totalAmount skipped { reason count } } }",
                month=name,
            )
            report(f"{preview['issued']} invoices, {format_rupiah(preview['totalAmount'])}; skipped {_skipped(preview)}")
        with story.step("generate invoices") as report:
            run = _generate(admin, name)
            report(f"{run['issued']} issued, {format_rupiah(run['totalAmount'])}; skipped {_skipped(run)}")
        if (run["issued"], run["totalAmount"]) != (preview["issued"], preview["totalAmount"]):
            raise DemoError(f"the preview showed {preview}, but the run issued {run}")
        with story.step("generate again") as report:
            again = _generate(admin, name)
            report(f"{again['issued']} issued, {again['alreadyInvoiced']} already invoiced")
        with story.step("record payments") as report:
            report(_take_payments(admin, cashiers, name))
        with story.step("deposit cash") as report:
            report(_hand_over(admin, cashiers))
        with story.step("billing cycle of 3 months") as report:
            report(_pay_three_months_at_once(admin, month))
        isolated = _isolate(story, admin, gear, full=full)
        with story.step("recap") as report:
            recap = admin.ask(_RECAP, month=name)
            totals = {key: sum(row[key] for row in recap) for key in _SUMMED}
            report(f"received {format_rupiah(totals['totalReceived'])}, outstanding {format_rupiah(totals['outstanding'])}")
        with story.step("check") as report:
            violations = asyncio.run(_violations(database_url))
            report(f"{len(invariants.INVARIANTS)} invariants, {violations} violations")
    skipped = sum(entry["count"] for entry in run["skipped"])
    story.figures = {
        "month": name, "customers": run["progress"]["total"], "issued": run["issued"], "alreadyInvoiced": run["alreadyInvoiced"],
        "skipped": skipped, **totals, "generateSeconds": next(s["seconds"] for s in story.steps if s["step"] == "generate invoices"),
        "issuedAgain": again["issued"], **isolated, "invariantViolations": violations, "counters": recap, "steps": story.steps,
    }  # fmt: skip
    return story


def _generate(admin: Client, month: str) -> Any:
    run = admin.ask(_GENERATE, month=month, key=str(uuid.uuid4()))["run"]
    while run["status"] == "RUNNING":
        time.sleep(0.1)
        run = admin.ask(f"query Run($id: ID!) {{ generationRun(id: $id) {{ {_RUN} }} }}", id=run["id"])
    return run


def _take_payments(admin: Client, cashiers: dict[str, Client], month: str) -> str:
    """Record payments at each counter: mostly full, some partial, one sent twice with the same key, one too much."""
    taken = partial = 0
    for counter in admin.ask("query Counters { counters { nodes { id code } } }")["nodes"]:
        cashier = cashiers[counter["code"]]
        invoices = cashier.ask(_OPEN_INVOICES, month=month, counter=counter["id"], first=min(200, _PAYERS // len(cashiers)))["nodes"]
        payable = [invoice for invoice in invoices if invoice["customer"]["outstanding"] == invoice["outstanding"]]
        for number, invoice in enumerate(payable[: max(4, len(payable) * 3 // 4)], 1):
            owed = invoice["outstanding"]
            amount = owed // 2 if number % _PARTIAL_EVERY == 0 else owed + 50_000 if number == 1 else owed
            payment = {"customerId": invoice["customer"]["id"], "amount": amount, "method": "CASH", "idempotencyKey": str(uuid.uuid4())}
            recorded = cashier.ask(_PAY, input=payment)
            taken += 1
            partial += amount < owed
            if number == 2 and not cashier.ask(_PAY, input=payment)["replayed"]:  # as if the network was slow and the clerk tapped again
                raise DemoError("the same key recorded a second payment")
            if recorded["payment"]["credit"] != max(0, amount - owed):
                raise DemoError(f"a payment of {amount} for {owed} returned {recorded}")
    return f"{taken} payments, {partial} of them partial, {len(cashiers)} sent twice, {len(cashiers)} with too much"


def _hand_over(admin: Client, cashiers: dict[str, Client]) -> str:
    """Deposit each clerk's cash on hand: by transfer with a proof, or in cash. One is counted short, one still waits."""
    amounts = []
    for number, cashier in enumerate(cashiers.values()):
        for drawer in cashier.ask(_DRAWERS, me=cashier.ask("query Me { me { user { id } } }")["user"]["id"]):
            request = {"counterId": drawer["counter"]["id"], "amount": drawer["onHand"], "idempotencyKey": str(uuid.uuid4())}
            if number == 0:
                deposit = cashier.upload(_SUBMIT, request | {"type": "TRANSFER"}, name="proof", content=_bank_receipt())["deposit"]
            else:
                deposit = cashier.ask(_SUBMIT, input=request)["deposit"]
            amounts.append(f"{drawer['counter']['code']} {format_rupiah(drawer['onHand'])}")
            if number < len(cashiers) - 1:
                counted = deposit["amount"] - (_SHORT if number == 1 else 0)
                verified = {"depositId": deposit["id"], "counted": counted, "idempotencyKey": str(uuid.uuid4())}
                admin.ask(_VERIFY, input=verified)
    return f"{', '.join(amounts)}; one with a proof, one {format_rupiah(_SHORT)} short, one waiting"


def _bank_receipt() -> bytes:
    """Return a picture such as a phone takes."""
    picture = io.BytesIO()
    Image.new("RGB", (640, 360), "white").save(picture, "JPEG")
    return picture.getvalue()


def _pay_three_months_at_once(admin: Client, month: Month) -> str:
    (customer,) = admin.ask("query One { customers(first: 1, filter: {active: true}) { nodes { id name } } }")["nodes"]
    cycle = {"customerId": customer["id"], "months": 3, "effectiveFrom": month.after.isoformat()}
    billing = admin.ask(_CUSTOM, input=cycle)["billingSchedule"]
    first = billing["coming"][0]
    return f"{customer['name']} pays {first['coversFrom']} to {first['coversUntil']} at once, next due {billing['nextDueOn']}"


def _isolate(story: Story, admin: Client, gear: ExitStack, *, full: bool) -> dict[str, Any]:
    """Block overdue customers on the devices and restore those who pay. Without a device nobody is blocked."""
    devices = _connect(story, admin, gear, full=full)
    if not devices:
        return {}
    if full:
        with story.step("go online") as report:
            for device in devices:
                device.dial(list(device.before))
            report(f"{sum(len(device.before) for device in devices)} customers are online")
    with story.step("block overdue customers") as report:
        held = network.isolate(admin, devices)
        report(f"{_each(devices, 'blocked')} blocked and verified{', after a hold for mass blocks was approved' if held else ''}")
    if full:
        with story.step("go online while blocked") as report:
            network.go_online(admin, devices)
            report("no blocked customer has normal access")
    with story.step("restore payers") as report:
        payers = [network.restore(admin, device, alone=len(devices) == 1) for device in devices]
        slowest = max(device.restore_seconds for device in devices)
        report(f"{_each(devices, 'restored')} restored exactly, the slowest after {slowest} s")
    if full:
        with story.step("go online again") as report:
            for device, keys in zip(devices, payers, strict=True):
                device.dial(keys)
            report("\n".join(network.dialled(devices)))
    for device in devices:
        network.examine(admin, device)
    totals = {
        "blocked": sum(device.blocked for device in devices), "restored": sum(device.restored for device in devices),
        "restoreSeconds": slowest, "wronglyBlocked": sum(device.wrongly_blocked for device in devices),
    }  # fmt: skip
    return totals | ({"devices": [device.figures() for device in devices]} if full else {})


def _connect(story: Story, admin: Client, gear: ExitStack, *, full: bool) -> list[network.Device]:
    """Start every device that can run here, with a share of the customers, and report which can't and why."""
    kinds = network.kinds(full=full)
    problems = {kind: kind.problem() for kind in kinds}
    if not kinds:
        return []
    shares = iter(network.customers_of(admin, max(1, [*problems.values()].count(""))))
    devices = []
    for kind in kinds:
        with story.step(f"connect {kind.what}") as report:
            if problems[kind]:
                report(f"left out: {problems[kind]}")
                continue
            devices.append(network.connect(admin, gear, kind, next(shares)))
            report(f"{len(devices[-1].before)} {kind.holds}")
    return devices


def _each(devices: Sequence[network.Device], what: str) -> str:
    """Return the sum and, if there are several devices, the count of each."""
    counts = {device.gear.name: getattr(device, what) for device in devices}
    return str(sum(counts.values())) + (f" ({', '.join(f'{name} {count}' for name, count in counts.items())})" if len(counts) > 1 else "")


def _skipped(counts: Any) -> str:
    return ", ".join(f"{entry['count']} {entry['reason']}" for entry in counts["skipped"]) or "nobody"


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
    """Make SIGTERM stop what was started, as Ctrl-C does. Only in the main thread, as no other receives signals."""

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
    """Build the application, allowing devices that are simulated on this machine."""
    networks = ",".join(filter(None, (settings.device_networks, "127.0.0.0/8")))
    demo = settings.model_copy(update={"device_networks": networks})
    return create_app(demo, Database(url, connections=settings.database_connections), is_demo=True)


def once(settings: Settings, *, customers: int, full: bool, out: Console | None) -> None:
    """Run the month in a database that is dropped at the end; print tables to `out`, or one JSON object to standard output.

    `full`: with every kind of device.
    """
    began = time.perf_counter()
    with _ended_in_order(), embedded_database(settings.var / "demo", own=False) as server:
        name = f"once_{uuid.uuid4().hex[:12]}"
        try:
            url, month, sign_ins = asyncio.run(_prepared(server, name, customers))
            prepared = {"step": "create the ISP", "seconds": round(time.perf_counter() - began, 3), "result": f"{customers} customers"}
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
    """Run the month, print it with addresses and sign-ins, and serve until interrupted. The next demo starts from scratch.

    `full`: with every kind of device.
    """
    listener = listening_socket(settings.host, settings.port)
    with _ended_in_order(), embedded_database(settings.var / "demo", own=False) as server:
        out.print(f"Creating an ISP with {customers} customers …")
        url, month, sign_ins = asyncio.run(_prepared(server, "demo", customers))
        open_to_all = settings.model_copy(update={"introspection": "everyone"})  # so that a newcomer can explore before signing in
        app = _app(open_to_all, url)
        with ExitStack() as gear, serving(app, listener) as address:
            tables.show_month(run_month(address, url, month, sign_ins, gear, full=full).figures, out)
            table = Table("user", "password", "role", "counter", title="Sign-ins, generated for this run")
            for sign_in in sign_ins:
                table.add_row(sign_in.username, sign_in.password, sign_in.role.value, sign_in.counter or "all")
            out.print(table)
            if web.is_built():
                out.print(f"Web admin: {address}/", soft_wrap=True)
                out.print(f"Collector's app: {address}/kolektor/", soft_wrap=True)
            out.print(f"GraphiQL: {address}/graphql   health: {address}/healthz   Press Ctrl-C to stop.", soft_wrap=True)
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                out.print("The demo ends.")
