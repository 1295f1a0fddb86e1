"""Access rules by role, for root fields and for the fields of types: denied by default.

A root field without a rule is not in the schema; a field of a type without one is refused, and fails a test. Only roles are checked
here. The layer below (schema/engine/scopes.py, billing/scope.py) limits the rows, so that a rule forgotten here reveals nothing of
another counter. See docs/decisions/0013.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, get_args

import strawberry
from strawberry.types.field import StrawberryField

from sebilling.access_errors import Forbidden
from sebilling.actor import Role
from sebilling.errors import SebillingError
from sebilling.schema.engine import selections
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.errors import in_payload, user_error
from sebilling.schema.engine.feed_subscription import AT_ONCE, number_of
from sebilling.schema.engine.input_paths import Inputs

EVERYONE: Final = frozenset(Role)
OFFICE: Final = frozenset({Role.ADMIN, Role.FINANCE})
READERS: Final = OFFICE | {Role.AUDITOR}
COUNTERS: Final = READERS | {Role.CLERK, Role.COLLECTOR}
"""Roles that may read amounts: all but the technician."""
RECEIVERS: Final = OFFICE | {Role.CLERK, Role.COLLECTOR}
ADMIN: Final = frozenset({Role.ADMIN})
DEVICES: Final = ADMIN | {Role.TECHNICIAN}
DEVICE_READERS: Final = READERS | {Role.TECHNICIAN}
PROMISERS: Final = OFFICE | {Role.CLERK}
BLOCKERS: Final = OFFICE | {Role.TECHNICIAN}
ANYBODY: Final[frozenset[Role]] = frozenset()
"""Including anonymous callers."""

RULES: Final[dict[str, frozenset[Role]]] = {}
"""Root field → the roles that may use it."""

_FIELDS: Final[dict[str, dict[frozenset[Role], str]]] = {
    "PageInfo": {EVERYONE: "hasNextPage hasPreviousPage startCursor endCursor"},
    "UserError": {EVERYONE: "code message field"},
    "User": {EVERYONE: "id username name role counters"},
    "SignIn": {EVERYONE: "id kind device address createdAt lastUsedAt expiresAt current"},
    "TwoStep": {EVERYONE: "on recoveryCodes"},
    "Account": {READERS: "id username name role counters active mustChangePassword twoStep createdAt lastUsedAt"},
    "ServiceToken": {READERS: "id name role counters active createdAt expiresAt lastUsedAt"},
    "Counter": {EVERYONE: "id code name timezone dueDay"},
    "Plan": {EVERYONE: "id name rateDownKbps rateUpKbps", COUNTERS: "price"},
    "Customer": {
        EVERYONE: "id code name phone address installedOn active pppoeName counter plan",
        COUNTERS: "price outstanding credit charges discounts billingCycles openInvoices lastPayments",
    },
    "ServiceAccess": {
        EVERYONE: "id serviceKind key desired actual inSync manual blockReason detail error attempts readAt desiredAt customer",
        DEVICE_READERS: "device",
    },
    "BlockReason": {EVERYONE: "code blockOn note text", COUNTERS: "amount invoiceNumber"},
    "Device": {DEVICE_READERS: "id name kind enabled reachable problems facts checkedAt customers waiting"},
    "DeviceConfig": {DEVICE_READERS: "config"},
    "Driver": {DEVICE_READERS: "kind title configSchema serviceKinds"},
    "ServiceKind": {DEVICE_READERS: "kind key"},
    "Plugin": {DEVICE_READERS: "name distribution version status error drivers events"},
    "PluginEvents": {DEVICE_READERS: "deliveredUpTo waiting attempts error"},
    "Charge": {COUNTERS: "id kind description amount createdAt invoiceNumber cancelledAt"},
    "Discount": {COUNTERS: "id amount percent description fromOn untilOn"},
    "BillingCycle": {COUNTERS: "months effectiveFrom setAt setBy"},
    "BillingSchedule": {COUNTERS: "months effectiveFrom firstPossible nextDueOn coming"},
    "ComingInvoice": {COUNTERS: "month coversFrom coversUntil dueOn total"},
    "Period": {COUNTERS: "id month status openedAt closedAt closings"},
    "PeriodClosing": {COUNTERS: "closedAt closedBy incomplete reopening"},
    "PeriodReopening": {COUNTERS: "reason reopenedAt reopenedBy"},
    "ClosingGap": {OFFICE: "reason counter count amount"},
    "Invoice": {
        COUNTERS: "id number status planName coversFrom coversUntil issuedAt dueOn total allocated writtenOff outstanding period"
        " counter customer customerCode customerName lines void writeOffs allocations payments"
    },
    "InvoiceLine": {COUNTERS: "kind description quantity unitPrice amount taxRate taxFraction taxBase"},
    "InvoiceVoid": {COUNTERS: "reason voidedAt voidedBy period"},
    "Reversal": {COUNTERS: "reason reversedAt reversedOn reversedBy"},
    "WriteOff": {COUNTERS: "id kind reversal amount reason writtenOffAt writtenOffBy"},
    "Payment": {
        COUNTERS: "id amount receiptNumber credit refunded surplusReason creditHoldReason method collectedAt receivedAt receivedOn"
        " receivedBy note"
        " customer customerCode customerName counter allocations reversal refunds"
    },
    "RecordedPayment": {RECEIVERS: "payment replayed errors"},
    "CustomerSync": {COUNTERS: "reset customers removed cursor more"},
    "SyncedCustomer": {COUNTERS: "id code name phone address counterId planName price outstanding credit openInvoices"},
    "SyncedInvoice": {COUNTERS: "id number coversFrom coversUntil dueOn total outstanding"},
    "RemovedCustomer": {COUNTERS: "id reason"},
    "Allocation": {COUNTERS: "amount allocatedAt invoiceNumber invoice payment"},
    "PaymentReversal": {COUNTERS: "reason reversedAt reversedOn reversedBy"},
    "Refund": {COUNTERS: "id reversal amount method reason refundedAt refundedBy"},
    "Deposit": {
        COUNTERS: "id amount type status note submittedAt submittedBy depositedOn counter collector proof decision counted difference"
        " unsettled corrections settlements"
    },
    "DepositCorrection": {COUNTERS: "countedBefore counted differenceBefore difference reason correctedAt correctedOn correctedBy"},
    "DifferenceSettlement": {COUNTERS: "id kind amount paymentId reason settledAt settledOn settledBy reversal"},
    "DepositProof": {COUNTERS: "mediaType sizeBytes uploadedAt"},
    "DepositDecision": {COUNTERS: "counted difference reason decidedAt decidedOn decidedBy"},
    "Drawer": {COUNTERS: "counter collector received refunded deposited difference waiting onHand"},
    "Recap": {
        COUNTERS: "counter invoices totalBilled allocated writtenOff outstanding voidedEarlier voidedLater payments reversed"
        " refunded totalReceived credit totalDeposited difference awaitingVerification cashOnHand asOfClosing since"
    },
    "RecapFigures": {
        COUNTERS: "invoices totalBilled allocated writtenOff outstanding voidedEarlier voidedLater payments reversed refunded"
        " totalReceived credit totalDeposited difference awaitingVerification cashOnHand"
    },
    "Receipt": {COUNTERS: "number text32 text48 whatsApp"},
    "DownloadLink": {COUNTERS: "url expiresAt"},
    "IsolationForecast": {COUNTERS: "blockOn amount invoiceNumber mode promisedUntil text"},
    "BlackoutDate": {COUNTERS: "day reason"},
    "IsolationPolicy": {READERS: "mode days minimum customer counter"},
    "IsolationPlan": {READERS: "customerId deviceId invoiceId amount blockOn"},
    "IsolationHold": {READERS: "id heldAt wouldBlock ofActive decidedAt approved"},
    "GenerationRun": {
        READERS: "id status progress issued alreadyInvoiced skipped totalAmount startedAt finishedAt error errorReference attempts"
        " nextAttemptAt abandonedAt abandonReason period",
    },
    "Progress": {READERS: "done total"},
    "Skipped": {READERS: "reason count"},
    "GenerationPreview": {OFFICE: "issued alreadyInvoiced skipped totalAmount token"},
    "InvoicePreview": {OFFICE: "alreadyInvoiced skipped coversFrom coversUntil dueOn total lines"},
    "PreviewLine": {OFFICE: "kind description quantity unitPrice amount"},
    "BillingSettings": {
        READERS: "prorateFirstMonth taxRate taxNumerator taxDenominator taxRounding lateFee lateFeeAfterDays companyName"
        " companyAddress companyPhone receiptFooter massBlockPercent"
    },
    "Event": {READERS: "id at actor kind subject subjectId counter data"},
    "PaymentMessage": {COUNTERS: "eventId cursor at kind payment"},
    "RecapMessage": {COUNTERS: "eventId cursor recaps"},
    "GenerationMessage": {READERS: "eventId cursor run"},
    "DepositMessage": {COUNTERS: "eventId cursor at kind deposit"},
    "IsolationMessage": {EVERYONE: "eventId cursor at kind access"},
    "EventMessage": {READERS: "eventId cursor event"},
    "Dashboard": {COUNTERS: "cursor counters"},
    "CounterFigures": {
        COUNTERS: "counter day month receivedToday paymentsToday receivedThisMonth paymentsThisMonth outstanding cashOnHand"
        " blockedCustomers"
    },
}
"""Type → which roles may read which of its fields, wherever it is reached. A field that is not listed is refused."""
_FRAMES: Final = ("Connection", "Edge", "Payload")
"""Types with these endings follow the rule of their root field; the types inside them have rules of their own."""
FIELDS: Final = {
    (type_name, name): roles for type_name, rules in _FIELDS.items() for roles, names in rules.items() for name in names.split()
}
"""Type and field → the roles that may read it."""

Resolver = Callable[..., Awaitable[Any]]


def query(roles: frozenset[Role], description: str) -> Callable[[Resolver], StrawberryField]:
    """Turn a function that takes `info` first into a root query. Refusals are top-level errors."""

    def decorate(function: Resolver) -> StrawberryField:
        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> Any:
            try:
                _allow(info, function.__name__)
                return await function(info, **arguments)
            except SebillingError as error:
                error.field = inputs.path(error.path)
                raise

        inputs = Inputs.of(function)
        return _registered(guarded, roles, description)

    return decorate


def mutation(roles: frozenset[Role], description: str) -> Callable[[Resolver], StrawberryField]:
    """Turn a function that takes `info` and `input` and returns its payload's fields without `errors` into a mutation.

    Errors that the caller can correct are in the payload's `errors`; nothing is changed then.
    """

    def decorate(function: Resolver) -> StrawberryField:
        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> Any:
            try:
                _allow(info, function.__name__)
                return {**await function(info, **arguments), "errors": []}
            except SebillingError as error:
                error.field = inputs.path(error.path)
                if not in_payload(error):
                    raise
                return _Refused(errors=[user_error(error, info.context.language)], replayed=False)

        inputs = Inputs.of(function)
        return _registered(guarded, roles, description)

    return decorate


def subscription(roles: frozenset[Role], description: str, *, every: timedelta = AT_ONCE) -> Callable[[Resolver], StrawberryField]:
    """Turn a function that takes `info` and returns the messages of one iteration (`info.context.look`), as rows with their `number`
    in the feed, into a subscription. With `every`, it follows a state: see `Look.every`.
    """

    def decorate(function: Resolver) -> StrawberryField:
        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> AsyncGenerator[Any]:
            _allow(info, function.__name__)
            look = info.context.look
            if look is None:
                raise LookupError("subscriptions are executed by sebilling/live only")
            look.resume, look.every = number_of(arguments.get("after")), every
            try:
                rows = await function(info, **arguments)
            except SebillingError as error:
                error.field = inputs.path(error.path)
                raise
            look.numbers = [row["number"] for row in rows]
            return _each(rows)

        inputs, signature = Inputs.of(function), inspect.signature(function)
        (message,) = get_args(signature.return_annotation)
        del guarded.__wrapped__
        guarded.__signature__ = signature.replace(return_annotation=AsyncGenerator[message, None])  # type: ignore[attr-defined,valid-type]  # for Strawberry, when it runs
        RULES[function.__name__] = roles
        field: StrawberryField = strawberry.subscription(resolver=guarded, description=description)
        return field

    return decorate


async def _each(rows: list[Any]) -> AsyncGenerator[Any]:
    for row in rows:
        yield row


class _Refused(dict[str, Any]):
    """A payload with errors, in which all other fields are null."""

    def __missing__(self, key: str) -> None:
        return None


def _allow(info: Info, name: str) -> None:
    """Check the caller's role. Raises Unauthenticated, or Forbidden if the role may not use the root field, or may not read something
    that the document can select below it, whatever the variables."""
    context, roles = info.context, RULES[name]
    caller_roles = EVERYONE if roles is ANYBODY else frozenset({context.signed_in.role})
    if roles is not ANYBODY and not caller_roles <= roles:
        raise Forbidden(roles=_named(roles))
    readers = _readers_below(info)
    if not caller_roles <= readers:
        raise Forbidden(roles=_named(readers))


def _readers_below(info: Info) -> frozenset[Role]:
    """The roles that may read everything that the document can select below a root field. Cached with the document."""
    key, plans = ("readers", *selections.key(info)), info.context.plans
    readers: frozenset[Role] | None = plans.get(key)
    if readers is None:
        readers = EVERYONE
        for type_name, field in selections.fields_below(info):
            readers &= _readers(type_name, field)
        plans[key] = readers
    return readers


def allow_argument(info: Info, roles: frozenset[Role]) -> None:
    """Check that the caller may use an argument that reveals more than the selected fields. Raises Forbidden."""
    if info.context.signed_in.role not in roles:
        raise Forbidden(roles=_named(roles))


def _named(roles: frozenset[Role]) -> str:
    return " / ".join(sorted(roles))


def _readers(type_name: str, field: str) -> frozenset[Role]:
    if type_name.endswith(_FRAMES):
        return EVERYONE
    try:
        return FIELDS[type_name, field]
    except KeyError:
        raise LookupError(f"nobody may read {type_name}.{field}: add a rule in _FIELDS of schema/engine/access.py") from None


def _registered(guarded: Resolver, roles: frozenset[Role], description: str) -> StrawberryField:
    RULES[guarded.__name__] = roles
    field: StrawberryField = strawberry.field(resolver=guarded, description=description)
    return field
