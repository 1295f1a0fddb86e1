"""Bulk operations on customers in GraphQL: a preview, then one result per customer."""

import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Final

import strawberry

from sebilling.billing import bulk
from sebilling.billing.validation import each_problem
from sebilling.error_codes import ErrorCode
from sebilling.errors import SebillingError, Unexpected
from sebilling.logs import get_logger
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.engine.reading import many
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.errors import UserError, in_payload, user_error
from sebilling.schema.request.roles import BLOCKERS, OFFICE
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import INPUT, Key, Payload, row

_log = get_logger(__name__)
CustomerIds = Annotated[list[strawberry.ID], strawberry.argument(description=f"Ids of the customers, 1 to {bulk.MAX_CUSTOMERS}.")]
_IDS: Final = f"Ids of the customers, 1 to {bulk.MAX_CUSTOMERS}; one that is named twice is changed once."
_KEY: Final = "Idempotency key, 8 to 100 characters, new for each operation. Repeated, it changes whom it has not changed yet."


@output("Customers whom a bulk operation would refuse for the same reason.")
class BulkRefusal:
    code: ErrorCode = read("Code of the error with which each of them would be refused.", BLOCKERS)
    text: str = read("The reason, in the caller's language.", BLOCKERS)
    count: int = read("Number of these customers.", BLOCKERS)
    customer_ids: list[strawberry.ID] = read("Ids of these customers, in the order in which they were named.", BLOCKERS)
    customers: list[Customer] = read("These customers; without those who do not exist.", BLOCKERS)


@output("Preview of a bulk operation.")
class BulkPreview:
    accepted: int = read("Number of customers who would be changed.", BLOCKERS)
    refusals: list[BulkRefusal] = read("Customers who would be refused, by reason; empty if there are none.", BLOCKERS)


@output("Result of a bulk operation for one customer.")
class BulkResult:
    customer_id: strawberry.ID = read("Id of the customer.", BLOCKERS)
    customer: Customer | None = read("The customer after the operation; null if there is none.", BLOCKERS)
    replayed: bool = read("Whether the key had changed this customer before, so that nothing was changed now.", BLOCKERS)
    errors: list[UserError] = read("Reasons for which the customer was refused; if there are any, they are as before.", BLOCKERS)


@payload("Result of blockCustomers, restoreCustomers, moveCustomers or changePlanOfCustomers.")
class BulkPayload(Payload):
    results: list[BulkResult] | None = strawberry.field(
        description="One result per customer, in the order in which they were named; null if the operation as a whole was refused."
    )
    changed: int | None = strawberry.field(description="Number of customers who were changed, also by an earlier use of the key.")
    refused: int | None = strawberry.field(description="Number of customers who were refused.")


async def _preview(info: Info, change: bulk.Change, customer_ids: Sequence[strawberry.ID]) -> Any:
    context, wanted = info.context, ids.decode_each(customer_ids, Noun.CUSTOMER, field=("customerIds",))
    async with context.parts.database.reading() as session:
        previewed = await bulk.preview(session, change, wanted, scope=context.signed_in.scope, at=context.at)
    refused = [customer_id for refusal in previewed.refused for customer_id in refusal.customer_ids]
    shown = await many(info, Customer, refused, below=("refusals", "customers")) if refused else {}
    return row(
        accepted=previewed.accepted,
        refusals=[
            row(code=refusal.code.value, text=bulk.REASONS[refusal.code].in_(context.language), count=len(refusal.customer_ids),
                customer_ids=[Noun.CUSTOMER.id(customer_id) for customer_id in refusal.customer_ids],
                customers=[shown[customer_id] for customer_id in refusal.customer_ids if customer_id in shown])
            for refusal in previewed.refused
        ],
    )  # fmt: skip


async def _apply(info: Info, change: bulk.Change, customer_ids: Sequence[strawberry.ID], key: str) -> Any:
    """Change each customer in a transaction of their own. Raises Unavailable: the same key again then goes on from there."""
    wanted = ids.decode_each(customer_ids, Noun.CUSTOMER, field=("input", "customerIds"))
    async with info.context.transaction() as session:
        distinct = await bulk.begin(session, change, wanted, key=key)
    outcomes = [await _one(info, change, customer_id, key, wanted.index(customer_id)) for customer_id in distinct]
    shown = await many(info, Customer, distinct, below=("results", "customer"))
    results = [
        row(customer_id=Noun.CUSTOMER.id(customer_id), customer=shown.get(customer_id), replayed=replayed, errors=errors)
        for customer_id, (replayed, errors) in zip(distinct, outcomes, strict=True)
    ]
    refused = sum(bool(errors) for _, errors in outcomes)
    return row(results=results, changed=len(results) - refused, refused=refused)


async def _one(info: Info, change: bulk.Change, customer_id: int, key: str, index: int) -> tuple[bool, list[Any]]:
    """Change one customer; returns whether that was a replay, and the errors as rows."""
    problems: Sequence[SebillingError]
    try:
        async with info.context.transaction() as session:
            return await bulk.apply(session, change, customer_id, key=key), []
    except SebillingError as error:
        if not in_payload(error):
            raise
        problems = each_problem(error)
    except Exception:  # noqa: BLE001 - a bug met by one customer must not fail the others
        reference = secrets.token_hex(6)
        problems = [Unexpected(reference=reference)]
        _log.exception("unexpected_error", reference=reference, path=[change.operation, str(index)])
    for problem in problems:
        problem.field = ("input", "customerIds", str(index))
    return False, [user_error(problem, info.context.language) for problem in problems]


@query(BLOCKERS, "Preview blockCustomers: how many would be blocked, and who would be refused, without changing anything.")
async def preview_block_customers(info: Info, customer_ids: CustomerIds) -> BulkPreview:
    return await _preview(info, bulk.Block(), customer_ids)


@query(BLOCKERS, "Preview restoreCustomers: how many would be restored, and who would be refused, without changing anything.")
async def preview_restore_customers(info: Info, customer_ids: CustomerIds) -> BulkPreview:
    return await _preview(info, bulk.Restore(), customer_ids)


@query(OFFICE, "Preview moveCustomers: how many would be moved, and who would be refused, without changing anything.")
async def preview_move_customers(
    info: Info, customer_ids: CustomerIds, counter_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the counter.")]
) -> BulkPreview:
    return await _preview(info, bulk.Move(ids.decode(counter_id, Noun.COUNTER, field=("counterId",))), customer_ids)


@query(OFFICE, "Preview changePlanOfCustomers: how many would be changed, and who would be refused, without changing anything.")
async def preview_change_plan_of_customers(
    info: Info, customer_ids: CustomerIds, plan_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the plan.")]
) -> BulkPreview:
    return await _preview(info, bulk.ChangePlan(ids.decode(plan_id, Noun.PLAN, field=("planId",))), customer_ids)


@input_type("Input of blockCustomers or restoreCustomers.")
class BlockCustomersInput:
    customer_ids: list[strawberry.ID] = strawberry.field(description=_IDS)
    reason: str = strawberry.field(description="Reason, 3 to 500 characters.")
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(BLOCKERS, "Block customers by hand, each until they are restored. Each customer is blocked or refused alone.")
async def block_customers(info: Info, input: Annotated[BlockCustomersInput, INPUT]) -> BulkPayload:
    return await _apply(info, bulk.Block(input.reason), input.customer_ids, input.idempotency_key)


@mutation(BLOCKERS, "Restore blocked customers. Each is restored or refused alone; one who is still overdue is refused.")
async def restore_customers(info: Info, input: Annotated[BlockCustomersInput, INPUT]) -> BulkPayload:
    return await _apply(info, bulk.Restore(input.reason), input.customer_ids, input.idempotency_key)


@input_type("Input of moveCustomers.")
class MoveCustomersInput:
    customer_ids: list[strawberry.ID] = strawberry.field(description=_IDS)
    counter_id: strawberry.ID = strawberry.field(description="Id of the counter to which they belong from now on.")
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Move customers to another counter. Each customer is moved or refused alone; issued invoices stay where they are.")
async def move_customers(info: Info, input: Annotated[MoveCustomersInput, INPUT]) -> BulkPayload:
    change = bulk.Move(ids.decode(input.counter_id, Noun.COUNTER, field=("input", "counterId")))
    return await _apply(info, change, input.customer_ids, input.idempotency_key)


@input_type("Input of changePlanOfCustomers.")
class ChangePlanOfCustomersInput:
    customer_ids: list[strawberry.ID] = strawberry.field(description=_IDS)
    plan_id: strawberry.ID = strawberry.field(description="Id of their plan from now on.")
    idempotency_key: Key = strawberry.field(description=_KEY)


@mutation(OFFICE, "Give customers another plan, for future invoices. Each customer is changed or refused alone.")
async def change_plan_of_customers(info: Info, input: Annotated[ChangePlanOfCustomersInput, INPUT]) -> BulkPayload:
    change = bulk.ChangePlan(ids.decode(input.plan_id, Noun.PLAN, field=("input", "planId")))
    return await _apply(info, change, input.customer_ids, input.idempotency_key)


QUERIES: Final = [preview_block_customers, preview_restore_customers, preview_move_customers, preview_change_plan_of_customers]
MUTATIONS: Final = [block_customers, restore_customers, move_customers, change_plan_of_customers]
