"""What each error code means, as the schema and docs/errors.md say it (tests/test_docs.py compares them)."""

from typing import Final

import strawberry

from sebilling.error_codes import ErrorCode

ONLY_IN_THE_SHELL: Final = frozenset({ErrorCode.PORT_TAKEN, ErrorCode.INVALID_SETTING})
"""Codes that no client of the API meets."""
WHEN: Final = {
    ErrorCode.INVALID_AMOUNT: "An amount outside its bounds (1 to 10^12 rupiah for a payment).",
    ErrorCode.SUM_OUT_OF_RANGE: "Recorded amounts add up to more than 2^63 rupiah: some of them must be wrong.",
    ErrorCode.INVALID_DATE: "An invalid date, or a `collectedAt` ahead of the server's clock or too long ago.",
    ErrorCode.INVALID_ID: "Not an id that this API returned, or an id of another type.",
    ErrorCode.INVALID_MONTH: "Not YYYY-MM.",
    ErrorCode.INVALID_NUMBER: "A number outside its bounds, such as 0 or 500 months, or a discount of 150 %.",
    ErrorCode.INVALID_PROOF: "An upload that is not an accepted picture or PDF, or a transfer without a proof.",
    ErrorCode.INVALID_PICTURE: "An upload that is not an accepted logo or QRIS picture.",
    ErrorCode.INVALID_TEXT: (
        "A text that is empty, too long, with invisible characters, or in the wrong format; NUL in any argument is a top-level "
        "error, whose `field` names the argument."
    ),
    ErrorCode.NULL_REFUSED: ("Null for a field of an update: left out, it keeps its value; `clear` empties those that may be empty."),
    ErrorCode.INVALID_CURSOR: "A cursor of another list or another order.",
    ErrorCode.INVALID_FILE: "A file that can't be imported, or that isn't the one that was previewed.",
    ErrorCode.INVALID_PAGE_SIZE: "`first` outside 1 to 200 (`syncCustomers`: 1,000).",
    ErrorCode.LIMIT_EXCEEDED: ("The document or its variables exceed a limit; `extensions` has `limit` (its name), `given` and `most`."),
    ErrorCode.UNKNOWN_DOCUMENT: "Only trusted documents are answered and this is not one, or an unknown `documentId`.",
    ErrorCode.PERSISTED_QUERY_NOT_FOUND: (
        "This process doesn't know the hash of an automatic persisted query: send hash and query together (clients do it by themselves)."
    ),
    ErrorCode.NOT_FOUND: "It does not exist, or the caller may not see it.",
    ErrorCode.ALREADY_EXISTS: "A code, name or month that is taken.",
    ErrorCode.PERIOD_CLOSED: "Generating invoices for, or closing, a closed period.",
    ErrorCode.PERIOD_IS_OPEN: "Reopening a period that is open.",
    ErrorCode.PERIOD_INCOMPLETE: (
        "Closing an incomplete period: customers without an invoice, deposits that wait for verification, payments for paid "
        "invoices. `closingPreview` lists all of it; `closeIncomplete: true`, in the shell `sebilling period close MONTH "
        "--incomplete`, closes it anyway."
    ),
    ErrorCode.CONFIRM_PERIOD: (
        "Opening a period more than 2 months ahead or 12 months ago; send it again with `confirm: true`, in the shell "
        "`sebilling period open MONTH --confirm`, if it is right."
    ),
    ErrorCode.CONFIRM_DIFFERENCE: (
        "Verifying a deposit with a count that is off by more than a tenth and Rp50.000; send it again with `confirmDifference:"
        " true` if it is right."
    ),
    ErrorCode.NOT_VERIFIED: "Correcting the count of a deposit that waits for verification or was rejected.",
    ErrorCode.NOTHING_TO_SETTLE: "Settling more of a surplus or shortage than is open.",
    ErrorCode.GENERATION_RUNNING: "Closing a period, or moving a customer, during a generation run.",
    ErrorCode.GENERATION_ENDED: "Abandoning a run that is already finished or abandoned.",
    ErrorCode.PREVIEW_OUTDATED: "`generateInvoices` with the token of an outdated preview; the message has the figures then and now.",
    ErrorCode.IDEMPOTENCY_MISMATCH: "An idempotency key used again with another body.",
    ErrorCode.INVOICE_NOT_PAYABLE: "Naming an invoice that isn't the paying customer's.",
    ErrorCode.ALREADY_COVERED: (
        "A billing cycle that would begin on a day that is already invoiced or in a closed period; the message names the first "
        "possible date."
    ),
    ErrorCode.ALREADY_INVOICED: "Moving an installation date past days that an invoice already bills.",
    ErrorCode.ALREADY_PAUSED: "Pausing a customer on days on which they are paused already.",
    ErrorCode.NOT_PAUSED: "Resuming a customer who has no pause that could end.",
    ErrorCode.SERVICE_ENDED: (
        "Ending a service a second time, undoing it on or after its day, or restoring or pausing a customer whose service has ended."
    ),
    ErrorCode.SERVICE_NOT_ENDING: "Undoing an end of service that was not set.",
    ErrorCode.ALREADY_CORRECTED: (
        "Voiding, reversing, cancelling or ending something a second time, or correcting a count to the same amount."
    ),
    ErrorCode.ALREADY_DECIDED: "Verifying or rejecting a deposit a second time.",
    ErrorCode.CHARGE_BILLED: "Cancelling a charge that is on an invoice.",
    ErrorCode.PAYMENT_REFUNDED: "Reversing a payment that was partly or wholly refunded.",
    ErrorCode.NO_OPEN_PERIOD: "Voiding an invoice of a closed period while no later period is open.",
    ErrorCode.INVOICE_PAID: "Voiding an invoice with payments (unless they are released) or write-offs.",
    ErrorCode.NO_CREDIT: "Using more of a payment than it has left as credit.",
    ErrorCode.NOTHING_OWED: "Writing off, or applying credit to, more than is outstanding.",
    ErrorCode.ALREADY_HELD: "Holding the credit of a payment a second time.",
    ErrorCode.INSUFFICIENT_CASH: "Reversing or refunding cash that was already deposited.",
    ErrorCode.ARCHIVED: "Giving a customer a plan or counter that is archived.",
    ErrorCode.ALREADY_ARCHIVED: "Archiving what is archived, or bringing back what is not.",
    ErrorCode.COUNTER_IN_USE: "Archiving a counter that has active customers, or cash that is not deposited and verified.",
    ErrorCode.CASH_LIMIT_EXCEEDED: (
        "Recording new cash with which the receiver would hold more than the settings' `cashLimit`, if `cashLimitAction` is"
        " `REFUSE`; never for cash collected before (`collectedAt`)."
    ),
    ErrorCode.OWN_DEPOSIT: "Deciding about one's own deposit.",
    ErrorCode.NO_ACCESS: "Blocking or restoring a customer who has no service access that this would change.",
    ErrorCode.STILL_OVERDUE: "Restoring a customer who would be blocked again.",
    ErrorCode.DEVICE_BUSY: "Checking a device that a worker keeps busy.",
    ErrorCode.DEVICE_UNUSABLE: "Reading a device that does not answer now, or whose driver cannot do it.",
    ErrorCode.DEVICE_IN_USE: "Deleting a device that has customers.",
    ErrorCode.ACCESS_IN_USE: "Removing a service access that is blocked on its device, or correcting its key.",
    ErrorCode.SECRET_KEY_MISSING: (
        "Using a device whose settings were encrypted with a missing secret key, such as after a restore without it."
    ),
    ErrorCode.INVALID_DEVICE: "Settings that the driver rejects, or a driver that is not installed.",
    ErrorCode.SECRET_NEEDED: (
        "Changing where a device's secrets are sent, such as its host or fingerprint, without entering the secrets again."
    ),
    ErrorCode.ADDRESS_REFUSED: ("A device at a refused address: this machine's own, link-local, a cloud's metadata, SeBilling's database."),
    ErrorCode.UNAUTHENTICATED: "A missing or invalid token.",
    ErrorCode.WRONG_CREDENTIALS: "Wrong user name or password.",
    ErrorCode.TOO_MANY_ATTEMPTS: (
        "Too many failed sign-ins, from this address or for this account; the message names the seconds to wait."
    ),
    ErrorCode.CODE_NEEDED: "Signing in without a code where two-step sign-in is on.",
    ErrorCode.WRONG_CODE: "A code that is wrong, expired, or already used.",
    ErrorCode.PASSWORD_CHANGE_NEEDED: "Signing in with a one-time password without `newPassword`.",
    ErrorCode.OWN_ACCOUNT: ("Changing one's own role or active state, or resetting one's own password or two-step sign-in as an admin."),
    ErrorCode.LAST_ADMIN: "Disabling or demoting the last active ADMIN.",
    ErrorCode.TWO_STEP_STATE: ("Starting two-step sign-in when it is on, confirming it when it wasn't started, ending it when it is off."),
    ErrorCode.FORBIDDEN: "The caller's role does not allow it.",
    ErrorCode.TOO_MANY_REQUESTS: "Too many concurrent requests of this user (or of this address, if anonymous); HTTP 429.",
    ErrorCode.TOO_MANY_REPORTS: (
        "Too many concurrent report downloads of this user (the limit is one less than that of all users together); HTTP 429 "
        "with `Retry-After`."
    ),
    ErrorCode.REPORTS_BUSY: "`SEBILLING_REPORTS_AT_ONCE` reports are being created; HTTP 503 with `Retry-After`.",
    ErrorCode.LINK_IN_USE: "The report at this address is already being downloaded; HTTP 409 with `Retry-After`.",
    ErrorCode.CLOCK_WRONG: "Running isolation by the clock of a machine that is 30 s or more away from the database's.",
    ErrorCode.DEADLINE_EXCEEDED: "A query that took longer than `SEBILLING_DOCUMENT_SECONDS`; mutations are never stopped.",
    ErrorCode.INTERNAL: ("An unforeseen failure of the whole request, or of one payment in `recordPayments`; the log has the cause."),
    ErrorCode.DATABASE_UNAVAILABLE: "The database can't be reached.",
    ErrorCode.CONFLICT: ("`expectedVersion` is not the present version: somebody changed it meanwhile."),
    ErrorCode.BAD_REQUEST: "A request that isn't valid GraphQL over HTTP, or a document that doesn't fit the schema.",
}

strawberry.enum(ErrorCode, description="Stable error codes, in `errors` of payloads and in `extensions.code` of other errors.")
_definition = ErrorCode.__strawberry_definition__  # type: ignore[attr-defined]  # strawberry.enum has set it
_definition.values = [value for value in _definition.values if ErrorCode(value.value) not in ONLY_IN_THE_SHELL]
for _value in _definition.values:
    _value.description = WHEN.get(ErrorCode(_value.value), "")
