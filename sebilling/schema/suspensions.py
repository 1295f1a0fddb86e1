"""Pauses and the end of service in GraphQL: days for which a customer isn't billed, and what follows from them beforehand."""

from datetime import date
from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import end_of_service, suspensions
from sebilling.billing.suspensions import Suspended, SuspensionKind
from sebilling.nouns import Noun
from sebilling.schema.billing_cycles import BillingSchedule, CustomerId, schedule_of
from sebilling.schema.context import Info
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, payload
from sebilling.schema.engine.reading import one
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import OFFICE
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Day


@payload("Result of pauseCustomer, resumeCustomer, endService or undoEndOfService.")
class SuspensionPayload(Payload):
    customer: Customer | None = strawberry.field(description="The customer after the change.")
    billing_schedule: BillingSchedule | None = strawberry.field(description="The upcoming invoices after the change.")


async def _shown(info: Info, customer_id: int) -> Any:
    customer = await one(info, Customer, "t.id = :id", {"id": customer_id}, below=("customer",))
    async with info.context.parts.database.reading() as session:
        return row(customer=customer, billing_schedule=await schedule_of(info, session, customer_id))


@query(OFFICE, "Preview the upcoming invoices after pauseCustomer without saving anything.")
async def preview_pause(
    info: Info,
    customer_id: CustomerId,
    from_on: Annotated[Day, strawberry.argument(description="First day that is not billed.")],
    until_on: Annotated[Day | None, strawberry.argument(description="First day that is billed again; null if it is not known.")] = None,
) -> BillingSchedule:
    wanted = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))

    def check(today: date) -> None:
        suspensions.check_pause(from_on, until_on, today=today)

    async with info.context.parts.database.reading() as session:
        proposed = Suspended(SuspensionKind.PAUSED, from_on, until_on)
        return await schedule_of(info, session, wanted, suspended=proposed, check=check)


@query(OFFICE, "Preview the upcoming invoices, with the last one, after endService without saving anything.")
async def preview_end_of_service(
    info: Info,
    customer_id: CustomerId,
    on: Annotated[Day, strawberry.argument(description="First day without service.")],
) -> BillingSchedule:
    wanted = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))
    async with info.context.parts.database.reading() as session:
        proposed = Suspended(SuspensionKind.ENDED, on, None)
        return await schedule_of(info, session, wanted, suspended=proposed, check=lambda today: end_of_service.check_end(on, today=today))


@input_type("Input of pauseCustomer (jeda).")
class PauseCustomerInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    from_on: Day = strawberry.field(description="First day that is not billed; invoices that are issued already stay as they are.")
    until_on: Day | None = strawberry.field(
        default=None, description="First day that is billed again, in a later month; null until resumeCustomer says so."
    )
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(OFFICE, "Pause a customer: they get no invoices for days from a date on. Their access and what they owe stay as they are.")
async def pause_customer(info: Info, input: Annotated[PauseCustomerInput, INPUT]) -> SuspensionPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await suspensions.pause(session, customer_id, from_on=input.from_on, until_on=input.until_on, reason=input.reason)
    return await _shown(info, customer_id)


@input_type("Input of resumeCustomer.")
class ResumeCustomerInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    on: Day | None = strawberry.field(
        default=None, description="First day that is billed again; today if left out. The pause's first day withdraws it."
    )


@mutation(OFFICE, "End a customer's pause: they are billed again from a date on.")
async def resume_customer(info: Info, input: Annotated[ResumeCustomerInput, INPUT]) -> SuspensionPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await suspensions.resume(session, customer_id, on=input.on)
    return await _shown(info, customer_id)


@input_type("Input of endService (berhenti berlangganan).")
class EndServiceInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    on: Day = strawberry.field(description="First day without service, today or later: no invoices and no access from then on.")
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")


@mutation(OFFICE, "End a customer's service on a date. The days before it are still billed; until that day it can be undone.")
async def end_service(info: Info, input: Annotated[EndServiceInput, INPUT]) -> SuspensionPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await end_of_service.end(session, customer_id, on=input.on, reason=input.reason)
    return await _shown(info, customer_id)


@input_type("Input of undoEndOfService.")
class UndoEndOfServiceInput:
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")


@mutation(OFFICE, "Undo endService before its day: the service goes on.")
async def undo_end_of_service(info: Info, input: Annotated[UndoEndOfServiceInput, INPUT]) -> SuspensionPayload:
    customer_id = ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId"))
    async with info.context.transaction() as session:
        await end_of_service.undo(session, customer_id)
    return await _shown(info, customer_id)


QUERIES: Final = [preview_pause, preview_end_of_service]
MUTATIONS: Final = [pause_customer, resume_customer, end_service, undo_end_of_service]
