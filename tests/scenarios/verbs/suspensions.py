"""A customer's life: pauses, and the end of their service."""

from typing import Any, Final

from tests.scenarios.book import Book
from tests.scenarios.sentences import Outcome, says
from tests.scenarios.verbs.invoices import BILLING, billing

_DAYS: Final = "{customer} from {day}[ until {until:day}]"


async def _done(book: Book, mutation: str, customer: str, **given: Any) -> Outcome:
    made = await book.mutate(mutation, f"billingSchedule {{ {BILLING} }}", customerId=book.ids[customer], **given)
    return billing(made["billingSchedule"])


@says(f"preview(s) pause of {_DAYS}")
async def preview_pause(book: Book, *, customer: str, day: str, until: str | None = None) -> Outcome:
    document = f"query($c: ID!, $f: Date!, $u: Date) {{ previewPause(customerId: $c, fromOn: $f, untilOn: $u) {{ {BILLING} }} }}"
    return billing(await book.ask(document, c=book.ids[customer], f=day, u=until))


@says(f"(pause|pauses) {_DAYS} because {{reason:quoted}}")
async def pause(book: Book, *, customer: str, day: str, reason: str, until: str | None = None) -> Outcome:
    return await _done(book, "pauseCustomer", customer, fromOn=day, untilOn=until, reason=reason)


@says("(resume|resumes) {customer}[ on {day}]")
async def resume(book: Book, *, customer: str, day: str | None = None) -> Outcome:
    return await _done(book, "resumeCustomer", customer, on=day)


@says("preview(s) end of service of {customer} on {day}")
async def preview_end(book: Book, *, customer: str, day: str) -> Outcome:
    document = f"query($c: ID!, $d: Date!) {{ previewEndOfService(customerId: $c, on: $d) {{ {BILLING} }} }}"
    return billing(await book.ask(document, c=book.ids[customer], d=day))


@says("end(s) service of {customer} on {day} because {reason:quoted}")
async def end(book: Book, *, customer: str, day: str, reason: str) -> Outcome:
    return await _done(book, "endService", customer, on=day, reason=reason)


@says("(undo|undoes) end of service of {customer}")
async def undo(book: Book, *, customer: str) -> Outcome:
    return await _done(book, "undoEndOfService", customer)


@says("pause(s) whoever is blocked for {number} days")
async def pause_after(book: Book, *, number: int) -> None:
    await book.mutate("updateBillingSettings", pauseAfterBlockedDays=number)


@says("expect(s) suspensions of {customer}")
async def expect_suspensions(book: Book, *, customer: str) -> Outcome:
    document = "query($c: ID!) { customer(id: $c) { suspensions { kind fromOn untilOn reason setBy { name } } } }"
    found = (await book.ask(document, c=book.ids[customer]))["suspensions"]
    return {
        "history": [f"{one['kind']} {one['fromOn']} {one['untilOn'] or 'open'}" for one in found],
        "by": [one["setBy"] and one["setBy"]["name"] for one in found],
    }  # fmt: skip
