"""The scene: counters, plans, customers, users, settings; charges and discounts."""

from typing import Any, Final

from tests.scenarios.book import Book
from tests.scenarios.sentences import ZONES, Outcome, Refused, says


@says("counter {counter}[ in {zone}][ due on day {due:number}]")
async def counter(book: Book, *, counter: str, zone: str = "WIB", due: int | None = None) -> None:
    book.zones[counter] = ZONES[zone]
    made = await book.mutate("createCounter", "counter { id }", code=counter, name=f"Loket {counter}", timezone=ZONES[zone], dueDay=due)
    book.ids[counter] = made["counter"]["id"]


@says("due day of {counter} {due:number}")
async def due_day(book: Book, *, counter: str, due: int) -> None:
    await book.mutate("updateCounter", id=book.ids[counter], dueDay=due)


@says("own due day of {customer} {due:number}", "no own due day of {customer}")
async def own_due_day(book: Book, *, customer: str, due: int | None = None) -> None:
    given = {"id": book.ids[customer]} | ({"clear": ["DUE_DAY"]} if due is None else {"dueDay": due})
    document = "mutation($i: UpdateCustomerInput!) { updateCustomer(input: $i) { errors { code message } } }"
    for error in (await book.ask(document, i=given))["errors"]:
        raise Refused(error["code"], error["message"])


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
    await book.user(user, role, tuple(counters))


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


@says("put(s) installation of {customer} to {day}")
async def install(book: Book, *, customer: str, day: str) -> None:
    await book.mutate("updateCustomer", id=book.ids[customer], installedOn=day)


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
    given = {
        "target": {"customerId" if "customer" in words else "planId": book.ids[whom]},
        "reduction": {"amount": words["amount"]} if "amount" in words else {"percent": words["rate"]},
        "idempotencyKey": book.key(None),
    }
    made = await book.mutate("addDiscount", "discount { id }", description=what, fromOn=day, untilOn=until, **given)
    book.discounts[whom] = made["discount"]["id"]


@says("end(s) discount of {customer} on {day}", "end(s) discount of plan {plan:quoted} on {day}")
async def end_discount(book: Book, *, day: str, customer: str = "", plan: str = "") -> None:
    await book.mutate("endDiscount", id=book.discounts[customer or plan], untilOn=day)
