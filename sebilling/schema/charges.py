"""One-off charges and discounts in GraphQL."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import charges as verbs
from sebilling.billing.charges import ChargeKind
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.engine.reading import one
from sebilling.schema.request.access import mutation
from sebilling.schema.request.roles import COUNTERS, OFFICE
from sebilling.schema.scopes import OF_CUSTOMER
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Key, Payload, given, row
from sebilling.schema.values.scalars import Day, Instant, Rate, Rupiah


@output("One-off charge, billed by the customer's next invoice.", "charge", scope=OF_CUSTOMER)
class Charge:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.CHARGE, "{t}.id"))
    kind: ChargeKind = read("Kind of the charge.", COUNTERS)
    description: str = read("Description, as printed on the invoice.", COUNTERS)
    amount: Rupiah = read("Amount of the charge.", COUNTERS)
    created_at: Instant = read("Time at which the charge was added.", COUNTERS)
    invoice_number: str | None = read(
        "Number of the invoice that bills it; null while it waits for one.",
        COUNTERS,
        sql="(SELECT number FROM invoice WHERE id = {t}.invoice_id)",
    )
    cancelled_at: Instant | None = read("Time at which the charge was cancelled; null if it was not.", COUNTERS)


@output("Discount on months that begin within its dates, for one customer or all customers of a plan.", "discount", scope=OF_CUSTOMER)
class Discount:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.DISCOUNT, "{t}.id"))
    amount: Rupiah | None = read("Rupiah off each month; null for a discount in percent.", COUNTERS)
    percent: Rate | None = read(
        "Percent off each month's price; null for a discount in rupiah.", COUNTERS, sql="trim_scale({t}.percent)::text"
    )
    description: str = read("Description, as printed on the invoice.", COUNTERS)
    from_on: Day = read("First day on which a discounted month may begin.", COUNTERS)
    until_on: Day | None = read("First day on which no discounted month may begin any more; null for no end.", COUNTERS)


@input_type("Input of addCharge.")
class AddChargeInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    kind: ChargeKind = strawberry.field(description="Kind of the charge; not LATE_FEE, which is added automatically.")
    description: str = strawberry.field(description="Description to print on the invoice, 1 to 200 characters.")
    amount: Rupiah = strawberry.field(description="Amount, 1 to 10^12.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each charge.")


@payload("Result of addCharge or cancelCharge.")
class ChargePayload(Payload):
    charge: Charge | None = strawberry.field(description="Charge after the change.")
    replayed: bool = strawberry.field(
        description="Whether the key had been used for this operation before, so that nothing was changed now."
    )


@mutation(OFFICE, "Add a one-off charge to the customer's next invoice.")
async def add_charge(info: Info, input: Annotated[AddChargeInput, INPUT]) -> ChargePayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        charge_id, replayed = await verbs.add(
            session, customer_id, kind=input.kind, description=input.description, amount=input.amount, key=input.idempotency_key
        )
    return row(charge=await one(info, Charge, "t.id = :id", {"id": charge_id}, below=("charge",)), replayed=replayed)


@input_type("Input of cancelCharge.")
class CancelChargeInput:
    id: strawberry.ID = strawberry.field(description="Id of the charge, which must not be invoiced yet.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(OFFICE, "Cancel a charge that is not invoiced yet.")
async def cancel_charge(info: Info, input: Annotated[CancelChargeInput, INPUT]) -> ChargePayload:
    charge_id = ids.decode(input.id, Noun.CHARGE, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.cancel(session, charge_id, reason=input.reason)
    return row(charge=await one(info, Charge, "t.id = :id", {"id": charge_id}, below=("charge",)), replayed=False)


@input_type("Who gets a discount: one customer, or all customers of a plan.", one_of=True)
class DiscountTarget:
    customer_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Id of the customer.")
    plan_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Id of the plan whose customers get the discount."
    )


@input_type("How much a discount is: rupiah, or percent.", one_of=True)
class DiscountReduction:
    amount: Rupiah | None = strawberry.field(default=strawberry.UNSET, description="Rupiah off each month, limited to its price.")
    percent: Rate | None = strawberry.field(
        default=strawberry.UNSET, description='Percent off each month, more than "0" and at most "100".'
    )


@input_type("Input of addDiscount.")
class AddDiscountInput:
    target: DiscountTarget = strawberry.field(description="Who gets the discount.")
    reduction: DiscountReduction = strawberry.field(description="How much it is.")
    description: str = strawberry.field(description="Description to print on invoices, 1 to 200 characters.")
    from_on: Day = strawberry.field(description="First day on which a discounted month may begin.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each discount.")
    until_on: Day | None = strawberry.field(
        default=None, description="First day on which no discounted month may begin any more; null for no end."
    )


@payload("Result of addDiscount or endDiscount.")
class DiscountPayload(Payload):
    discount: Discount | None = strawberry.field(description="Discount after the change.")
    replayed: bool = strawberry.field(description="Whether the key had added this discount before, so that nothing was changed now.")


@mutation(OFFICE, "Add a discount on future months, for one customer or all customers of a plan.")
async def add_discount(info: Info, input: Annotated[AddDiscountInput, INPUT]) -> DiscountPayload:
    reduction, target = input.reduction, given(customer_id=input.target.customer_id, plan_id=input.target.plan_id)
    customer_id = ids.decode_optional(target.get("customer_id"), Noun.CUSTOMER, field=("input", "target", "customerId"))
    plan_id = ids.decode_optional(target.get("plan_id"), Noun.PLAN, field=("input", "target", "planId"))
    async with info.context.transaction() as session:
        discount_id, replayed = await verbs.discount(
            session, customer_id=customer_id, plan_id=plan_id, **given(amount=reduction.amount, percent=reduction.percent),
            description=input.description, from_on=input.from_on, until_on=input.until_on, key=input.idempotency_key,
        )  # fmt: skip
    return row(discount=await one(info, Discount, "t.id = :id", {"id": discount_id}, below=("discount",)), replayed=replayed)


@input_type("Input of endDiscount.")
class EndDiscountInput:
    id: strawberry.ID = strawberry.field(description="Id of the discount.")
    until_on: Day = strawberry.field(description="Day from which months that begin are billed in full.")


@mutation(OFFICE, "End a discount earlier. Issued invoices keep it.")
async def end_discount(info: Info, input: Annotated[EndDiscountInput, INPUT]) -> DiscountPayload:
    discount_id = ids.decode(input.id, Noun.DISCOUNT, field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.end_discount(session, discount_id, until_on=input.until_on)
    return row(discount=await one(info, Discount, "t.id = :id", {"id": discount_id}, below=("discount",)), replayed=False)


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [add_charge, cancel_charge, add_discount, end_discount]
