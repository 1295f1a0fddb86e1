"""Who may do and read what: the table of docs/product, written out for every root field and every field of every type.

It was written from the product's table, not from the declarations in `schema/`: a rule that says something else is wrong here or there. A
new root field or field without a line here fails. A letter is a role that may: A admin, F finance, C clerk, K collector,
T technician, U auditor; c and k may at their own counters alone, and find nothing elsewhere.
"""

import re
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import pytest
from graphql import GraphQLObjectType, get_named_type, is_composite_type

from sebilling.actor import Role
from sebilling.schema.request.access import RULES
from sebilling.schema.request.roles import ANYBODY
from tests.harness import Api
from tests.schema.test_access import snake
from tests.schema.two_counters import ROLES, SCHEMA, World, call, leaves, marks

LETTERS: Final = {"A": "admin", "F": "keuangan", "C": "kasir", "K": "kolektor", "T": "teknisi", "U": "auditor"}
ROOTS: Final = """
# oneself
me node nodes signIns twoStep                                                                       AFCKTU
signOut revokeSignIn revokeOtherSignIns changePassword startTotp confirmTotp disableTotp            AFCKTU
createSubscriptionTicket                                                                            AFCKTU
signIn refreshSignIn                                                                                AFCKTU
# read: all, own counter, own counters, customers' service and devices, all
counters counter customers customer customerCounts serviceAccesses                                  AFckTU
plans plan                                                                                          AFCKTU
invoices invoice payments payment deposits deposit drawers recap unresolvedMoney                    AFck U
invoiceTotals paymentTotals depositTotals                                                           AFck U
dashboard                                                                                           AFck U
receipt receiptLink invoiceLink invoicesLink proofLink reportLink billingSchedule isolationForecast    AFck U
syncCustomers                                                                                       AFck U
customerPageLink                                                                                    AFck U
customerTimeline promises                                                                           AFck U
periods period blackoutDates                                                                            AFCK U
generationRuns generationRun billingSettings events isolationPolicies isolationPlan isolationHolds  AF   U
users serviceTokens                                                                                 AF   U
devices device deviceConfig drivers plugins                                                         AF  TU
# periods, generation, void, reversal
openPeriod closePeriod reopenPeriod closingPreview                                                AF
generateInvoices issueInvoice previewGeneration previewInvoice abandonGeneration skippedCustomers   AF
voidInvoice writeOffInvoice reversePayment refundCredit applyCredit holdCredit                      AF
reverseWriteOff reverseRefund                                                                       AF
# money at a counter
recordPayment recordPayments submitDeposit previewPayment                                                          AFck
verifyDeposit rejectDeposit correctDeposit settleSurplus settleShortage reverseSettlement           AF
# customers, custom billing, isolation policy, promise
createCounter updateCounter createPlan updatePlan createCustomer updateCustomer                     AF
archiveCounter unarchiveCounter archivePlan unarchivePlan                                           AF
previewImport importCustomers                                                                       AF
moveCustomers changePlanOfCustomers previewMoveCustomers previewChangePlanOfCustomers               AF
addCharge cancelCharge addDiscount endDiscount setBillingCycle previewBillingCycle                AF
pauseCustomer resumeCustomer endService undoEndOfService previewPause previewEndOfService           AF
setIsolationPolicy forgetIsolationPolicy previewIsolationPolicy                                     AF
addBlackoutDate removeBlackoutDate decideIsolationHold runIsolation           AF
promiseToPay                                                                                        AFc
blockCustomer restoreCustomer                                                                       AF  T
blockCustomers restoreCustomers previewBlockCustomers previewRestoreCustomers                       AF  T
# devices, plugins
createDevice updateDevice testDevice deleteDevice setServiceAccess removeServiceAccess              A   T
updateServiceAccess retryServiceAccess readOnline auditDevice                                       A   T
# users, settings
updateBillingSettings setIspPicture removeIspPicture                                                A
systemStatus                                                                                        A
createUser updateUser resetPassword resetTotp createServiceToken revokeServiceToken                 A
"""
SUBSCRIPTIONS: Final = """
paymentRecorded recapChanged depositChanged                                                         AFck U
generationProgress events                                                                           AF   U
isolationChanged                                                                                    AFckTU
"""
FIELDS: Final = """
Customer          version                                                                           AFCKTU
Plan              version                                                                           AFCKTU
Device            version                                                                           AF  TU
User              version                                                                           AF   U
BillingSettings   version logo qris                                                                 AF   U
IspPicture        path mediaType sizeBytes uploadedAt                                               AF   U
Dashboard         cursor total counters months methods debts attention                              AFCK U
CurrentFigures    receivedToday paymentsToday receivedThisMonth paymentsThisMonth billedThisMonth   AFCK U
CurrentFigures    outstanding cashOnHand blockedCustomers                                           AFCK U
CounterFigures    id counter day month receivedToday paymentsToday receivedThisMonth                AFCK U
CounterFigures    paymentsThisMonth billedThisMonth outstanding cashOnHand blockedCustomers         AFCK U
MonthFigures      month billed received outstanding                                                 AFCK U
MethodFigures     method payments received                                                          AFCK U
DebtOfAge         age invoices customers amount                                                     AFCK U
Attention         kind count amount list                                                            AFCK U
PaymentMessage    cursor eventId at kind payment                                                    AFCK U
RecapMessage      cursor eventId recaps                                                             AFCK U
GenerationMessage cursor eventId run                                                                AF   U
DepositMessage    cursor eventId at kind deposit                                                    AFCK U
IsolationMessage  cursor eventId at kind access                                                     AFCKTU
EventMessage      cursor eventId event                                                              AF   U
Counter           id code name timezone dueDay archivedAt                                           AFCKTU
Plan              id name rateDownKbps rateUpKbps archivedAt                                        AFCKTU
Plan              price                                                                             AFCK U
Plan              customers speedsPending                                                           AF   U
BulkPreview       accepted refusals                                                                 AF  T
BulkRefusal       code text count customerIds customers                                             AF  T
ImportedFile      file customers active counters plans balances columns notes faults faultCount     AF
ImportCount       name isNew price customers active withoutPhone                                    AF
ImportBalances    owing arrears ahead credit                                                        AF
ImportColumn      heading field source                                                              AF
ImportFault       line column message                                                               AF
BulkResult        customerId customer replayed errors                                               AF  T
Customer          id code name phone address installedOn active pppoeName counter plan              AFCKTU
Customer          price outstanding credit charges discounts billingCycles openInvoices lastPayments AFCK U
Customer          suspensions dueDay                                                                   AFCK U
Customer          accesses blocked                                                                  AFCKTU
Customer          promise forecast nextInvoiceFrom lastInvoices                                     AFCK U
Customer          isolationPolicy                                                                   AF   U
CustomerCounts    total active blocked withoutDevice                                                AFCKTU
CustomerCounts    toBeBlocked promised owing outstanding                                            AFCK U
TimelineEntry     id at kind text amount actor user subjectId invoice payment                            AFCK U
PromiseToPay      id state untilOn reason promisedAt agreedBy customer                              AFCK U
Suspension        kind fromOn untilOn reason setAt setBy                                            AFCK U
SuspendedDays     kind fromOn untilOn expected                                                      AFCK U
Me                user username role counters permissions cashLimit                                   AFCKTU
User              id name                                                                           AFCKTU
User              username role counters active mustChangePassword twoStep createdAt lastUsedAt       AF   U
SignIn            id kind device address createdAt lastUsedAt expiresAt current                     AFCKTU
TwoStep           on recoveryCodes                                                                  AFCKTU
UserError         code message field                                                                AFCKTU
PageInfo          hasNextPage hasPreviousPage startCursor endCursor                                 AFCKTU
ServiceAccess     id serviceKind key desired actual inSync manual blockReason detail error attempts AFCKTU
ServiceAccess     readAt desiredAt customer speedPending                                            AFCKTU
ServiceAccess     device                                                                            AF  TU
BlockReason       code blockOn note text                                                            AFCKTU
BlockReason       amount invoiceNumber                                                              AFCK U
Device            id name kind enabled reachable problems facts checkedAt customers waiting         AF  TU
Device            outOfSync speedsPending                                                           AF  TU
SystemStatus      level version at parts                                                            A
PartStatus        part level text                                                                   A
OnlineSession     key serviceKind since address mac megabytesUp megabytesDown customer              AF  TU
Leak              kind key serviceKind detail customer                                              AF  TU
DeviceConfig      config                                                                            AF  TU
Driver            kind title configSchema serviceKinds                                              AF  TU
ServiceKind       kind key                                                                          AF  TU
Plugin            name distribution version status error drivers events                             AF  TU
PluginEvents      deliveredUpTo waiting attempts error                                              AF  TU
Charge            id kind description amount createdAt invoiceNumber cancelledAt                    AFCK U
Discount          id amount percent description fromOn untilOn                                      AFCK U
BillingCycle      months effectiveFrom setAt setBy                                                  AFCK U
BillingSchedule     months effectiveFrom firstPossible nextDueOn coming suspensions                   AFCK U
ComingInvoice     month coversFrom coversUntil dueOn total                                          AFCK U
Period            id month status openedAt closedAt closings totals                                 AFCK U
Period            runs                                                                              AF   U
PeriodTotals      invoices billed allocated writtenOff outstanding paidShare                        AFCK U
PeriodClosing     closedAt closedBy incomplete reopening                                            AFCK U
PeriodReopening   reason reopenedAt reopenedBy                                                      AFCK U
ClosingGap        reason counter count amount                                                       AF
Invoice           id number status planName coversFrom coversUntil issuedAt dueOn total allocated   AFCK U
Invoice           writtenOff outstanding period counter customer customerCode customerName lines    AFCK U
Invoice           voiding writeOffs allocations payments                                            AFCK U
InvoiceTotals     count total allocated writtenOff outstanding                                      AFCK U
PaymentTotals     count amount reversed credit byMethod                                             AFCK U
MethodTotals      method count amount reversed                                                      AFCK U
DepositTotals     count amount counted difference unsettled                                         AFCK U
InvoiceLine       kind description quantity unitPrice amount taxRate taxFraction taxBase            AFCK U
InvoiceVoid       reason voidedAt voidedBy period                                                   AFCK U
WriteOff          id kind reversal amount reason writtenOffAt writtenOffBy                          AFCK U
Reversal          reason reversedAt reversedOn reversedBy                                           AFCK U
Payment           id amount receiptNumber credit refunded surplusReason method collectedAt         AFCK U
Payment           creditHoldReason                                                                 AFCK U
Payment           receivedAt receivedOn receivedBy note customer customerCode customerName counter  AFCK U
Payment           allocations reversal refunds receipt drawer                                       AFCK U
Allocation        amount allocatedAt invoiceNumber invoice payment                                  AFCK U
PaymentReversal   reason reversedAt reversedOn reversedBy                                           AFCK U
Refund            id reversal amount method reason refundedAt refundedBy                            AFCK U
Deposit           id amount type status note submittedAt submittedBy depositedOn counter collector  AFCK U
Deposit           drawer proof decision counted difference unsettled corrections settlements               AFCK U
DepositCorrection countedBefore counted differenceBefore difference reason correctedAt correctedOn  AFCK U
DepositCorrection correctedBy                                                                       AFCK U
DifferenceSettlement id kind amount paymentId reason settledAt settledOn settledBy reversal         AFCK U
DepositProof      mediaType sizeBytes uploadedAt link                                               AFCK U
DepositDecision   counted difference reason decidedAt decidedOn decidedBy                           AFCK U
Drawer            id counter collector received refunded deposited difference waiting onHand           AFCK U
Recap             counter invoices totalBilled allocated writtenOff outstanding voidedEarlier       AFCK U
Recap             voidedLater payments reversed refunded totalReceived credit totalDeposited        AFCK U
Recap             difference awaitingVerification cashOnHand asOfClosing since id notInvoiced       AFCK U
RecapFigures      invoices totalBilled allocated writtenOff outstanding voidedEarlier voidedLater   AFCK U
RecapFigures      payments reversed refunded totalReceived credit totalDeposited difference         AFCK U
RecapFigures      awaitingVerification cashOnHand                                                   AFCK U
Receipt           number text32 text48 whatsApp link                                                AFCK U
DownloadLink      url expiresAt                                                                     AFCK U
CustomerPageLink  path                                                                              AFCK U
IsolationForecast id blockOn amount invoiceNumber invoice mode promisedUntil text                   AFCK U
BlackoutDate          id day reason                                                                        AFCK U
CustomerSync      reset customers removed cursor more                                               AFCK U
SyncedCustomer    customerId code name phone address counterId planName price outstanding credit            AFCK U
SyncedCustomer    openInvoices pageUrl                                                              AFCK U
SyncedInvoice     invoiceId number coversFrom coversUntil dueOn total outstanding                          AFCK U
RemovedCustomer   customerId reason                                                                         AFCK U
PaymentPreview    outstanding allocations credit warnings                                           AFCK
PreviewedAllocation invoiceId invoiceNumber dueOn amount remaining                                  AFCK
PaymentWarning    code text                                                                         AFCK
RecordedPayment   payment replayed warnings errors                                                          AFCK
IsolationPolicy   id origin mode days minimum customer counter                                      AF   U
IsolationPolicyPreview blockOn amount invoiceNumber promisedUntil warnings                              AF
IsolationPolicyWarning code text issuedOn dueOn blockOn                                                 AF
UpcomingBlock     id blockOn amount mode promisedUntil customer counter invoice device               AF   U
IsolationHold     id heldAt wouldBlock ofActive decidedAt decidedBy approved customers               AF   U
GenerationRun     id status progress issued alreadyInvoiced skipped totalAmount startedAt           AF   U
GenerationRun     finishedAt period error errorReference attempts nextAttemptAt abandonedAt         AF   U
GenerationRun     abandonReason skippedCount                                                        AF   U
Progress          done total                                                                        AF   U
Skipped           reason count                                                                      AF   U
SkippedCustomers  reason count customers                                                            AF
GenerationPreview issued alreadyInvoiced skipped totalAmount token                                  AF
InvoicePreview    alreadyInvoiced skipped coversFrom coversUntil dueOn total lines                  AF
PreviewLine       kind description quantity unitPrice amount                                        AF
BillingSettings   prorateFirstMonth taxRate taxNumerator taxDenominator taxRounding lateFee         AF   U
BillingSettings   lateFeeAfterDays companyName companyAddress companyPhone receiptFooter            AF   U
BillingSettings   massBlockPercent pauseAfterBlockedDays cashLimit cashLimitAction                         AF   U
BillingSettings   lookEveryMinutes driftAction paymentInstructions customerPromiseDays                AF   U
Event             id at actor user kind subject subjectId customer counter data                     AF   U
ServiceToken      id user name role counters active createdAt expiresAt lastUsedAt                       AF   U
"""
FRAMES: Final = """
SignInPayload token expiresAt refreshToken deviceToken me
RefreshSignInPayload token expiresAt refreshToken me
SignOutPayload signedOut
RevokeSignInPayload revoked
ChangePasswordPayload signedOut
CreateSubscriptionTicketPayload   ticket expiresAt
StartTotpPayload uri
ConfirmTotpPayload recoveryCodes
DisableTotpPayload disabled
UserPayload user
CreateUserPayload user oneTimePassword replayed
ResetPasswordPayload user oneTimePassword
CreateServiceTokenPayload serviceToken token
RevokeServiceTokenPayload serviceToken
CreateCounterPayload counter
UpdateCounterPayload counter
CreatePlanPayload plan
UpdatePlanPayload plan
CreateCustomerPayload customer
UpdateCustomerPayload customer
ChargePayload charge replayed
DiscountPayload discount replayed
SetBillingCyclePayload billingSchedule
SuspensionPayload customer billingSchedule
OpenPeriodPayload period
ClosePeriodPayload period
ReopenPeriodPayload period replayed
SettleDifferencePayload drawer replayed
GenerateInvoicesPayload run replayed
AbandonGenerationPayload run
RecordPaymentPayload payment replayed warnings
RecordPaymentsPayload results
ApplyCreditPayload customer replayed
HoldCreditPayload payment replayed
InvoiceCorrectionPayload invoice replayed
PaymentCorrectionPayload payment replayed
SubmitDepositPayload deposit replayed moreThanOnHand
DecideDepositPayload deposit replayed
UpdateBillingSettingsPayload settings
IspPicturePayload settings
DevicePayload device
ServiceAccessPayload access
ReadOnlinePayload sessions
AuditDevicePayload accounts online leaks
BlackoutDatePayload blackoutDate
IsolationHoldPayload hold
SetIsolationPolicyPayload policy customer warnings
ForgetIsolationPolicyPayload forgottenId policy customer
PromiseToPayPayload promise customer
CustomerIsolationPayload customer
BulkPayload results changed refused
PreviewImportPayload report fingerprint
ImportCustomersPayload report imported replayed
RunIsolationPayload blocked restored paused held hold
"""
"""What mutations answer, beside `errors`: for whoever may call them. What lies in it has lines above."""
_LIST: Final = ({"edges", "nodes", "pageInfo", "totalCount"}, {"node", "cursor"})
_ANYBODYS: Final = {"signIn", "refreshSignIn"}
_ENDS_THE_SIGN_IN: Final = {
    *_ANYBODYS, "signOut", "revokeSignIn", "revokeOtherSignIns", "changePassword", "startTotp", "confirmTotp", "disableTotp",
}  # fmt: skip


_LINE: Final = re.compile(r"(.*?) +(A[F ]?[Cc ]?[Kk ]?[T ]?U?)")


def _lines(table: str) -> Iterator[tuple[list[str], str]]:
    for line in table.strip().splitlines():
        if not line.startswith("#"):
            found = _LINE.fullmatch(line.rstrip())
            assert found is not None, line
            yield found[1].split(), found[2].replace(" ", "")


ROOT_TABLE: Final = {name: letters for names, letters in _lines(ROOTS) for name in names}
SUBSCRIPTION_TABLE: Final = {name: letters for names, letters in _lines(SUBSCRIPTIONS) for name in names}
FIELD_TABLE: Final = {(names[0], name): letters for names, letters in _lines(FIELDS) for name in names[1:]}
_OBJECTS: Final = {
    name: kind
    for name, kind in SCHEMA.type_map.items()
    if isinstance(kind, GraphQLObjectType) and not name.startswith("__") and name not in {"Query", "Mutation", "Subscription"}
}
_ROOTS: Final = [*SCHEMA.query_type.fields, *SCHEMA.mutation_type.fields]


def test_every_root_field_has_a_line() -> None:
    assert set(ROOT_TABLE) == set(_ROOTS)
    assert set(SUBSCRIPTION_TABLE) == set(SCHEMA.subscription_type.fields)
    for name, letters in SUBSCRIPTION_TABLE.items():
        assert {ROLES[LETTERS[letter]] for letter in letters.upper()} == RULES[snake(name)], name
    assert {name for name in _ROOTS if RULES[snake(name)] is ANYBODY} == _ANYBODYS


def test_every_field_of_every_type_has_a_line() -> None:
    frames = {one.split()[0]: {*one.split()[1:], "errors"} for one in FRAMES.strip().splitlines()}
    lists = [name for name in _OBJECTS if name.endswith(("Connection", "Edge"))]
    assert {name for name in _OBJECTS if name.endswith("Payload")} == set(frames)
    assert all(set(_OBJECTS[name].fields) in _LIST for name in lists)
    assert {name: set(_OBJECTS[name].fields) for name in frames} == frames
    fields = {(name, field) for name, kind in _OBJECTS.items() if name not in {*frames, *lists} for field in kind.fields}
    assert set(FIELD_TABLE) == fields


def _codes(answer: Any, root: str) -> set[str]:
    data = (answer.get("data") or {}).get(root)
    told = data.get("errors", []) if isinstance(data, dict) else []
    return {error["code"] for error in told} | {error["extensions"]["code"] for error in answer.get("errors", [])}


def _below(root: str) -> str:
    return "{ errors { code } }" if root in SCHEMA.mutation_type.fields else "{ __typename }"


@pytest.mark.parametrize("letter", LETTERS)
async def test_every_role_may_ask_for_exactly_what_the_table_says(world: World, letter: str) -> None:
    api, wrong = Api(world.isp.database), {}
    await api.sign_in(LETTERS[letter])
    connection = world.isp.database.connection  # type: ignore[attr-defined]
    for root in (one for one in _ROOTS if one not in _ENDS_THE_SIGN_IN):
        async with connection.begin_nested() as savepoint:
            codes = _codes(await api.raw(call(root, world.own, _below(root))), root)
            await savepoint.rollback()
        assert not codes & {"BAD_REQUEST", "INTERNAL", "UNAUTHENTICATED"}, (root, codes)
        if ("FORBIDDEN" in codes) == (letter in ROOT_TABLE[root].upper()):
            wrong[root] = codes
    assert wrong == {}
    assert ROLES[LETTERS[letter]] in Role


@pytest.mark.parametrize("letter", ["C", "K"])
async def test_another_counters_things_are_answered_as_if_they_were_not_there(world: World, letter: str) -> None:
    api = Api(world.isp.database)
    await api.sign_in(LETTERS[letter])
    connection = world.isp.database.connection  # type: ignore[attr-defined]
    for root in (one for one, letters in ROOT_TABLE.items() if letter.lower() in letters):
        is_mutation = root in SCHEMA.mutation_type.fields
        kind = get_named_type((SCHEMA.mutation_type if is_mutation else SCHEMA.query_type).fields[root].type)
        below = _errors(kind) if is_mutation else f"{{ {' '.join(leaves(kind)) or '__typename'} }}"
        answers = []
        for ids in (world.own, world.other, world.none):
            for optional in (False, True):
                document = call(root, ids, below, optional=optional)
                async with connection.begin_nested() as savepoint:
                    answer = str(await api.raw(document))
                    await savepoint.rollback()
                for noun, one in ids.items():  # what was asked for comes back in the message
                    answer = answer.replace(repr(one), f"<{noun}>").replace(f"'{one}'", f"<{noun}>")
                answers.append((document, answer))
        (_, own), (_, own_named), (asked, other), (_, other_named), (_, none), (_, none_named) = answers
        assert (other, other_named) == (none, none_named), asked
        assert marks(other) + marks(other_named) == []
        if answers[0][0] != asked or answers[1][0] != answers[3][0]:  # something of the counter is named at all
            assert (own, own_named) != (other, other_named), f"{root}: the own counter is refused too"


def _errors(kind: Any) -> str:
    """All errors of a payload, also those of its parts."""
    parts = [name for name, field in kind.fields.items() if "errors" in getattr(get_named_type(field.type), "fields", {})]
    told = "errors { code field message }"
    return f"{{ {told} {' '.join(f'{part} {{ {told} }}' for part in parts)} }}"


def _may_read(letter: str, type_name: str, name: str) -> bool:
    return letter in FIELD_TABLE.get((type_name, name), "AFCKTU")


def _ways(letter: str) -> dict[str, tuple[str, str, str]]:
    """For each type to which a root field comes that the role may ask for: this field, and what stands before and behind a selection
    in the type, on the shortest way, on which the fewest things may be missing."""
    ways: dict[str, tuple[int, str, list[str]]] = {}
    for root, letters in ROOT_TABLE.items():
        if letter not in letters.upper() or root in _ENDS_THE_SIGN_IN or root in SCHEMA.mutation_type.fields:
            continue
        waiting: deque[tuple[Any, list[str]]] = deque([(get_named_type(SCHEMA.query_type.fields[root].type), [])])
        seen: set[str] = set()
        while waiting:
            here, way = waiting.popleft()
            if here.name in seen:
                continue
            seen.add(here.name)
            if here.name not in ways or len(way) < ways[here.name][0]:
                ways[here.name] = (len(way), root, way)
            for name, field in here.fields.items() if len(way) <= 5 and hasattr(here, "fields") else ():
                below = get_named_type(field.type)
                if is_composite_type(below) and _may_read(letter, here.name, name):
                    waiting.append((below, [*way, name]))
    return {name: (root, "".join(f"{{ {one} " for one in way), " }" * len(way)) for name, (_, root, way) in ways.items()}


@pytest.mark.parametrize("letter", LETTERS)
async def test_every_role_reads_exactly_the_fields_that_the_table_says(world: World, letter: str) -> None:
    api, ways, wrong, asked = Api(world.isp.database), _ways(letter), [], 0
    await api.sign_in(LETTERS[letter])
    for type_name, kind in _OBJECTS.items():
        way = ways.get(type_name)
        if way is None:
            allowed = {name for name in kind.fields if letter in FIELD_TABLE.get((type_name, name), "")}
            # by mutations and subscriptions
            otherwise = type_name.startswith("Import") or type_name.endswith("Message") or type_name in {"OnlineSession", "Leak"}
            otherwise |= type_name in {"RecordedPayment", "BulkResult", "IsolationPolicyWarning", "UserError"}
            assert not allowed or otherwise, f"{letter} should read {type_name}, but there is no way to it"
            continue
        root, before, behind = way
        selections = {
            name: f"{name}{' { __typename }' if is_composite_type(get_named_type(field.type)) else ''}"
            for name, field in kind.fields.items()
        }
        asked += len(selections)
        # Together they are told apart by the errors' paths, unless a refusal reaches further up.
        answer = await api.raw(call(root, world.own, f"{before}{{ {' '.join(selections.values())} }}{behind}"))
        refused = {error["path"][-1] for error in answer.get("errors", [])}
        if _codes(answer, root) <= {"FORBIDDEN"} and refused == {name for name in selections if not _may_read(letter, type_name, name)}:
            continue
        for name, selection in selections.items():
            codes = _codes(await api.raw(call(root, world.own, f"{before}{{ {selection} }}{behind}")), root)
            if ("FORBIDDEN" in codes) == _may_read(letter, type_name, name) or codes - {"FORBIDDEN"}:
                wrong.append((type_name, name, codes))
    assert wrong == []
    assert asked > 60


async def test_a_field_is_refused_wherever_it_hides(world: World) -> None:
    api = Api(world.isp.database)
    await api.sign_in("teknisi")
    for document in (
        "{ customers { nodes { ...Money } } } fragment Money on Customer { code outstanding }",
        "{ customers { edges { node { ... on Customer { owed: outstanding } } } } }",
        "{ customers { nodes { ... { lastPayments { amount } } } } }",
        "{ customers { nodes { plan { price } } } }",
        "query($yes: Boolean = true) { customers { nodes { credit @include(if: $yes) } } }",
        "{ customers(filter: {owing: true}) { nodes { code } } }",
        "{ serviceAccesses { nodes { customer { openInvoices { total } } } } }",
    ):
        answer = await api.raw(document)
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}, document
        assert marks(str(answer)) == []
        assert not re.search(r"\d{5}", str(answer["data"])), document
    payload = await api.ask(call("blockCustomer", world.own, "{ customer { outstanding } errors { code } }"))
    assert payload == {"customer": None, "errors": [{"code": "FORBIDDEN"}]}
    assert await world.isp.value("SELECT count(*) FROM service_access WHERE manual") == 0, "a refused field refuses the deed"
    payload = await api.ask(call("blockCustomer", world.own, "{ customer { code phone } errors { code } }"))
    assert payload == {"customer": {"code": "OWN-1", "phone": "+6281234567890"}, "errors": []}
