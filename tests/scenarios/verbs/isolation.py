"""Isolation: policies, forecasts, and who is blocked."""

from typing import Final

from sqlalchemy import text

from sebilling.actor import operator
from tests.scenarios.book import Book
from tests.scenarios.sentences import Outcome, Refused, says

_DEVICE: Final = text(
    """
    INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)
    VALUES ('RB1', 'test.gear', '', 1, true, :at, '[]', '{}', :at, 0) ON CONFLICT (name) DO UPDATE SET name = 'RB1' RETURNING id
    """
)
_ACCESS: Final = text(
    """
    INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at, desired_generation,
                                observed_generation, actual, next_at, attempts)
    VALUES (:customer, :device, 'PPPOE', :key, 'ACTIVE', false, :at, 0, 0, 'ACTIVE', :at, 0)
    """
)
_CARRY_OUT: Final = text("UPDATE service_access SET actual = desired, observed_generation = desired_generation, read_at = :at")
_MODES: Final = {"due date": "FROM_DUE_DATE", "issue": "FROM_INVOICE", "installation": "FROM_INSTALL_DATE"}


@says("{customer} on a router")
async def on_a_router(book: Book, *, customer: str) -> None:
    """Devices need a driver; which one it is doesn't matter here."""
    async with book.database.transaction(actor=operator("test"), at=book.api.now) as session:
        device = await session.only_value(_DEVICE, {"at": book.api.now}, kind=int)
        bound = {"customer": int(book.ids[customer].removeprefix("cus_")), "device": device, "key": customer.lower()}
        await session.execute(_ACCESS, {**bound, "at": book.api.now})


@says("the routers carry it out")
async def carry_out(book: Book) -> None:
    """What the engine does within seconds."""
    async with book.database.transaction(actor=operator("test"), at=book.api.now) as session:
        await session.execute(_CARRY_OUT, {"at": book.api.now})


_WHEN: Final = "block(s) non-payers[ {number} days after {event}]"


@says(_WHEN, f"{_WHEN} of {{customer}}", f"{_WHEN} at {{counter}}")
async def block_after(book: Book, *, number: int | None = None, event: str = "", customer: str = "", counter: str = "") -> Outcome:
    """Without days and event as the API proposes."""
    given = {"days": number, "mode": _MODES.get(event), "customerId": book.ids.get(customer), "counterId": book.ids.get(counter)}
    made = await book.mutate("setIsolationPolicy", "warnings { code issuedOn dueOn blockOn }", **given)
    examples = [f"issued {one['issuedOn']} due {one['dueOn']} blocked {one['blockOn']}" for one in made["warnings"]]
    return {"warnings": [one["code"] for one in made["warnings"]], "example": examples}


@says("expect(s) forecast of {customer}")
async def expect_forecast(book: Book, *, customer: str) -> Outcome:
    document = "query($c: ID!) { isolationForecast(customerId: $c) { blockOn amount mode } }"
    found = await book.ask(document, c=book.ids[customer])
    return {"blocked on": found["blockOn"], "block": found["blockOn"], "amount": found["amount"], "mode": found["mode"]}


@says("run(s) isolation")
async def run_isolation(book: Book) -> Outcome:
    made = await book.ask("mutation { runIsolation { blocked restored held paused errors { code } } }")
    assert not made["errors"], made
    return {name: made[name] for name in ("blocked", "restored", "held", "paused")}


@says("(restore|restores) {customer} because {reason:quoted}")
async def restore(book: Book, *, customer: str, reason: str) -> None:
    document = "mutation($i: BlockCustomerInput!) { restoreCustomer(input: $i) { errors { code message } } }"
    for error in (await book.ask(document, i={"customerId": book.ids[customer], "reason": reason}))["errors"]:
        raise Refused(error["code"], error["message"])


@says("(block|blocks) {customer} because {reason:quoted}")
async def block(book: Book, *, customer: str, reason: str) -> None:
    await book.mutate("blockCustomer", customerId=book.ids[customer], reason=reason)


@says("expect(s) access of {customer}")
async def expect_access(book: Book, *, customer: str) -> Outcome:
    document = "{ serviceAccesses(first: 200) { nodes { desired blockReason { code } customer { id } } } }"
    nodes = (await book.ask(document))["nodes"]
    (found,) = [one for one in nodes if one["customer"]["id"] == book.ids[customer]]
    return {"desired": found["desired"], "reason": found["blockReason"] and found["blockReason"]["code"]}
