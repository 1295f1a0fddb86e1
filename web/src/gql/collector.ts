/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type DepositStatus =
  | 'REJECTED'
  | 'SUBMITTED'
  | 'VERIFIED';

export type DepositType =
  | 'MANUAL'
  | 'TRANSFER';

export type ErrorCode =
  | 'ACCESS_IN_USE'
  | 'ADDRESS_REFUSED'
  | 'ALREADY_ARCHIVED'
  | 'ALREADY_CORRECTED'
  | 'ALREADY_COVERED'
  | 'ALREADY_DECIDED'
  | 'ALREADY_EXISTS'
  | 'ALREADY_HELD'
  | 'ALREADY_INVOICED'
  | 'ALREADY_PAUSED'
  | 'ARCHIVED'
  | 'BAD_REQUEST'
  | 'CASH_LIMIT_EXCEEDED'
  | 'CHARGE_BILLED'
  | 'CLOCK_WRONG'
  | 'CODE_NEEDED'
  | 'CONFIRM_DIFFERENCE'
  | 'CONFIRM_PERIOD'
  | 'CONFLICT'
  | 'COUNTER_IN_USE'
  | 'DATABASE_UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'DEVICE_BUSY'
  | 'DEVICE_IN_USE'
  | 'DEVICE_UNUSABLE'
  | 'FORBIDDEN'
  | 'GENERATION_ENDED'
  | 'GENERATION_RUNNING'
  | 'IDEMPOTENCY_MISMATCH'
  | 'INSUFFICIENT_CASH'
  | 'INTERNAL'
  | 'INVALID_AMOUNT'
  | 'INVALID_CURSOR'
  | 'INVALID_DATE'
  | 'INVALID_DEVICE'
  | 'INVALID_FILE'
  | 'INVALID_ID'
  | 'INVALID_MONTH'
  | 'INVALID_NUMBER'
  | 'INVALID_PAGE_SIZE'
  | 'INVALID_PICTURE'
  | 'INVALID_PROOF'
  | 'INVALID_TEXT'
  | 'INVOICE_NOT_PAYABLE'
  | 'INVOICE_PAID'
  | 'LAST_ADMIN'
  | 'LIMIT_EXCEEDED'
  | 'LINK_IN_USE'
  | 'NOTHING_OWED'
  | 'NOTHING_TO_SETTLE'
  | 'NOT_FOUND'
  | 'NOT_PAUSED'
  | 'NOT_VERIFIED'
  | 'NO_ACCESS'
  | 'NO_CREDIT'
  | 'NO_OPEN_PERIOD'
  | 'NULL_REFUSED'
  | 'OWN_ACCOUNT'
  | 'OWN_DEPOSIT'
  | 'PASSWORD_CHANGE_NEEDED'
  | 'PAYMENT_REFUNDED'
  | 'PERIOD_CLOSED'
  | 'PERIOD_INCOMPLETE'
  | 'PERIOD_IS_OPEN'
  | 'PERSISTED_QUERY_NOT_FOUND'
  | 'PREVIEW_OUTDATED'
  | 'REPORTS_BUSY'
  | 'SECRET_KEY_MISSING'
  | 'SECRET_NEEDED'
  | 'SERVICE_ENDED'
  | 'SERVICE_NOT_ENDING'
  | 'STILL_OVERDUE'
  | 'SUM_OUT_OF_RANGE'
  | 'TOO_MANY_ATTEMPTS'
  | 'TOO_MANY_REPORTS'
  | 'TOO_MANY_REQUESTS'
  | 'TWO_STEP_STATE'
  | 'UNAUTHENTICATED'
  | 'UNKNOWN_DOCUMENT'
  | 'WRONG_CODE'
  | 'WRONG_CREDENTIALS';

export type PaymentMethod =
  | 'CASH'
  | 'OPENING'
  | 'OTHER'
  | 'QRIS'
  | 'TRANSFER';

export type PaymentWarningCode =
  | 'ALREADY_PAID'
  | 'FAR_MORE_THAN_OWED'
  | 'NOTHING_OWED'
  | 'OVER_CASH_LIMIT';

export type Permission =
  | 'ABANDON_GENERATION'
  | 'ADD_BLACKOUT_DATE'
  | 'ADD_CHARGE'
  | 'ADD_DISCOUNT'
  | 'APPLY_CREDIT'
  | 'ARCHIVE_COUNTER'
  | 'ARCHIVE_PLAN'
  | 'AUDIT_DEVICE'
  | 'BLOCK_CUSTOMER'
  | 'BLOCK_CUSTOMERS'
  | 'CANCEL_CHARGE'
  | 'CHANGE_PASSWORD'
  | 'CHANGE_PLAN_OF_CUSTOMERS'
  | 'CLOSE_PERIOD'
  | 'CONFIRM_TOTP'
  | 'CORRECT_DEPOSIT'
  | 'CREATE_COUNTER'
  | 'CREATE_CUSTOMER'
  | 'CREATE_DEVICE'
  | 'CREATE_PLAN'
  | 'CREATE_SERVICE_TOKEN'
  | 'CREATE_SUBSCRIPTION_TICKET'
  | 'CREATE_USER'
  | 'DECIDE_ISOLATION_HOLD'
  | 'DELETE_DEVICE'
  | 'DISABLE_TOTP'
  | 'END_DISCOUNT'
  | 'END_SERVICE'
  | 'FORGET_ISOLATION_POLICY'
  | 'GENERATE_INVOICES'
  | 'HOLD_CREDIT'
  | 'IMPORT_CUSTOMERS'
  | 'ISSUE_INVOICE'
  | 'MOVE_CUSTOMERS'
  | 'OPEN_PERIOD'
  | 'PAUSE_CUSTOMER'
  | 'PREVIEW_IMPORT'
  | 'PROMISE_TO_PAY'
  | 'READ_ONLINE'
  | 'RECORD_PAYMENT'
  | 'RECORD_PAYMENTS'
  | 'REFUND_CREDIT'
  | 'REJECT_DEPOSIT'
  | 'REMOVE_BLACKOUT_DATE'
  | 'REMOVE_ISP_PICTURE'
  | 'REMOVE_SERVICE_ACCESS'
  | 'REOPEN_PERIOD'
  | 'RESET_PASSWORD'
  | 'RESET_TOTP'
  | 'RESTORE_CUSTOMER'
  | 'RESTORE_CUSTOMERS'
  | 'RESUME_CUSTOMER'
  | 'RETRY_SERVICE_ACCESS'
  | 'REVERSE_PAYMENT'
  | 'REVERSE_REFUND'
  | 'REVERSE_SETTLEMENT'
  | 'REVERSE_WRITE_OFF'
  | 'REVOKE_OTHER_SIGN_INS'
  | 'REVOKE_SERVICE_TOKEN'
  | 'REVOKE_SIGN_IN'
  | 'RUN_ISOLATION'
  | 'SEE_BILLING_SCHEDULE'
  | 'SEE_BILLING_SETTINGS'
  | 'SEE_BLACKOUT_DATES'
  | 'SEE_CLOSING_PREVIEW'
  | 'SEE_COUNTER'
  | 'SEE_COUNTERS'
  | 'SEE_CUSTOMER'
  | 'SEE_CUSTOMERS'
  | 'SEE_CUSTOMER_COUNTS'
  | 'SEE_CUSTOMER_PAGE_LINK'
  | 'SEE_CUSTOMER_TIMELINE'
  | 'SEE_DASHBOARD'
  | 'SEE_DEPOSIT'
  | 'SEE_DEPOSITS'
  | 'SEE_DEPOSIT_CHANGED'
  | 'SEE_DEPOSIT_TOTALS'
  | 'SEE_DEVICE'
  | 'SEE_DEVICES'
  | 'SEE_DEVICE_CONFIG'
  | 'SEE_DRAWERS'
  | 'SEE_DRIVERS'
  | 'SEE_EVENTS'
  | 'SEE_GENERATION_PROGRESS'
  | 'SEE_GENERATION_RUN'
  | 'SEE_GENERATION_RUNS'
  | 'SEE_INVOICE'
  | 'SEE_INVOICES'
  | 'SEE_INVOICES_LINK'
  | 'SEE_INVOICE_LINK'
  | 'SEE_INVOICE_TOTALS'
  | 'SEE_ISOLATION_CHANGED'
  | 'SEE_ISOLATION_FORECAST'
  | 'SEE_ISOLATION_HOLDS'
  | 'SEE_ISOLATION_PLAN'
  | 'SEE_ISOLATION_POLICIES'
  | 'SEE_ME'
  | 'SEE_NODE'
  | 'SEE_NODES'
  | 'SEE_PAYMENT'
  | 'SEE_PAYMENTS'
  | 'SEE_PAYMENT_RECORDED'
  | 'SEE_PAYMENT_TOTALS'
  | 'SEE_PERIOD'
  | 'SEE_PERIODS'
  | 'SEE_PLAN'
  | 'SEE_PLANS'
  | 'SEE_PLUGINS'
  | 'SEE_PREVIEW_BILLING_CYCLE'
  | 'SEE_PREVIEW_BLOCK_CUSTOMERS'
  | 'SEE_PREVIEW_CHANGE_PLAN_OF_CUSTOMERS'
  | 'SEE_PREVIEW_END_OF_SERVICE'
  | 'SEE_PREVIEW_GENERATION'
  | 'SEE_PREVIEW_INVOICE'
  | 'SEE_PREVIEW_ISOLATION_POLICY'
  | 'SEE_PREVIEW_MOVE_CUSTOMERS'
  | 'SEE_PREVIEW_PAUSE'
  | 'SEE_PREVIEW_PAYMENT'
  | 'SEE_PREVIEW_RESTORE_CUSTOMERS'
  | 'SEE_PROMISES'
  | 'SEE_PROOF_LINK'
  | 'SEE_RECAP'
  | 'SEE_RECAP_CHANGED'
  | 'SEE_RECEIPT'
  | 'SEE_RECEIPT_LINK'
  | 'SEE_REPORT_LINK'
  | 'SEE_SERVICE_ACCESSES'
  | 'SEE_SERVICE_TOKENS'
  | 'SEE_SIGN_INS'
  | 'SEE_SKIPPED_CUSTOMERS'
  | 'SEE_SYNC_CUSTOMERS'
  | 'SEE_SYSTEM_STATUS'
  | 'SEE_TWO_STEP'
  | 'SEE_UNRESOLVED_MONEY'
  | 'SEE_USERS'
  | 'SETTLE_SHORTAGE'
  | 'SETTLE_SURPLUS'
  | 'SET_BILLING_CYCLE'
  | 'SET_ISOLATION_POLICY'
  | 'SET_ISP_PICTURE'
  | 'SET_SERVICE_ACCESS'
  | 'SIGN_OUT'
  | 'START_TOTP'
  | 'SUBMIT_DEPOSIT'
  | 'TEST_DEVICE'
  | 'UNARCHIVE_COUNTER'
  | 'UNARCHIVE_PLAN'
  | 'UNDO_END_OF_SERVICE'
  | 'UPDATE_BILLING_SETTINGS'
  | 'UPDATE_COUNTER'
  | 'UPDATE_CUSTOMER'
  | 'UPDATE_DEVICE'
  | 'UPDATE_PLAN'
  | 'UPDATE_SERVICE_ACCESS'
  | 'UPDATE_USER'
  | 'VERIFY_DEPOSIT'
  | 'VOID_INVOICE'
  | 'WRITE_OFF_INVOICE';

export type PromiseToPayInput = {
  customerId: string | number;
  reason: string;
  untilOn: string;
};

export type RecordPaymentInput = {
  amount: number;
  collectedAt?: string | null | undefined;
  counterId?: string | number | null | undefined;
  customerId: string | number;
  idempotencyKey: string;
  invoiceIds?: Array<string | number> | null | undefined;
  method?: PaymentMethod;
  note?: string;
};

export type RemovalReason =
  | 'INACTIVE'
  | 'MOVED';

export type Role =
  | 'ADMIN'
  | 'AUDITOR'
  | 'CLERK'
  | 'COLLECTOR'
  | 'FINANCE'
  | 'TECHNICIAN';

export type SignInInput = {
  code?: string | null | undefined;
  cookie?: boolean;
  device?: string | null | undefined;
  deviceToken?: string | null | undefined;
  newPassword?: string | null | undefined;
  password: string;
  refreshable?: boolean;
  username: string;
};

export type State =
  | 'ABSENT'
  | 'ACTIVE'
  | 'BLOCKED'
  | 'DRIFTED';

export type SubmitDepositInput = {
  amount: number;
  collectorId?: string | number | null | undefined;
  counterId: string | number;
  idempotencyKey: string;
  note?: string;
  proof?: File | null | undefined;
  type?: DepositType;
};

export type SurplusReason =
  | 'ALREADY_PAID'
  | 'IN_ADVANCE'
  | 'OVERPAID';

export type SignInMutationVariables = Exact<{
  username: string;
  password: string;
  device: string;
  code?: string | null | undefined;
  deviceToken?: string | null | undefined;
}>;


export type SignInMutation = { signIn: { token: string | null, expiresAt: string | null, refreshToken: string | null, deviceToken: string | null, me: { role: Role, permissions: Array<Permission>, user: { id: string, name: string }, counters: Array<{ id: string, code: string, name: string, timezone: string }> } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type RefreshMutationVariables = Exact<{
  refreshToken: string;
}>;


export type RefreshMutation = { refreshSignIn: { token: string | null, expiresAt: string | null, refreshToken: string | null, errors: Array<{ code: ErrorCode, message: string }> } };

export type SyncQueryVariables = Exact<{
  since?: string | null | undefined;
  counterId?: string | number | null | undefined;
}>;


export type SyncQuery = { syncCustomers: { reset: boolean, more: boolean, cursor: string, removed: Array<{ customerId: string, reason: RemovalReason }>, customers: Array<{ customerId: string, code: string, name: string, phone: string, address: string, counterId: string, planName: string, price: number, outstanding: number, credit: number, pageUrl: string | null, openInvoices: Array<{ invoiceId: string, number: string, coversFrom: string, coversUntil: string, dueOn: string, total: number, outstanding: number }> }> } | null };

export type SendMutationVariables = Exact<{
  payments: Array<RecordPaymentInput> | RecordPaymentInput;
}>;


export type SendMutation = { recordPayments: { results: Array<{ replayed: boolean, payment: { id: string, receiptNumber: string, amount: number, credit: number, surplusReason: SurplusReason | null, allocations: Array<{ amount: number, invoiceNumber: string }> } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> }> | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type PayMutationVariables = Exact<{
  input: RecordPaymentInput;
}>;


export type PayMutation = { recordPayment: { replayed: boolean, payment: { id: string, receiptNumber: string, amount: number, credit: number, surplusReason: SurplusReason | null, allocations: Array<{ amount: number, invoiceNumber: string }> } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type SendForReceiptsMutationVariables = Exact<{
  payments: Array<RecordPaymentInput> | RecordPaymentInput;
}>;


export type SendForReceiptsMutation = { recordPayments: { results: Array<{ replayed: boolean, payment: { id: string, receipt: { number: string, text32: string, whatsApp: string, link: { url: string } } } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> }> | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ReceiptQueryVariables = Exact<{
  paymentId: string | number;
}>;


export type ReceiptQuery = { receipt: { number: string, text32: string, text48: string, whatsApp: string } | null };

export type ReceiptPdfQueryVariables = Exact<{
  paymentId: string | number;
}>;


export type ReceiptPdfQuery = { receiptLink: { url: string, expiresAt: string } | null };

export type TakingsQueryVariables = Exact<{
  me: string | number;
}>;


export type TakingsQuery = { payments: { nodes: Array<{ id: string, receiptNumber: string, amount: number, method: PaymentMethod, receivedAt: string, customerCode: string, customerName: string }> } | null, paymentTotals: { count: number, amount: number, reversed: number, byMethod: Array<{ method: PaymentMethod, count: number, amount: number }> } | null, drawers: Array<{ id: string, received: number, deposited: number, waiting: number, onHand: number, counter: { id: string, code: string } }> | null };

export type PaymentRecordedSubscriptionVariables = Exact<{
  counterId?: string | number | null | undefined;
  after?: string | null | undefined;
}>;


export type PaymentRecordedSubscription = { paymentRecorded: { cursor: string, payment: { id: string, amount: number, receivedAt: string, customerCode: string, customerName: string } } };

export type IsolationChangedSubscriptionVariables = Exact<{
  counterId?: string | number | null | undefined;
  after?: string | null | undefined;
}>;


export type IsolationChangedSubscription = { isolationChanged: { cursor: string, kind: string, access: { id: string, key: string, desired: State, actual: State | null } } };

export type SignOutMutationVariables = Exact<{ [key: string]: never; }>;


export type SignOutMutation = { signOut: { signedOut: boolean, errors: Array<{ code: ErrorCode, message: string }> } };

export type CollectorMeQueryVariables = Exact<{ [key: string]: never; }>;


export type CollectorMeQuery = { me: { role: Role, permissions: Array<Permission>, cashLimit: number, user: { id: string, name: string }, counters: Array<{ id: string, code: string, name: string, timezone: string }> } | null };

export type CollectorStartQueryVariables = Exact<{ [key: string]: never; }>;


export type CollectorStartQuery = { me: { role: Role, permissions: Array<Permission>, cashLimit: number, user: { id: string, name: string }, counters: Array<{ id: string, code: string, name: string, timezone: string }> } | null, syncCustomers: { reset: boolean, more: boolean, cursor: string, removed: Array<{ customerId: string, reason: RemovalReason }>, customers: Array<{ customerId: string, code: string, name: string, phone: string, address: string, counterId: string, planName: string, price: number, outstanding: number, credit: number, pageUrl: string | null, openInvoices: Array<{ invoiceId: string, number: string, coversFrom: string, coversUntil: string, dueOn: string, total: number, outstanding: number }> }> } | null };

export type CollectorSignInMutationVariables = Exact<{
  input: SignInInput;
}>;


export type CollectorSignInMutation = { signIn: { expiresAt: string | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type SendOutboxMutationVariables = Exact<{
  payments: Array<RecordPaymentInput> | RecordPaymentInput;
}>;


export type SendOutboxMutation = { recordPayments: { results: Array<{ payment: { id: string, receiptNumber: string, amount: number, credit: number, surplusReason: SurplusReason | null, customer: { id: string, outstanding: number | null, credit: number | null } | null, allocations: Array<{ amount: number, invoiceNumber: string, invoice: { id: string, outstanding: number } | null }>, receipt: { text32: string, whatsApp: string } } | null, warnings: Array<{ code: PaymentWarningCode, text: string }>, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> }> | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type CollectorCashQueryVariables = Exact<{
  me: string | number;
}>;


export type CollectorCashQuery = { drawers: Array<{ id: string, received: number, deposited: number, waiting: number, onHand: number, counter: { id: string, code: string, name: string } }> | null, paymentTotals: { count: number, amount: number, byMethod: Array<{ method: PaymentMethod, count: number, amount: number }> } | null, deposits: { nodes: Array<{ id: string, amount: number, type: DepositType, status: DepositStatus, submittedAt: string, counted: number, difference: number, counter: { id: string, code: string }, decision: { reason: string } | null }> } | null };

export type CollectorDepositMutationVariables = Exact<{
  input: SubmitDepositInput;
}>;


export type CollectorDepositMutation = { submitDeposit: { deposit: { id: string, amount: number, status: DepositStatus } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type CollectorPromiseMutationVariables = Exact<{
  input: PromiseToPayInput;
}>;


export type CollectorPromiseMutation = { promiseToPay: { promise: { id: string, untilOn: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}

export const SignInDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SignIn($username: String!, $password: String!, $device: String!, $code: String, $deviceToken: String) {
  signIn(
    input: {username: $username, password: $password, code: $code, device: $device, deviceToken: $deviceToken, refreshable: true}
  ) {
    token
    expiresAt
    refreshToken
    deviceToken
    me {
      user {
        id
        name
      }
      role
      counters {
        id
        code
        name
        timezone
      }
      permissions
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SignInMutation, SignInMutationVariables>;
export const RefreshDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation Refresh($refreshToken: String!) {
  refreshSignIn(input: {refreshToken: $refreshToken}) {
    token
    expiresAt
    refreshToken
    errors {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RefreshMutation, RefreshMutationVariables>;
export const SyncDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Sync($since: String, $counterId: ID) {
  syncCustomers(since: $since, first: 500, counterId: $counterId) {
    reset
    more
    cursor
    removed {
      customerId
      reason
    }
    customers {
      customerId
      code
      name
      phone
      address
      counterId
      planName
      price
      outstanding
      credit
      pageUrl
      openInvoices {
        invoiceId
        number
        coversFrom
        coversUntil
        dueOn
        total
        outstanding
      }
    }
  }
}
    `) as unknown as TypedDocumentString<SyncQuery, SyncQueryVariables>;
export const SendDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation Send($payments: [RecordPaymentInput!]!) {
  recordPayments(input: {payments: $payments}) {
    results {
      payment {
        id
        receiptNumber
        amount
        credit
        surplusReason
        allocations {
          amount
          invoiceNumber
        }
      }
      replayed
      errors {
        code
        message
        field
      }
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SendMutation, SendMutationVariables>;
export const PayDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation Pay($input: RecordPaymentInput!) {
  recordPayment(input: $input) {
    payment {
      id
      receiptNumber
      amount
      credit
      surplusReason
      allocations {
        amount
        invoiceNumber
      }
    }
    replayed
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<PayMutation, PayMutationVariables>;
export const SendForReceiptsDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SendForReceipts($payments: [RecordPaymentInput!]!) {
  recordPayments(input: {payments: $payments}) {
    results {
      payment {
        id
        receipt {
          number
          text32
          whatsApp
          link(paper: MM58) {
            url
          }
        }
      }
      replayed
      errors {
        code
        message
        field
      }
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SendForReceiptsMutation, SendForReceiptsMutationVariables>;
export const ReceiptDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Receipt($paymentId: ID!) {
  receipt(paymentId: $paymentId) {
    number
    text32
    text48
    whatsApp
  }
}
    `) as unknown as TypedDocumentString<ReceiptQuery, ReceiptQueryVariables>;
export const ReceiptPdfDocument = /*#__PURE__*/ new TypedDocumentString(`
    query ReceiptPdf($paymentId: ID!) {
  receiptLink(paymentId: $paymentId, paper: MM58) {
    url
    expiresAt
  }
}
    `) as unknown as TypedDocumentString<ReceiptPdfQuery, ReceiptPdfQueryVariables>;
export const TakingsDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Takings($me: ID!) {
  payments(first: 200, filter: {takings: SINCE_DEPOSIT}) {
    nodes {
      id
      receiptNumber
      amount
      method
      receivedAt
      customerCode
      customerName
    }
  }
  paymentTotals(filter: {takings: TODAY}) {
    count
    amount
    reversed
    byMethod {
      method
      count
      amount
    }
  }
  drawers(collectorId: $me) {
    id
    counter {
      id
      code
    }
    received
    deposited
    waiting
    onHand
  }
}
    `) as unknown as TypedDocumentString<TakingsQuery, TakingsQueryVariables>;
export const PaymentRecordedDocument = /*#__PURE__*/ new TypedDocumentString(`
    subscription PaymentRecorded($counterId: ID, $after: String) {
  paymentRecorded(counterId: $counterId, after: $after) {
    cursor
    payment {
      id
      amount
      receivedAt
      customerCode
      customerName
    }
  }
}
    `) as unknown as TypedDocumentString<PaymentRecordedSubscription, PaymentRecordedSubscriptionVariables>;
export const IsolationChangedDocument = /*#__PURE__*/ new TypedDocumentString(`
    subscription IsolationChanged($counterId: ID, $after: String) {
  isolationChanged(counterId: $counterId, after: $after) {
    cursor
    kind
    access {
      id
      key
      desired
      actual
    }
  }
}
    `) as unknown as TypedDocumentString<IsolationChangedSubscription, IsolationChangedSubscriptionVariables>;
export const SignOutDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SignOut {
  signOut {
    signedOut
    errors {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SignOutMutation, SignOutMutationVariables>;
export const CollectorMeDocument = /*#__PURE__*/ new TypedDocumentString(`
    query CollectorMe {
  me {
    user {
      id
      name
    }
    role
    counters {
      id
      code
      name
      timezone
    }
    permissions
    cashLimit
  }
}
    `) as unknown as TypedDocumentString<CollectorMeQuery, CollectorMeQueryVariables>;
export const CollectorStartDocument = /*#__PURE__*/ new TypedDocumentString(`
    query CollectorStart {
  me {
    user {
      id
      name
    }
    role
    counters {
      id
      code
      name
      timezone
    }
    permissions
    cashLimit
  }
  syncCustomers(first: 100) {
    reset
    more
    cursor
    removed {
      customerId
      reason
    }
    customers {
      customerId
      code
      name
      phone
      address
      counterId
      planName
      price
      outstanding
      credit
      pageUrl
      openInvoices {
        invoiceId
        number
        coversFrom
        coversUntil
        dueOn
        total
        outstanding
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CollectorStartQuery, CollectorStartQueryVariables>;
export const CollectorSignInDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CollectorSignIn($input: SignInInput!) {
  signIn(input: $input) {
    expiresAt
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<CollectorSignInMutation, CollectorSignInMutationVariables>;
export const SendOutboxDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SendOutbox($payments: [RecordPaymentInput!]!) {
  recordPayments(input: {payments: $payments}) {
    results {
      payment {
        id
        receiptNumber
        amount
        credit
        surplusReason
        customer {
          id
          outstanding
          credit
        }
        allocations {
          amount
          invoiceNumber
          invoice {
            id
            outstanding
          }
        }
        receipt {
          text32
          whatsApp
        }
      }
      warnings {
        code
        text
      }
      errors {
        code
        message
        field
      }
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SendOutboxMutation, SendOutboxMutationVariables>;
export const CollectorCashDocument = /*#__PURE__*/ new TypedDocumentString(`
    query CollectorCash($me: ID!) {
  drawers(collectorId: $me) {
    id
    counter {
      id
      code
      name
    }
    received
    deposited
    waiting
    onHand
  }
  paymentTotals(filter: {takings: TODAY}) {
    count
    amount
    byMethod {
      method
      count
      amount
    }
  }
  deposits(first: 10, filter: {collectorId: $me}) {
    nodes {
      id
      amount
      type
      status
      submittedAt
      counted
      difference
      counter {
        id
        code
      }
      decision {
        reason
      }
    }
  }
}
    `) as unknown as TypedDocumentString<CollectorCashQuery, CollectorCashQueryVariables>;
export const CollectorDepositDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CollectorDeposit($input: SubmitDepositInput!) {
  submitDeposit(input: $input) {
    deposit {
      id
      amount
      status
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<CollectorDepositMutation, CollectorDepositMutationVariables>;
export const CollectorPromiseDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CollectorPromise($input: PromiseToPayInput!) {
  promiseToPay(input: $input) {
    promise {
      id
      untilOn
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<CollectorPromiseMutation, CollectorPromiseMutationVariables>;