"""One-off charges and discounts in GraphQL."""

from typing import Annotated, Final

import strawberry

from sebilling.billing import charges as verbs
from sebilling.billing.charges import ChargeKind
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import OFFICE, mutation
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Key, Payload, row
from sebilling.schema.engine.reading import Node, one
from sebilling.schema.engine.scalars import Day, Instant, Rate, Rupiah


@strawberry.type(description="A one-off charge: waits for the customer's next invoice, which takes it.")
class Charge:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    kind: ChargeKind = strawberry.field(description="What for.")
    description: str = strawberry.field(description="As it stands on the invoice.")
    amount: Rupiah = strawberry.field(description="How much.")
    created_at: Instant = strawberry.field(description="When.")
    invoice_number: str | None = strawberry.field(description="The live invoice that bills it; null while it waits.")
    cancelled_at: Instant | None = strawberry.field(description="When it was taken back, if it was.")


CHARGE: Final = Node(
    "charge",
    {
        "id": ids.column("charge", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("kind", "description", "amount", "created_at", "cancelled_at")},
        "invoice_number": "(SELECT number FROM invoice WHERE id = {t}.invoice_id)",
    },
)


@strawberry.type(description="Something off the months that begin on its days, for a customer or all with a plan.")
class Discount:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    amount: Rupiah | None = strawberry.field(description="Rupiah off each month, if it is measured so.")
    percent: Rate | None = strawberry.field(description="Percent off each month's price, if it is measured so.")
    description: str = strawberry.field(description="As it stands on the invoice.")
    from_on: Day = strawberry.field(description="The first day on which a discounted month may begin.")
    until_on: Day | None = strawberry.field(description="The first day on which none begins any more; null: no end.")


DISCOUNT: Final = Node(
    "discount",
    {
        "id": ids.column("discount", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("amount", "description", "from_on", "until_on")},
        "percent": "trim_scale({t}.percent)::text",
    },
)


@strawberry.input(description="A charge for one customer.")
class AddChargeInput:
    customer_id: strawberry.ID = strawberry.field(description="Who pays.")
    kind: ChargeKind = strawberry.field(description="What for; not LATE_FEE, which comes by itself.")
    description: str = strawberry.field(description="As it shall stand on the invoice; 1 to 200 characters.")
    amount: Rupiah = strawberry.field(description="1 to 10^12.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each charge.")


@strawberry.type(description="What came of addCharge or cancelCharge.")
class ChargePayload(Payload):
    charge: Charge | None = strawberry.field(description="The charge as it is now.")
    replayed: bool = strawberry.field(description="The key had done this before; nothing happened now.")


@mutation(OFFICE, "Let a one-off charge wait for the customer's next invoice.")
async def add_charge(info: Info, input: Annotated[AddChargeInput, INPUT]) -> ChargePayload:
    customer_id = ids.decode(input.customer_id, "customer", field=("input", "customerId"))
    async with info.context.transaction() as session:
        charge_id, replayed = await verbs.add(
            session, customer_id, kind=input.kind, description=input.description, amount=input.amount, key=input.idempotency_key
        )
    return row(charge=await one(info, CHARGE, "t.id = :id", {"id": charge_id}, below=("charge",)), replayed=replayed)


@strawberry.input(description="A charge to take back.")
class CancelChargeInput:
    id: strawberry.ID = strawberry.field(description="Which; it must still wait.")
    reason: str = strawberry.field(description="3 to 500 characters.")


@mutation(OFFICE, "Take back a charge that no invoice has taken yet.")
async def cancel_charge(info: Info, input: Annotated[CancelChargeInput, INPUT]) -> ChargePayload:
    charge_id = ids.decode(input.id, "charge", field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.cancel(session, charge_id, reason=input.reason)
    return row(charge=await one(info, CHARGE, "t.id = :id", {"id": charge_id}, below=("charge",)), replayed=False)


@strawberry.input(description="A discount: customerId or planId, amount or percent.")
class AddDiscountInput:
    description: str = strawberry.field(description="As it shall stand on invoices; 1 to 200 characters.")
    from_on: Day = strawberry.field(description="The first day on which a discounted month may begin.")
    idempotency_key: Key = strawberry.field(description="8 to 100 characters, new for each discount.")
    until_on: Day | None = strawberry.field(default=None, description="The first day on which none begins any more; null: no end.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="For this customer.")
    plan_id: strawberry.ID | None = strawberry.field(default=None, description="For everybody with this plan.")
    amount: Rupiah | None = strawberry.field(default=None, description="Rupiah off each month; at most its price is taken off.")
    percent: Rate | None = strawberry.field(default=None, description='Percent off each month, above "0" to "100".')


@strawberry.type(description="What came of addDiscount or endDiscount.")
class DiscountPayload(Payload):
    discount: Discount | None = strawberry.field(description="The discount as it is now.")
    replayed: bool = strawberry.field(description="The key had made this discount before; nothing happened now.")


@mutation(OFFICE, "Take something off the months to come, for a customer or all with a plan.")
async def add_discount(info: Info, input: Annotated[AddDiscountInput, INPUT]) -> DiscountPayload:
    async with info.context.transaction() as session:
        discount_id, replayed = await verbs.discount(
            session, customer_id=ids.decode_optional(input.customer_id, "customer", field=("input", "customerId")),
            plan_id=ids.decode_optional(input.plan_id, "plan", field=("input", "planId")), amount=input.amount, percent=input.percent,
            description=input.description, from_on=input.from_on, until_on=input.until_on, key=input.idempotency_key,
        )  # fmt: skip
    return row(discount=await one(info, DISCOUNT, "t.id = :id", {"id": discount_id}, below=("discount",)), replayed=replayed)


@strawberry.input(description="A discount to end.")
class EndDiscountInput:
    id: strawberry.ID = strawberry.field(description="Which.")
    until_on: Day = strawberry.field(description="Months that begin on this day or later are billed in full.")


@mutation(OFFICE, "Let a discount end earlier. Invoices already issued keep theirs.")
async def end_discount(info: Info, input: Annotated[EndDiscountInput, INPUT]) -> DiscountPayload:
    discount_id = ids.decode(input.id, "discount", field=("input", "id"))
    async with info.context.transaction() as session:
        await verbs.end_discount(session, discount_id, until_on=input.until_on)
    return row(discount=await one(info, DISCOUNT, "t.id = :id", {"id": discount_id}, below=("discount",)), replayed=False)


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [add_charge, cancel_charge, add_discount, end_discount]
