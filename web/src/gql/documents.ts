/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type AbandonGenerationInput = {
  reason: string;
  runId: string | number;
};

export type AddBlackoutDateInput = {
  day: string;
  reason: string;
};

export type AddChargeInput = {
  amount: number;
  customerId: string | number;
  description: string;
  idempotencyKey: string;
  kind: ChargeKind;
};

export type AddDiscountInput = {
  description: string;
  fromOn: string;
  idempotencyKey: string;
  reduction: DiscountReduction;
  target: DiscountTarget;
  untilOn?: string | null | undefined;
};

export type ApplyCreditInput = {
  customerId: string | number;
  idempotencyKey: string;
  invoiceId?: string | number | null | undefined;
};

export type AttentionKind =
  | 'DEPOSITS_TO_VERIFY'
  | 'DEVICES_AWAY'
  | 'HOLDS'
  | 'OUT_OF_SYNC'
  | 'PERIODS_NOT_GENERATED'
  | 'PERIOD_NOT_OPEN'
  | 'UNRESOLVED_MONEY';

export type BlockCustomerInput = {
  customerId: string | number;
  reason: string;
};

export type BlockCustomersInput = {
  customerIds: Array<string | number>;
  idempotencyKey: string;
  reason: string;
};

export type BlockReasonCode =
  | 'BY_HAND'
  | 'ENDED'
  | 'OVERDUE';

export type CancelChargeInput = {
  id: string | number;
  reason: string;
};

export type CashLimitAction =
  | 'REFUSE'
  | 'WARN';

export type ChangePasswordInput = {
  newPassword: string;
  oldPassword: string;
};

export type ChangePlanOfCustomersInput = {
  customerIds: Array<string | number>;
  idempotencyKey: string;
  planId: string | number;
};

export type ChargeKind =
  | 'CABLE'
  | 'DEVICE'
  | 'INSTALLATION'
  | 'LATE_FEE'
  | 'OTHER';

export type ClearableField =
  | 'DUE_DAY'
  | 'PPPOE_NAME'
  | 'PRICE';

export type ClosePeriodInput = {
  closeIncomplete?: boolean;
  month: string;
};

export type ConfirmTotpInput = {
  code: string;
};

export type CounterIdInput = {
  id: string | number;
};

export type CreateCounterInput = {
  code: string;
  dueDay?: number;
  name: string;
  timezone?: string;
};

export type CreateCustomerInput = {
  active?: boolean;
  address?: string;
  code: string;
  counterId: string | number;
  dueDay?: number | null | undefined;
  installedOn: string;
  name: string;
  phone?: string;
  planId: string | number;
  pppoeName?: string | null | undefined;
  price?: number | null | undefined;
};

export type CreateDeviceInput = {
  config: unknown;
  kind: string;
  name: string;
};

export type CreatePlanInput = {
  name: string;
  price: number;
  rateDownKbps?: number | null | undefined;
  rateUpKbps?: number | null | undefined;
};

export type CreateUserInput = {
  counterIds?: Array<string | number>;
  idempotencyKey: string;
  name: string;
  role: Role;
  username: string;
};

export type CustomerFilter = {
  active?: boolean | null | undefined;
  blocked?: boolean | null | undefined;
  counterIds?: Array<string | number> | null | undefined;
  installedFrom?: string | null | undefined;
  installedUntil?: string | null | undefined;
  owing?: boolean | null | undefined;
  planIds?: Array<string | number> | null | undefined;
  promised?: boolean | null | undefined;
  search?: string | null | undefined;
  toBeBlocked?: boolean | null | undefined;
  withoutDevice?: boolean | null | undefined;
};

export type CustomerOrder =
  | 'CODE'
  | 'INSTALLED'
  | 'NAME'
  | 'NEWEST'
  | 'OUTSTANDING';

export type DebtAge =
  | 'FROM_31_TO_60'
  | 'FROM_61_TO_90'
  | 'NOT_DUE'
  | 'OVER_90'
  | 'UP_TO_30';

export type DecideIsolationHoldInput = {
  approved: boolean;
  id: string | number;
};

export type DepositFilter = {
  collectorId?: string | number | null | undefined;
  counterIds?: Array<string | number> | null | undefined;
  depositedFrom?: string | null | undefined;
  depositedUntil?: string | null | undefined;
  statuses?: Array<DepositStatus> | null | undefined;
  type?: DepositType | null | undefined;
  unsettled?: boolean | null | undefined;
  withDifference?: boolean | null | undefined;
};

export type DepositStatus =
  | 'REJECTED'
  | 'SUBMITTED'
  | 'VERIFIED';

export type DepositType =
  | 'MANUAL'
  | 'TRANSFER';

export type DeviceIdInput = {
  id: string | number;
};

export type DisableTotpInput = {
  code: string;
  password: string;
};

export type DiscountReduction =
  {   amount: number; percent?: never; }
  |  { amount?: never;   percent: string; };

export type DiscountTarget =
  {   customerId: string | number; planId?: never; }
  |  { customerId?: never;   planId: string | number; };

export type DriftAction =
  | 'ENFORCE'
  | 'REAPPLY_BLOCKS'
  | 'REPORT';

export type EndDiscountInput = {
  id: string | number;
  untilOn: string;
};

export type EndServiceInput = {
  customerId: string | number;
  on: string;
  reason: string;
};

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

export type EventFilter = {
  actor?: string | null | undefined;
  actorId?: string | number | null | undefined;
  counterId?: string | number | null | undefined;
  customerId?: string | number | null | undefined;
  kind?: string | null | undefined;
  kinds?: Array<string> | null | undefined;
  since?: string | null | undefined;
  subject?: string | null | undefined;
  subjectId?: string | number | null | undefined;
  until?: string | null | undefined;
};

export type ForgetIsolationPolicyInput = {
  counterId?: string | number | null | undefined;
  customerId?: string | number | null | undefined;
};

export type GapReason =
  | 'DEPOSITS_WAITING'
  | 'GENERATION_RUNNING'
  | 'MONEY_UNRESOLVED'
  | 'NOT_INVOICED';

export type GenerateInvoicesInput = {
  counterIds?: Array<string | number> | null | undefined;
  idempotencyKey: string;
  month: string;
  previewToken?: string | null | undefined;
};

export type GenerationStatus =
  | 'ABANDONED'
  | 'FAILING'
  | 'FINISHED'
  | 'RUNNING';

export type HoldCreditInput = {
  idempotencyKey: string;
  paymentId: string | number;
  reason: string;
};

export type ImportColumnInput = {
  field?: ImportField | null | undefined;
  heading: string;
};

export type ImportField =
  | 'ACTIVE'
  | 'ADDRESS'
  | 'ARREARS'
  | 'CODE'
  | 'COUNTER'
  | 'CREDIT'
  | 'CYCLE_MONTHS'
  | 'DUE_ON'
  | 'INSTALLED_ON'
  | 'NAME'
  | 'PAID_UNTIL'
  | 'PHONE'
  | 'PLAN'
  | 'PPPOE_NAME'
  | 'PRICE';

export type ImportOptions = {
  columns?: Array<ImportColumnInput>;
  createMissing?: boolean;
  ignoreUnknown?: boolean;
  month?: string | null | undefined;
  sheet?: string | null | undefined;
};

export type InvoiceFilter = {
  counterIds?: Array<string | number> | null | undefined;
  customerId?: string | number | null | undefined;
  dueFrom?: string | null | undefined;
  dueUntil?: string | null | undefined;
  month?: string | null | undefined;
  number?: string | null | undefined;
  overdue?: boolean | null | undefined;
  planId?: string | number | null | undefined;
  search?: string | null | undefined;
  statuses?: Array<InvoiceStatus> | null | undefined;
};

export type InvoiceOrder =
  | 'DUE'
  | 'NEWEST'
  | 'NUMBER'
  | 'OLDEST';

export type InvoiceStatus =
  | 'OPEN'
  | 'PAID'
  | 'PARTLY_PAID'
  | 'VOID'
  | 'WRITTEN_OFF';

export type IsolationMode =
  | 'FROM_DUE_DATE'
  | 'FROM_INSTALL_DATE'
  | 'FROM_INVOICE'
  | 'MANUAL';

export type LeakKind =
  | 'DOUBLE_LOGIN'
  | 'ENDED'
  | 'FASTER_THAN_SOLD'
  | 'NOT_A_CUSTOMER'
  | 'UNPAID';

export type Level =
  | 'BAD'
  | 'GOOD'
  | 'WARNING';

export type LineKind =
  | 'CHARGE'
  | 'DISCOUNT'
  | 'LATE_FEE'
  | 'OPENING'
  | 'PRORATION'
  | 'SUBSCRIPTION'
  | 'TAX';

export type MoveCustomersInput = {
  counterId: string | number;
  customerIds: Array<string | number>;
  idempotencyKey: string;
};

export type OpenPeriodInput = {
  confirm?: boolean;
  month: string;
};

export type PasswordInput = {
  password: string;
};

export type PauseCustomerInput = {
  customerId: string | number;
  fromOn: string;
  reason: string;
  untilOn?: string | null | undefined;
};

export type PaymentFilter = {
  counterIds?: Array<string | number> | null | undefined;
  customerId?: string | number | null | undefined;
  methods?: Array<PaymentMethod> | null | undefined;
  receiptNumber?: string | null | undefined;
  receivedFrom?: string | null | undefined;
  receivedUntil?: string | null | undefined;
  receiverId?: string | number | null | undefined;
  reversed?: boolean | null | undefined;
  search?: string | null | undefined;
  surplusReason?: SurplusReason | null | undefined;
  takings?: Takings | null | undefined;
};

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

export type PeriodStatus =
  | 'CLOSED'
  | 'OPEN';

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

export type PictureKind =
  | 'LOGO'
  | 'QRIS';

export type PluginStatus =
  | 'ACTIVE'
  | 'DISABLED'
  | 'FAILED';

export type PolicyOrigin =
  | 'COUNTER'
  | 'CUSTOMER'
  | 'ISP';

export type PolicyWarningCode =
  | 'BLOCKED_BEFORE_OVERDUE';

export type PromiseFilter = {
  agreedById?: string | number | null | undefined;
  counterIds?: Array<string | number> | null | undefined;
  customerId?: string | number | null | undefined;
  search?: string | null | undefined;
  states?: Array<PromiseState> | null | undefined;
  untilFrom?: string | null | undefined;
  untilUntil?: string | null | undefined;
};

export type PromiseState =
  | 'BROKEN'
  | 'KEPT'
  | 'OPEN'
  | 'REPLACED';

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

export type RefundCreditInput = {
  amount?: number | null | undefined;
  collectorId?: string | number | null | undefined;
  idempotencyKey: string;
  method: PaymentMethod;
  paymentId: string | number;
  reason: string;
};

export type RejectDepositInput = {
  depositId: string | number;
  idempotencyKey: string;
  reason: string;
};

export type RemoveBlackoutDateInput = {
  day: string;
};

export type RemoveServiceAccessInput = {
  force?: boolean;
  id: string | number;
};

export type ReopenPeriodInput = {
  idempotencyKey: string;
  month: string;
  reason: string;
};

export type Report =
  | 'DEPOSITS'
  | 'INVOICES'
  | 'JOURNAL'
  | 'PAYMENTS'
  | 'RECAP';

export type ReportFormat =
  | 'CSV'
  | 'XLSX';

export type ResumeCustomerInput = {
  customerId: string | number;
  on?: string | null | undefined;
};

export type RetryServiceAccessInput = {
  id: string | number;
  reclaim?: boolean;
};

export type ReversePaymentInput = {
  idempotencyKey: string;
  paymentId: string | number;
  reason: string;
};

export type ReverseRefundInput = {
  idempotencyKey: string;
  paymentId: string | number;
  reason: string;
  refundId: string | number;
};

export type ReverseWriteOffInput = {
  idempotencyKey: string;
  invoiceId: string | number;
  reason: string;
  writeOffId: string | number;
};

export type RevokeSignInInput = {
  id: string | number;
};

export type Role =
  | 'ADMIN'
  | 'AUDITOR'
  | 'CLERK'
  | 'COLLECTOR'
  | 'FINANCE'
  | 'TECHNICIAN';

export type SetBillingCycleInput = {
  customerId: string | number;
  effectiveFrom: string;
  months: number;
};

export type SetIsolationPolicyInput = {
  counterId?: string | number | null | undefined;
  customerId?: string | number | null | undefined;
  days?: number;
  minimum?: number;
  mode?: IsolationMode;
};

export type SetServiceAccessInput = {
  customerId: string | number;
  deviceId: string | number;
  key: string;
  serviceKind: string;
};

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

export type SignInKind =
  | 'COOKIE'
  | 'REFRESHABLE'
  | 'SERVICE'
  | 'TOKEN';

export type SkipReason =
  | 'COVERED_BY_CYCLE'
  | 'INACTIVE'
  | 'NOT_INSTALLED_YET'
  | 'PAUSED'
  | 'SERVICE_ENDED'
  | 'ZERO_AMOUNT';

export type Source =
  | 'GIVEN'
  | 'HEADING'
  | 'REMEMBERED';

export type State =
  | 'ABSENT'
  | 'ACTIVE'
  | 'BLOCKED'
  | 'DRIFTED';

export type StatusPart =
  | 'BACKUP'
  | 'CLOCK'
  | 'DATABASE'
  | 'DEVICES'
  | 'DISK'
  | 'FEED'
  | 'GENERATION'
  | 'ISOLATION'
  | 'PLUGINS'
  | 'WORKERS';

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

export type SuspensionKind =
  | 'BLOCKED'
  | 'ENDED'
  | 'PAUSED';

export type Takings =
  | 'SINCE_DEPOSIT'
  | 'TODAY';

export type TaxRounding =
  | 'DOWN'
  | 'HALF_UP';

export type TimelineKind =
  | 'ACCESS_ASSIGNED'
  | 'ACCESS_CORRECTED'
  | 'ACCESS_REMOVED'
  | 'ACCESS_RETRIED'
  | 'BILLING_CYCLE_SET'
  | 'BLOCKED'
  | 'BLOCK_DECIDED'
  | 'CHARGE_ADDED'
  | 'CHARGE_CANCELLED'
  | 'CREDIT_APPLIED'
  | 'CREDIT_HELD'
  | 'CREDIT_REFUNDED'
  | 'CUSTOMER_CHANGED'
  | 'CUSTOMER_CREATED'
  | 'DISCOUNT_ADDED'
  | 'DRIFT_FOUND'
  | 'END_OF_SERVICE_SET'
  | 'END_OF_SERVICE_UNDONE'
  | 'INVOICE_ISSUED'
  | 'INVOICE_VOIDED'
  | 'ISOLATION_FAILED'
  | 'LATE_FEE_CANCELLED'
  | 'LEFT_BLOCKED'
  | 'OPENING_RECORDED'
  | 'PAUSED'
  | 'PAYMENT_RECORDED'
  | 'PAYMENT_REVERSED'
  | 'POLICY_FORGOTTEN'
  | 'POLICY_SET'
  | 'PROMISED'
  | 'REFUND_REVERSED'
  | 'RESTORED'
  | 'RESTORE_DECIDED'
  | 'RESUMED'
  | 'SPEED_GIVEN'
  | 'WRITE_OFF_REVERSED'
  | 'WRITTEN_OFF';

export type UndoEndOfServiceInput = {
  customerId: string | number;
};

export type UpcomingBlockFilter = {
  counterIds?: Array<string | number> | null | undefined;
  search?: string | null | undefined;
};

export type UpdateBillingSettingsInput = {
  cashLimit?: number | null | undefined;
  cashLimitAction?: CashLimitAction | null | undefined;
  companyAddress?: string | null | undefined;
  companyName?: string | null | undefined;
  companyPhone?: string | null | undefined;
  customerPromiseDays?: number | null | undefined;
  driftAction?: DriftAction | null | undefined;
  expectedVersion?: number | null | undefined;
  lateFee?: number | null | undefined;
  lateFeeAfterDays?: number | null | undefined;
  lookEveryMinutes?: number | null | undefined;
  massBlockPercent?: number | null | undefined;
  pauseAfterBlockedDays?: number | null | undefined;
  paymentInstructions?: string | null | undefined;
  prorateFirstMonth?: boolean | null | undefined;
  receiptFooter?: string | null | undefined;
  taxDenominator?: number | null | undefined;
  taxNumerator?: number | null | undefined;
  taxRate?: string | null | undefined;
  taxRounding?: TaxRounding | null | undefined;
};

export type UpdateCounterInput = {
  dueDay?: number | null | undefined;
  id: string | number;
  name?: string | null | undefined;
};

export type UpdateCustomerInput = {
  active?: boolean | null | undefined;
  address?: string | null | undefined;
  clear?: Array<ClearableField>;
  counterId?: string | number | null | undefined;
  dueDay?: number | null | undefined;
  expectedVersion?: number | null | undefined;
  id: string | number;
  installedOn?: string | null | undefined;
  name?: string | null | undefined;
  phone?: string | null | undefined;
  planId?: string | number | null | undefined;
  pppoeName?: string | null | undefined;
  price?: number | null | undefined;
};

export type UpdateDeviceInput = {
  config?: unknown;
  enabled?: boolean | null | undefined;
  expectedVersion?: number | null | undefined;
  id: string | number;
  name?: string | null | undefined;
};

export type UpdatePlanInput = {
  expectedVersion?: number | null | undefined;
  id: string | number;
  name?: string | null | undefined;
  price?: number | null | undefined;
  rateDownKbps?: number | null | undefined;
  rateUpKbps?: number | null | undefined;
};

export type UpdateUserInput = {
  active?: boolean | null | undefined;
  counterIds?: Array<string | number> | null | undefined;
  expectedVersion?: number | null | undefined;
  id: string | number;
  name?: string | null | undefined;
  role?: Role | null | undefined;
};

export type UserIdInput = {
  id: string | number;
};

export type VerifyDepositInput = {
  confirmDifference?: boolean;
  counted?: number | null | undefined;
  depositId: string | number;
  idempotencyKey: string;
  note?: string;
};

export type VoidInvoiceInput = {
  idempotencyKey: string;
  invoiceId: string | number;
  reason: string;
  releasePayments?: boolean;
};

export type WriteOffInvoiceInput = {
  amount?: number | null | undefined;
  idempotencyKey: string;
  invoiceId: string | number;
  reason: string;
};

export type WriteOffKind =
  | 'BAD_DEBT'
  | 'LATE_FEE';

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { me: { username: string, role: Role, permissions: Array<Permission>, user: { id: string, name: string }, counters: Array<{ id: string, code: string, name: string, timezone: string }> } | null };

export type SignInByCookieMutationVariables = Exact<{
  input: SignInInput;
}>;


export type SignInByCookieMutation = { signIn: { expiresAt: string | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type EndSignInMutationVariables = Exact<{ [key: string]: never; }>;


export type EndSignInMutation = { signOut: { signedOut: boolean, errors: Array<{ code: ErrorCode, message: string }> } };

export type DashboardQueryVariables = Exact<{ [key: string]: never; }>;


export type DashboardQuery = { dashboard: { cursor: string, total: { receivedToday: number, paymentsToday: number, receivedThisMonth: number, paymentsThisMonth: number, billedThisMonth: number, outstanding: number, cashOnHand: number, blockedCustomers: number }, counters: Array<{ id: string, day: string, month: string, receivedToday: number, paymentsToday: number, receivedThisMonth: number, billedThisMonth: number, outstanding: number, cashOnHand: number, blockedCustomers: number, counter: { id: string, code: string, name: string } }>, months: Array<{ month: string, billed: number, received: number, outstanding: number }>, methods: Array<{ method: PaymentMethod, payments: number, received: number }>, debts: Array<{ age: DebtAge, invoices: number, customers: number, amount: number }>, attention: Array<{ kind: AttentionKind, count: number, amount: number | null, list: string }> } | null };

export type FollowPaymentsSubscriptionVariables = Exact<{
  after?: string | null | undefined;
}>;


export type FollowPaymentsSubscription = { paymentRecorded: { cursor: string, payment: { id: string, amount: number, customerName: string, counter: { id: string, name: string } } } };

export type FeedQueryVariables = Exact<{
  kinds?: Array<string> | string | null | undefined;
}>;


export type FeedQuery = { events: { nodes: Array<{ id: string, at: string, kind: string, data: unknown, user: { id: string, name: string } | null, customer: { id: string, name: string } | null, counter: { id: string, code: string } | null }> } | null };

export type FollowEventsSubscriptionVariables = Exact<{
  kinds?: Array<string> | string | null | undefined;
  after?: string | null | undefined;
}>;


export type FollowEventsSubscription = { events: { cursor: string, event: { id: string, kind: string } } };

export type SearchQueryVariables = Exact<{
  words: string;
  money: boolean;
}>;


export type SearchQuery = { customers: { nodes: Array<{ id: string, code: string, name: string, counter: { id: string, code: string } }> } | null, invoices?: { nodes: Array<{ id: string, number: string, period: { id: string, month: string }, customer: { id: string, name: string } | null }> } | null, payments?: { nodes: Array<{ id: string, receiptNumber: string, customer: { id: string, name: string } | null }> } | null };

export type PeriodsQueryVariables = Exact<{
  after?: string | null | undefined;
}>;


export type PeriodsQuery = { periods: { nodes: Array<{ id: string, month: string, status: PeriodStatus, openedAt: string, closedAt: string | null, totals: { invoices: number, billed: number, allocated: number, writtenOff: number, outstanding: number, paidShare: string | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type PeriodQueryVariables = Exact<{
  month: string;
}>;


export type PeriodQuery = { period: { id: string, month: string, status: PeriodStatus, openedAt: string, closedAt: string | null, totals: { invoices: number, billed: number, allocated: number, writtenOff: number, outstanding: number, paidShare: string | null }, runs: Array<{ id: string, status: GenerationStatus, issued: number, alreadyInvoiced: number, skippedCount: number, totalAmount: number, startedAt: string, finishedAt: string | null, nextAttemptAt: string | null, errorReference: string | null, abandonReason: string | null }> | null, closings: Array<{ closedAt: string, incomplete: boolean, closedBy: { id: string, name: string } | null, reopening: { reopenedAt: string, reason: string, reopenedBy: { id: string, name: string } | null } | null }> } | null, recap: Array<{ id: string, notInvoiced: number | null, invoices: number, totalBilled: number, allocated: number, writtenOff: number, outstanding: number, payments: number, totalReceived: number, credit: number, totalDeposited: number, difference: number, awaitingVerification: number, cashOnHand: number, counter: { id: string, code: string, name: string }, asOfClosing: { totalBilled: number, outstanding: number, totalReceived: number } | null, since: { totalBilled: number, outstanding: number, totalReceived: number } | null }> | null, drawers: Array<{ id: string, onHand: number, waiting: number, counter: { id: string }, collector: { id: string, name: string } }> | null };

export type SkippedCustomersQueryVariables = Exact<{
  month: string;
  counterIds?: Array<string | number> | string | number | null | undefined;
}>;


export type SkippedCustomersQuery = { skippedCustomers: Array<{ reason: SkipReason, count: number, customers: Array<{ id: string, code: string, name: string, counter: { id: string, code: string } }> }> | null };

export type InvoicesQueryVariables = Exact<{
  filter?: InvoiceFilter | null | undefined;
  orderBy?: InvoiceOrder;
  after?: string | null | undefined;
}>;


export type InvoicesQuery = { invoices: { nodes: Array<{ id: string, number: string, status: InvoiceStatus, dueOn: string, issuedAt: string, total: number, allocated: number, writtenOff: number, outstanding: number, customer: { id: string, code: string, name: string, phone: string } | null, counter: { id: string, code: string }, period: { id: string, month: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, invoiceTotals: { count: number, total: number, allocated: number, writtenOff: number, outstanding: number } | null, counters: { nodes: Array<{ id: string, code: string, name: string }> } | null };

export type InvoiceQueryVariables = Exact<{
  invoiceId: string | number;
}>;


export type InvoiceQuery = { invoice: { id: string, number: string, status: InvoiceStatus, planName: string, coversFrom: string, coversUntil: string, issuedAt: string, dueOn: string, total: number, allocated: number, writtenOff: number, outstanding: number, customerCode: string, customerName: string, period: { id: string, month: string, status: PeriodStatus }, counter: { id: string, code: string, name: string }, customer: { id: string, code: string, name: string, phone: string, address: string } | null, lines: Array<{ kind: LineKind, description: string, quantity: number, unitPrice: number, amount: number, taxRate: string | null }>, allocations: Array<{ amount: number, allocatedAt: string, payment: { id: string, receiptNumber: string, method: PaymentMethod, receivedOn: string } | null }>, writeOffs: Array<{ id: string, kind: WriteOffKind, amount: number, reason: string, writtenOffAt: string, reversal: { reversedAt: string, reason: string } | null }>, voiding: { voidedAt: string, reason: string, period: { id: string, month: string } } | null } | null };

export type InvoiceLinkQueryVariables = Exact<{
  invoiceId: string | number;
}>;


export type InvoiceLinkQuery = { invoiceLink: { url: string } | null };

export type InvoicesLinkQueryVariables = Exact<{
  month: string;
  runId?: string | number | null | undefined;
  counterIds?: Array<string | number> | string | number | null | undefined;
  unpaidOnly: boolean;
}>;


export type InvoicesLinkQuery = { invoicesLink: { url: string } | null };

export type PaymentsQueryVariables = Exact<{
  filter?: PaymentFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type PaymentsQuery = { payments: { nodes: Array<{ id: string, receiptNumber: string, amount: number, credit: number, method: PaymentMethod, receivedAt: string, receivedOn: string, customer: { id: string, code: string, name: string } | null, counter: { id: string, code: string }, reversal: { reversedAt: string, reason: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, paymentTotals: { count: number, amount: number, reversed: number, credit: number, byMethod: Array<{ method: PaymentMethod, count: number, amount: number }> } | null, counters: { nodes: Array<{ id: string, code: string, name: string }> } | null };

export type PaymentQueryVariables = Exact<{
  paymentId: string | number;
}>;


export type PaymentQuery = { payment: { id: string, receiptNumber: string, amount: number, credit: number, refunded: number, method: PaymentMethod, collectedAt: string, receivedAt: string, receivedOn: string, note: string, surplusReason: SurplusReason | null, creditHoldReason: string | null, customerCode: string, customerName: string, receivedBy: { id: string, name: string }, counter: { id: string, code: string, name: string }, customer: { id: string, phone: string, outstanding: number | null, credit: number | null } | null, allocations: Array<{ amount: number, allocatedAt: string, invoiceNumber: string, invoice: { id: string, number: string, period: { id: string, month: string } } | null }>, refunds: Array<{ id: string, amount: number, method: PaymentMethod, reason: string, refundedAt: string, refundedBy: { id: string, name: string }, reversal: { reversedAt: string, reason: string } | null }>, reversal: { reversedAt: string, reason: string, reversedBy: { id: string, name: string } | null } | null, receipt: { number: string, text32: string, text48: string, whatsApp: string, roll58: { url: string }, roll80: { url: string } } } | null };

export type TitipanQueryVariables = Exact<{
  besideADebt?: boolean | null | undefined;
  after?: string | null | undefined;
}>;


export type TitipanQuery = { unresolvedMoney: { totalCount: number, nodes: Array<{ id: string, receiptNumber: string, amount: number, credit: number, method: PaymentMethod, receivedAt: string, surplusReason: SurplusReason | null, creditHoldReason: string | null, customerCode: string, customerName: string, customer: { id: string, phone: string, outstanding: number | null, credit: number | null } | null, counter: { id: string, code: string }, receivedBy: { id: string, name: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type DepositsQueryVariables = Exact<{
  filter?: DepositFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type DepositsQuery = { deposits: { nodes: Array<{ id: string, amount: number, type: DepositType, status: DepositStatus, note: string, submittedAt: string, depositedOn: string, counted: number, difference: number, unsettled: number, counter: { id: string, code: string, name: string }, collector: { id: string, name: string }, decision: { decidedAt: string, reason: string, counted: number | null, difference: number | null } | null, proof: { mediaType: string, sizeBytes: number, uploadedAt: string, link: { url: string, expiresAt: string } } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, depositTotals: { count: number, amount: number, counted: number, difference: number, unsettled: number } | null, drawers: Array<{ id: string, received: number, deposited: number, waiting: number, onHand: number, counter: { id: string, code: string }, collector: { id: string, name: string } }> | null };

export type CustomersQueryVariables = Exact<{
  filter?: CustomerFilter | null | undefined;
  counted?: CustomerFilter | null | undefined;
  orderBy?: CustomerOrder;
  after?: string | null | undefined;
}>;


export type CustomersQuery = { customers: { totalCount: number, nodes: Array<{ id: string, code: string, name: string, phone: string, active: boolean, blocked: boolean, outstanding: number | null, plan: { id: string, name: string }, counter: { id: string, code: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, customerCounts: { total: number, active: number, blocked: number, toBeBlocked: number | null, promised: number | null, withoutDevice: number, owing: number | null } | null, sum: { outstanding: number | null } | null, counters: { nodes: Array<{ id: string, code: string, name: string }> } | null, plans: { nodes: Array<{ id: string, name: string }> } | null };

export type CustomerQueryVariables = Exact<{
  customerId: string | number;
  timeline?: boolean;
  after?: string | null | undefined;
}>;


export type CustomerQuery = { customer: { id: string, code: string, name: string, version: number, phone: string, address: string, installedOn: string, active: boolean, price: number | null, dueDay: number | null, pppoeName: string | null, blocked: boolean, outstanding: number | null, credit: number | null, nextInvoiceFrom: string | null, plan: { id: string, name: string, price: number | null }, counter: { id: string, code: string, name: string, timezone: string }, accesses: Array<{ id: string, serviceKind: string, key: string, desired: State, actual: State | null, inSync: boolean, manual: boolean, detail: string, error: string, readAt: string | null, desiredAt: string, blockReason: { code: BlockReasonCode, blockOn: string | null, text: string } | null, device: { id: string, name: string, reachable: boolean | null } | null }>, isolationPolicy: { id: string, origin: PolicyOrigin, mode: IsolationMode, days: number, minimum: number } | null, promise: { id: string, state: PromiseState, untilOn: string, reason: string, promisedAt: string, agreedBy: { id: string, name: string } | null } | null, forecast: { id: string, blockOn: string | null, amount: number | null, mode: IsolationMode | null, promisedUntil: string | null, text: string, invoice: { id: string, number: string } | null } | null, lastInvoices: Array<{ id: string, number: string, status: InvoiceStatus, dueOn: string, total: number, outstanding: number, period: { id: string, month: string } }> | null, lastPayments: Array<{ id: string, receiptNumber: string, amount: number, method: PaymentMethod, receivedAt: string, receivedOn: string, reversal: { reversedAt: string } | null }> | null, charges: Array<{ id: string, kind: ChargeKind, description: string, amount: number, createdAt: string, invoiceNumber: string | null, cancelledAt: string | null }> | null, discounts: Array<{ id: string, amount: number | null, percent: string | null, description: string, fromOn: string, untilOn: string | null }> | null, suspensions: Array<{ kind: SuspensionKind, fromOn: string, untilOn: string | null, reason: string }> | null } | null, customerTimeline?: { nodes: Array<{ id: string, at: string, kind: TimelineKind, text: string, amount: number | null, actor: string | null, subjectId: string, user: { id: string } | null, invoice: { id: string, number: string } | null, payment: { id: string, receiptNumber: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type PreviewBlockQueryVariables = Exact<{
  customerIds: Array<string | number> | string | number;
}>;


export type PreviewBlockQuery = { previewBlockCustomers: { accepted: number, refusals: Array<{ code: ErrorCode, text: string, count: number, customers: Array<{ id: string, code: string, name: string }> }> } | null };

export type BlockCustomersMutationVariables = Exact<{
  input: BlockCustomersInput;
}>;


export type BlockCustomersMutation = { blockCustomers: { changed: number | null, refused: number | null, results: Array<{ customerId: string, replayed: boolean, customer: { id: string, code: string, name: string } | null, errors: Array<{ code: ErrorCode, message: string }> }> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type PreviewRestoreQueryVariables = Exact<{
  customerIds: Array<string | number> | string | number;
}>;


export type PreviewRestoreQuery = { previewRestoreCustomers: { accepted: number, refusals: Array<{ code: ErrorCode, text: string, count: number, customers: Array<{ id: string, code: string, name: string }> }> } | null };

export type RestoreCustomersMutationVariables = Exact<{
  input: BlockCustomersInput;
}>;


export type RestoreCustomersMutation = { restoreCustomers: { changed: number | null, refused: number | null, results: Array<{ customerId: string, replayed: boolean, customer: { id: string, code: string, name: string } | null, errors: Array<{ code: ErrorCode, message: string }> }> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type PreviewMoveQueryVariables = Exact<{
  customerIds: Array<string | number> | string | number;
  counterId: string | number;
}>;


export type PreviewMoveQuery = { previewMoveCustomers: { accepted: number, refusals: Array<{ code: ErrorCode, text: string, count: number, customers: Array<{ id: string, code: string, name: string }> }> } | null };

export type MoveCustomersMutationVariables = Exact<{
  input: MoveCustomersInput;
}>;


export type MoveCustomersMutation = { moveCustomers: { changed: number | null, refused: number | null, results: Array<{ customerId: string, replayed: boolean, customer: { id: string, code: string, name: string } | null, errors: Array<{ code: ErrorCode, message: string }> }> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type PreviewChangePlanQueryVariables = Exact<{
  customerIds: Array<string | number> | string | number;
  planId: string | number;
}>;


export type PreviewChangePlanQuery = { previewChangePlanOfCustomers: { accepted: number, refusals: Array<{ code: ErrorCode, text: string, count: number, customers: Array<{ id: string, code: string, name: string }> }> } | null };

export type ChangePlanOfCustomersMutationVariables = Exact<{
  input: ChangePlanOfCustomersInput;
}>;


export type ChangePlanOfCustomersMutation = { changePlanOfCustomers: { changed: number | null, refused: number | null, results: Array<{ customerId: string, replayed: boolean, customer: { id: string, code: string, name: string } | null, errors: Array<{ code: ErrorCode, message: string }> }> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type IsolationQueryVariables = Exact<{
  filter?: UpcomingBlockFilter | null | undefined;
  promises?: PromiseFilter | null | undefined;
  after?: string | null | undefined;
  afterPromises?: string | null | undefined;
}>;


export type IsolationQuery = { isolationPlan: { totalCount: number, nodes: Array<{ id: string, blockOn: string, amount: number, mode: IsolationMode, promisedUntil: string | null, customer: { id: string, code: string, name: string, phone: string }, counter: { id: string, code: string }, invoice: { id: string, number: string, dueOn: string }, device: { id: string, name: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, isolationHolds: { nodes: Array<{ id: string, heldAt: string, wouldBlock: number, ofActive: number, decidedAt: string | null, approved: boolean | null, decidedBy: { id: string, name: string } | null, customers: Array<{ id: string, amount: number, blockOn: string, customer: { id: string, code: string, name: string } }> }> } | null, promises: { nodes: Array<{ id: string, state: PromiseState, untilOn: string, reason: string, promisedAt: string, agreedBy: { id: string, name: string } | null, customer: { id: string, code: string, name: string, outstanding: number | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, blackoutDates: Array<{ id: string, day: string, reason: string }> | null, isolationPolicies: { nodes: Array<{ id: string, origin: PolicyOrigin, mode: IsolationMode, days: number, minimum: number, counter: { id: string, code: string } | null, customer: { id: string, code: string, name: string } | null }> } | null };

export type DecideIsolationHoldMutationVariables = Exact<{
  input: DecideIsolationHoldInput;
}>;


export type DecideIsolationHoldMutation = { decideIsolationHold: { hold: { id: string, decidedAt: string | null, approved: boolean | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type RunIsolationMutationVariables = Exact<{ [key: string]: never; }>;


export type RunIsolationMutation = { runIsolation: { blocked: number | null, restored: number | null, paused: number | null, held: number | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type IsolationLogQueryVariables = Exact<{
  log: boolean;
  kinds?: Array<string> | string | null | undefined;
  after?: string | null | undefined;
  afterWaiting?: string | null | undefined;
}>;


export type IsolationLogQuery = { serviceAccesses: { totalCount: number, nodes: Array<{ id: string, key: string, serviceKind: string, desired: State, actual: State | null, detail: string, error: string, attempts: number, readAt: string | null, device: { id: string, name: string } | null, customer: { id: string, code: string, name: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, events?: { nodes: Array<{ id: string, at: string, kind: string, data: unknown, user: { id: string, name: string } | null, customer: { id: string, code: string, name: string } | null, counter: { id: string, code: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type RetryServiceAccessMutationVariables = Exact<{
  input: RetryServiceAccessInput;
}>;


export type RetryServiceAccessMutation = { retryServiceAccess: { access: { id: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type EventLogQueryVariables = Exact<{
  filter?: EventFilter | null | undefined;
  after?: string | null | undefined;
}>;


export type EventLogQuery = { events: { nodes: Array<{ id: string, at: string, kind: string, subject: string, subjectId: string | null, actor: string, data: unknown, user: { id: string, name: string } | null, customer: { id: string, code: string, name: string } | null, counter: { id: string, code: string } | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, users: { nodes: Array<{ id: string, name: string }> } | null };

export type ReportLinkQueryVariables = Exact<{
  report: Report;
  month: string;
  format: ReportFormat;
}>;


export type ReportLinkQuery = { reportLink: { url: string, expiresAt: string } | null };

export type DevicesQueryVariables = Exact<{ [key: string]: never; }>;


export type DevicesQuery = { devices: Array<{ id: string, name: string, version: number, kind: string, enabled: boolean, reachable: boolean | null, checkedAt: string | null, problems: Array<string>, facts: unknown, customers: number, waiting: number, outOfSync: number, speedsPending: number }> | null, drivers: Array<{ kind: string, title: string, configSchema: unknown, serviceKinds: Array<{ kind: string, key: string }> }> | null, plugins: Array<{ name: string, version: string, status: PluginStatus, error: string, drivers: Array<string>, events: { waiting: number, attempts: number, error: string } | null }> | null };

export type DeviceQueryVariables = Exact<{
  deviceId: string | number;
  inSync?: boolean | null | undefined;
  speedPending?: boolean | null | undefined;
  after?: string | null | undefined;
}>;


export type DeviceQuery = { device: { id: string, name: string, version: number, kind: string, enabled: boolean, reachable: boolean | null, checkedAt: string | null, problems: Array<string>, facts: unknown, customers: number, waiting: number, outOfSync: number, speedsPending: number } | null, serviceAccesses: { totalCount: number, nodes: Array<{ id: string, key: string, serviceKind: string, desired: State, actual: State | null, inSync: boolean, speedPending: boolean, manual: boolean, detail: string, error: string, readAt: string | null, customer: { id: string, code: string, name: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type DeviceSettingsQueryVariables = Exact<{
  deviceId: string | number;
}>;


export type DeviceSettingsQuery = { deviceConfig: { config: unknown } | null, drivers: Array<{ kind: string, title: string, configSchema: unknown, serviceKinds: Array<{ kind: string, key: string }> }> | null };

export type CreateDeviceMutationVariables = Exact<{
  input: CreateDeviceInput;
}>;


export type CreateDeviceMutation = { createDevice: { device: { id: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type UpdateDeviceMutationVariables = Exact<{
  input: UpdateDeviceInput;
}>;


export type UpdateDeviceMutation = { updateDevice: { device: { id: string, name: string, version: number, enabled: boolean } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type TestDeviceMutationVariables = Exact<{
  input: DeviceIdInput;
}>;


export type TestDeviceMutation = { testDevice: { device: { id: string, reachable: boolean | null, checkedAt: string | null, problems: Array<string>, facts: unknown } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ReadOnlineMutationVariables = Exact<{
  input: DeviceIdInput;
}>;


export type ReadOnlineMutation = { readOnline: { sessions: Array<{ key: string, serviceKind: string, since: string | null, address: string, mac: string, megabytesUp: number | null, megabytesDown: number | null, customer: { id: string, code: string, name: string } | null }> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type AuditDeviceMutationVariables = Exact<{
  input: DeviceIdInput;
}>;


export type AuditDeviceMutation = { auditDevice: { accounts: number | null, online: number | null, leaks: Array<{ kind: LeakKind, key: string, serviceKind: string, detail: string, customer: { id: string, code: string, name: string } | null }> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type DeleteDeviceMutationVariables = Exact<{
  input: DeviceIdInput;
}>;


export type DeleteDeviceMutation = { deleteDevice: { device: { id: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type PlansQueryVariables = Exact<{
  archived?: boolean | null | undefined;
  after?: string | null | undefined;
}>;


export type PlansQuery = { plans: { totalCount: number, nodes: Array<{ id: string, name: string, version: number, price: number | null, rateDownKbps: number | null, rateUpKbps: number | null, customers: number | null, speedsPending: number | null, archivedAt: string | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null };

export type CreatePlanMutationVariables = Exact<{
  input: CreatePlanInput;
}>;


export type CreatePlanMutation = { createPlan: { plan: { id: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type UpdatePlanMutationVariables = Exact<{
  input: UpdatePlanInput;
}>;


export type UpdatePlanMutation = { updatePlan: { plan: { id: string, name: string, version: number, price: number | null, rateDownKbps: number | null, rateUpKbps: number | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ArchivePlanMutationVariables = Exact<{
  planId: string | number;
}>;


export type ArchivePlanMutation = { archivePlan: { plan: { id: string, archivedAt: string | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type UnarchivePlanMutationVariables = Exact<{
  planId: string | number;
}>;


export type UnarchivePlanMutation = { unarchivePlan: { plan: { id: string, archivedAt: string | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type CountersQueryVariables = Exact<{
  archived?: boolean | null | undefined;
}>;


export type CountersQuery = { counters: { nodes: Array<{ id: string, code: string, name: string, timezone: string, dueDay: number, archivedAt: string | null }> } | null };

export type CreateCounterMutationVariables = Exact<{
  input: CreateCounterInput;
}>;


export type CreateCounterMutation = { createCounter: { counter: { id: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type UpdateCounterMutationVariables = Exact<{
  input: UpdateCounterInput;
}>;


export type UpdateCounterMutation = { updateCounter: { counter: { id: string, name: string, dueDay: number } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ArchiveCounterMutationVariables = Exact<{
  input: CounterIdInput;
}>;


export type ArchiveCounterMutation = { archiveCounter: { counter: { id: string, archivedAt: string | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type UnarchiveCounterMutationVariables = Exact<{
  input: CounterIdInput;
}>;


export type UnarchiveCounterMutation = { unarchiveCounter: { counter: { id: string, archivedAt: string | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type SettingsQueryVariables = Exact<{ [key: string]: never; }>;


export type SettingsQuery = { billingSettings: { version: number, prorateFirstMonth: boolean, taxRate: string, taxNumerator: number, taxDenominator: number, taxRounding: TaxRounding, lateFee: number, lateFeeAfterDays: number, massBlockPercent: number, pauseAfterBlockedDays: number, cashLimit: number, cashLimitAction: CashLimitAction, lookEveryMinutes: number, driftAction: DriftAction, companyName: string, companyAddress: string, companyPhone: string, receiptFooter: string, paymentInstructions: string, customerPromiseDays: number, logo: { path: string } | null, qris: { path: string } | null } | null };

export type UpdateSettingsMutationVariables = Exact<{
  input: UpdateBillingSettingsInput;
}>;


export type UpdateSettingsMutation = { updateBillingSettings: { settings: { version: number, lateFee: number, cashLimit: number, cashLimitAction: CashLimitAction } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type SetIspPictureMutationVariables = Exact<{
  kind: PictureKind;
  file: File;
}>;


export type SetIspPictureMutation = { setIspPicture: { settings: { logo: { path: string } | null, qris: { path: string } | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type RemoveIspPictureMutationVariables = Exact<{
  kind: PictureKind;
}>;


export type RemoveIspPictureMutation = { removeIspPicture: { settings: { logo: { path: string } | null, qris: { path: string } | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type IsolationSettingsQueryVariables = Exact<{ [key: string]: never; }>;


export type IsolationSettingsQuery = { isolationPolicies: { nodes: Array<{ id: string, origin: PolicyOrigin, mode: IsolationMode, days: number, minimum: number, counter: { id: string, code: string, name: string } | null, customer: { id: string, code: string, name: string } | null }> } | null, blackoutDates: Array<{ id: string, day: string, reason: string }> | null, counters: { nodes: Array<{ id: string, code: string, name: string }> } | null, billingSettings: { version: number, massBlockPercent: number, pauseAfterBlockedDays: number } | null };

export type SetIsolationPolicyMutationVariables = Exact<{
  input: SetIsolationPolicyInput;
}>;


export type SetIsolationPolicyMutation = { setIsolationPolicy: { policy: { id: string, mode: IsolationMode, days: number, minimum: number } | null, warnings: Array<{ code: PolicyWarningCode, text: string }> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ForgetIsolationPolicyMutationVariables = Exact<{
  input: ForgetIsolationPolicyInput;
}>;


export type ForgetIsolationPolicyMutation = { forgetIsolationPolicy: { errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type AddBlackoutDateMutationVariables = Exact<{
  input: AddBlackoutDateInput;
}>;


export type AddBlackoutDateMutation = { addBlackoutDate: { blackoutDate: { id: string, day: string, reason: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type RemoveBlackoutDateMutationVariables = Exact<{
  input: RemoveBlackoutDateInput;
}>;


export type RemoveBlackoutDateMutation = { removeBlackoutDate: { blackoutDate: { id: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type UsersQueryVariables = Exact<{
  active?: boolean | null | undefined;
  after?: string | null | undefined;
}>;


export type UsersQuery = { users: { totalCount: number, nodes: Array<{ id: string, username: string | null, name: string, version: number | null, role: Role | null, active: boolean | null, mustChangePassword: boolean | null, twoStep: boolean | null, createdAt: string | null, lastUsedAt: string | null, counters: Array<{ id: string, code: string, name: string }> | null }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } | null, counters: { nodes: Array<{ id: string, code: string, name: string }> } | null };

export type CreateUserMutationVariables = Exact<{
  input: CreateUserInput;
}>;


export type CreateUserMutation = { createUser: { oneTimePassword: string | null, replayed: boolean, user: { id: string, username: string | null, name: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type UpdateUserMutationVariables = Exact<{
  input: UpdateUserInput;
}>;


export type UpdateUserMutation = { updateUser: { user: { id: string, name: string, version: number | null, role: Role | null, active: boolean | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ResetPasswordMutationVariables = Exact<{
  input: UserIdInput;
}>;


export type ResetPasswordMutation = { resetPassword: { oneTimePassword: string | null, user: { id: string, username: string | null, name: string } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ResetTotpMutationVariables = Exact<{
  input: UserIdInput;
}>;


export type ResetTotpMutation = { resetTotp: { user: { id: string, twoStep: boolean | null } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type SystemStatusQueryVariables = Exact<{ [key: string]: never; }>;


export type SystemStatusQuery = { systemStatus: { level: Level, version: string, at: string, parts: Array<{ part: StatusPart, level: Level, text: string }> } | null };

export type AccountQueryVariables = Exact<{ [key: string]: never; }>;


export type AccountQuery = { signIns: Array<{ id: string, kind: SignInKind, device: string, address: string, createdAt: string, lastUsedAt: string | null, expiresAt: string, current: boolean }> | null, twoStep: { on: boolean, recoveryCodes: number } | null };

export type ChangePasswordMutationVariables = Exact<{
  input: ChangePasswordInput;
}>;


export type ChangePasswordMutation = { changePassword: { errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type StartTotpMutationVariables = Exact<{
  input: PasswordInput;
}>;


export type StartTotpMutation = { startTotp: { uri: string | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ConfirmTotpMutationVariables = Exact<{
  input: ConfirmTotpInput;
}>;


export type ConfirmTotpMutation = { confirmTotp: { recoveryCodes: Array<string> | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type DisableTotpMutationVariables = Exact<{
  input: DisableTotpInput;
}>;


export type DisableTotpMutation = { disableTotp: { errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type RevokeSignInMutationVariables = Exact<{
  input: RevokeSignInInput;
}>;


export type RevokeSignInMutation = { revokeSignIn: { errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type RevokeOtherSignInsMutationVariables = Exact<{ [key: string]: never; }>;


export type RevokeOtherSignInsMutation = { revokeOtherSignIns: { errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type PreviewImportMutationVariables = Exact<{
  file: File;
  options: ImportOptions;
}>;


export type PreviewImportMutation = { previewImport: { fingerprint: string | null, report: { customers: number, active: number, notes: Array<string>, faultCount: number, counters: Array<{ name: string, isNew: boolean, customers: number, active: number, withoutPhone: number }>, plans: Array<{ name: string, isNew: boolean, price: number | null, customers: number }>, columns: Array<{ heading: string, field: ImportField | null, source: Source }>, balances: { owing: number, arrears: number, ahead: number, credit: number } | null, faults: Array<{ line: number, column: string, message: string }> } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type ImportCustomersMutationVariables = Exact<{
  file: File;
  options: ImportOptions;
  fingerprint: string;
  key: string;
}>;


export type ImportCustomersMutation = { importCustomers: { imported: number | null, replayed: boolean, report: { customers: number, faultCount: number, faults: Array<{ line: number, column: string, message: string }> } | null, errors: Array<{ code: ErrorCode, field: Array<string>, message: string }> } };

export type OpenPeriodMutationVariables = Exact<{
  input: OpenPeriodInput;
}>;


export type OpenPeriodMutation = { openPeriod: { period: { id: string, month: string, status: PeriodStatus } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type PreviewGenerationQueryVariables = Exact<{
  month: string;
  counterIds?: Array<string | number> | string | number | null | undefined;
}>;


export type PreviewGenerationQuery = { previewGeneration: { issued: number, alreadyInvoiced: number, totalAmount: number, token: string, skipped: Array<{ reason: SkipReason, count: number }> } | null };

export type GenerateInvoicesMutationVariables = Exact<{
  input: GenerateInvoicesInput;
}>;


export type GenerateInvoicesMutation = { generateInvoices: { run: { id: string, status: GenerationStatus, issued: number, alreadyInvoiced: number, skippedCount: number, totalAmount: number, nextAttemptAt: string | null, errorReference: string | null, progress: { done: number, total: number } } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type GenerationProgressSubscriptionVariables = Exact<{
  runId: string | number;
}>;


export type GenerationProgressSubscription = { generationProgress: { run: { id: string, status: GenerationStatus, issued: number, alreadyInvoiced: number, skippedCount: number, totalAmount: number, nextAttemptAt: string | null, errorReference: string | null, progress: { done: number, total: number } } } };

export type AbandonGenerationMutationVariables = Exact<{
  input: AbandonGenerationInput;
}>;


export type AbandonGenerationMutation = { abandonGeneration: { run: { id: string, status: GenerationStatus } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ClosingPreviewQueryVariables = Exact<{
  month: string;
}>;


export type ClosingPreviewQuery = { closingPreview: Array<{ reason: GapReason, count: number, amount: number, counter: { id: string, code: string, name: string } }> | null };

export type ClosePeriodMutationVariables = Exact<{
  input: ClosePeriodInput;
}>;


export type ClosePeriodMutation = { closePeriod: { period: { id: string, status: PeriodStatus, closedAt: string | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ReopenPeriodMutationVariables = Exact<{
  input: ReopenPeriodInput;
}>;


export type ReopenPeriodMutation = { reopenPeriod: { period: { id: string, status: PeriodStatus, closedAt: string | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type PreviewPaymentQueryVariables = Exact<{
  customerId: string | number;
  amount: number;
}>;


export type PreviewPaymentQuery = { previewPayment: { outstanding: number, credit: number, allocations: Array<{ invoiceId: string, invoiceNumber: string, amount: number, remaining: number }>, warnings: Array<{ code: PaymentWarningCode, text: string }> } | null };

export type RecordPaymentMutationVariables = Exact<{
  input: RecordPaymentInput;
}>;


export type RecordPaymentMutation = { recordPayment: { replayed: boolean, payment: { id: string, receiptNumber: string, amount: number, credit: number, receipt: { number: string, text32: string, text48: string, whatsApp: string, roll58: { url: string }, roll80: { url: string } }, customer: { id: string, phone: string, outstanding: number | null, credit: number | null } | null, allocations: Array<{ amount: number, invoiceNumber: string }> } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type SubmitDepositMutationVariables = Exact<{
  input: SubmitDepositInput;
}>;


export type SubmitDepositMutation = { submitDeposit: { deposit: { id: string, status: DepositStatus, amount: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type VerifyDepositMutationVariables = Exact<{
  input: VerifyDepositInput;
}>;


export type VerifyDepositMutation = { verifyDeposit: { deposit: { id: string, status: DepositStatus, counted: number, difference: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type RejectDepositMutationVariables = Exact<{
  input: RejectDepositInput;
}>;


export type RejectDepositMutation = { rejectDeposit: { deposit: { id: string, status: DepositStatus } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type WriteOffInvoiceMutationVariables = Exact<{
  input: WriteOffInvoiceInput;
}>;


export type WriteOffInvoiceMutation = { writeOffInvoice: { invoice: { id: string, status: InvoiceStatus, outstanding: number, writtenOff: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ReverseWriteOffMutationVariables = Exact<{
  input: ReverseWriteOffInput;
}>;


export type ReverseWriteOffMutation = { reverseWriteOff: { invoice: { id: string, status: InvoiceStatus, outstanding: number, writtenOff: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type VoidInvoiceMutationVariables = Exact<{
  input: VoidInvoiceInput;
}>;


export type VoidInvoiceMutation = { voidInvoice: { invoice: { id: string, status: InvoiceStatus, outstanding: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ReversePaymentMutationVariables = Exact<{
  input: ReversePaymentInput;
}>;


export type ReversePaymentMutation = { reversePayment: { payment: { id: string, credit: number, reversal: { reversedAt: string } | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ApplyCreditMutationVariables = Exact<{
  input: ApplyCreditInput;
}>;


export type ApplyCreditMutation = { applyCredit: { customer: { id: string, outstanding: number | null, credit: number | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type HoldCreditMutationVariables = Exact<{
  input: HoldCreditInput;
}>;


export type HoldCreditMutation = { holdCredit: { payment: { id: string, creditHoldReason: string | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type RefundCreditMutationVariables = Exact<{
  input: RefundCreditInput;
}>;


export type RefundCreditMutation = { refundCredit: { payment: { id: string, credit: number, refunded: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ReverseRefundMutationVariables = Exact<{
  input: ReverseRefundInput;
}>;


export type ReverseRefundMutation = { reverseRefund: { payment: { id: string, credit: number, refunded: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type PromiseToPayMutationVariables = Exact<{
  input: PromiseToPayInput;
}>;


export type PromiseToPayMutation = { promiseToPay: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type BlockCustomerMutationVariables = Exact<{
  input: BlockCustomerInput;
}>;


export type BlockCustomerMutation = { blockCustomer: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type RestoreCustomerMutationVariables = Exact<{
  input: BlockCustomerInput;
}>;


export type RestoreCustomerMutation = { restoreCustomer: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type CustomerChoicesQueryVariables = Exact<{ [key: string]: never; }>;


export type CustomerChoicesQuery = { counters: { nodes: Array<{ id: string, code: string, name: string, dueDay: number }> } | null, plans: { nodes: Array<{ id: string, name: string, price: number | null }> } | null };

export type CreateCustomerMutationVariables = Exact<{
  input: CreateCustomerInput;
}>;


export type CreateCustomerMutation = { createCustomer: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type UpdateCustomerMutationVariables = Exact<{
  input: UpdateCustomerInput;
}>;


export type UpdateCustomerMutation = { updateCustomer: { customer: { id: string, version: number } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type AddChargeMutationVariables = Exact<{
  input: AddChargeInput;
}>;


export type AddChargeMutation = { addCharge: { charge: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type CancelChargeMutationVariables = Exact<{
  input: CancelChargeInput;
}>;


export type CancelChargeMutation = { cancelCharge: { charge: { id: string, cancelledAt: string | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type AddDiscountMutationVariables = Exact<{
  input: AddDiscountInput;
}>;


export type AddDiscountMutation = { addDiscount: { discount: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type EndDiscountMutationVariables = Exact<{
  input: EndDiscountInput;
}>;


export type EndDiscountMutation = { endDiscount: { discount: { id: string, untilOn: string | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type BillingScheduleQueryVariables = Exact<{
  customerId: string | number;
}>;


export type BillingScheduleQuery = { billingSchedule: { months: number, effectiveFrom: string | null, firstPossible: string, nextDueOn: string | null, coming: Array<{ month: string, coversFrom: string, coversUntil: string, dueOn: string, total: number }> } | null };

export type PreviewBillingCycleQueryVariables = Exact<{
  customerId: string | number;
  months: number;
  effectiveFrom: string;
}>;


export type PreviewBillingCycleQuery = { previewBillingCycle: { nextDueOn: string | null, coming: Array<{ month: string, coversFrom: string, coversUntil: string, dueOn: string, total: number }> } | null };

export type SetBillingCycleMutationVariables = Exact<{
  input: SetBillingCycleInput;
}>;


export type SetBillingCycleMutation = { setBillingCycle: { billingSchedule: { months: number, nextDueOn: string | null } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type PreviewIsolationPolicyQueryVariables = Exact<{
  customerId: string | number;
  mode: IsolationMode;
  days: number;
  minimum: number;
}>;


export type PreviewIsolationPolicyQuery = { previewIsolationPolicy: { blockOn: string | null, amount: number | null, invoiceNumber: string | null, promisedUntil: string | null, warnings: Array<{ code: PolicyWarningCode, text: string }> } | null };

export type PreviewPauseQueryVariables = Exact<{
  customerId: string | number;
  fromOn: string;
  untilOn?: string | null | undefined;
}>;


export type PreviewPauseQuery = { previewPause: { nextDueOn: string | null, coming: Array<{ month: string, coversFrom: string, coversUntil: string, dueOn: string, total: number }> } | null };

export type PauseCustomerMutationVariables = Exact<{
  input: PauseCustomerInput;
}>;


export type PauseCustomerMutation = { pauseCustomer: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type ResumeCustomerMutationVariables = Exact<{
  input: ResumeCustomerInput;
}>;


export type ResumeCustomerMutation = { resumeCustomer: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type PreviewEndOfServiceQueryVariables = Exact<{
  customerId: string | number;
  on: string;
}>;


export type PreviewEndOfServiceQuery = { previewEndOfService: { nextDueOn: string | null, coming: Array<{ month: string, coversFrom: string, coversUntil: string, dueOn: string, total: number }> } | null };

export type EndServiceMutationVariables = Exact<{
  input: EndServiceInput;
}>;


export type EndServiceMutation = { endService: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type UndoEndOfServiceMutationVariables = Exact<{
  input: UndoEndOfServiceInput;
}>;


export type UndoEndOfServiceMutation = { undoEndOfService: { customer: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type AccessChoicesQueryVariables = Exact<{ [key: string]: never; }>;


export type AccessChoicesQuery = { devices: Array<{ id: string, name: string, kind: string }> | null, drivers: Array<{ kind: string, serviceKinds: Array<{ kind: string, key: string }> }> | null };

export type SetServiceAccessMutationVariables = Exact<{
  input: SetServiceAccessInput;
}>;


export type SetServiceAccessMutation = { setServiceAccess: { access: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

export type RemoveServiceAccessMutationVariables = Exact<{
  input: RemoveServiceAccessInput;
}>;


export type RemoveServiceAccessMutation = { removeServiceAccess: { access: { id: string } | null, errors: Array<{ code: ErrorCode, message: string, field: Array<string> }> } };

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

export const MeDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Me {
  me {
    user {
      id
      name
    }
    username
    role
    counters {
      id
      code
      name
      timezone
    }
    permissions
  }
}
    `) as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;
export const SignInByCookieDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SignInByCookie($input: SignInInput!) {
  signIn(input: $input) {
    expiresAt
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SignInByCookieMutation, SignInByCookieMutationVariables>;
export const EndSignInDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation EndSignIn {
  signOut {
    signedOut
    errors {
      code
      message
    }
  }
}
    `) as unknown as TypedDocumentString<EndSignInMutation, EndSignInMutationVariables>;
export const DashboardDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Dashboard {
  dashboard {
    cursor
    total {
      receivedToday
      paymentsToday
      receivedThisMonth
      paymentsThisMonth
      billedThisMonth
      outstanding
      cashOnHand
      blockedCustomers
    }
    counters {
      id
      day
      month
      counter {
        id
        code
        name
      }
      receivedToday
      paymentsToday
      receivedThisMonth
      billedThisMonth
      outstanding
      cashOnHand
      blockedCustomers
    }
    months {
      month
      billed
      received
      outstanding
    }
    methods {
      method
      payments
      received
    }
    debts {
      age
      invoices
      customers
      amount
    }
    attention {
      kind
      count
      amount
      list
    }
  }
}
    `) as unknown as TypedDocumentString<DashboardQuery, DashboardQueryVariables>;
export const FollowPaymentsDocument = /*#__PURE__*/ new TypedDocumentString(`
    subscription FollowPayments($after: String) {
  paymentRecorded(after: $after) {
    cursor
    payment {
      id
      amount
      customerName
      counter {
        id
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<FollowPaymentsSubscription, FollowPaymentsSubscriptionVariables>;
export const FeedDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Feed($kinds: [String!]) {
  events(first: 12, filter: {kinds: $kinds}) {
    nodes {
      id
      at
      kind
      user {
        id
        name
      }
      customer {
        id
        name
      }
      counter {
        id
        code
      }
      data
    }
  }
}
    `) as unknown as TypedDocumentString<FeedQuery, FeedQueryVariables>;
export const FollowEventsDocument = /*#__PURE__*/ new TypedDocumentString(`
    subscription FollowEvents($kinds: [String!], $after: String) {
  events(kinds: $kinds, after: $after) {
    cursor
    event {
      id
      kind
    }
  }
}
    `) as unknown as TypedDocumentString<FollowEventsSubscription, FollowEventsSubscriptionVariables>;
export const SearchDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Search($words: String!, $money: Boolean!) {
  customers(first: 6, filter: {search: $words}) {
    nodes {
      id
      code
      name
      counter {
        id
        code
      }
    }
  }
  invoices(first: 4, filter: {search: $words}) @include(if: $money) {
    nodes {
      id
      number
      period {
        id
        month
      }
      customer {
        id
        name
      }
    }
  }
  payments(first: 4, filter: {search: $words}) @include(if: $money) {
    nodes {
      id
      receiptNumber
      customer {
        id
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<SearchQuery, SearchQueryVariables>;
export const PeriodsDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Periods($after: String) {
  periods(first: 24, after: $after) {
    nodes {
      id
      month
      status
      openedAt
      closedAt
      totals {
        invoices
        billed
        allocated
        writtenOff
        outstanding
        paidShare
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<PeriodsQuery, PeriodsQueryVariables>;
export const PeriodDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Period($month: Month!) {
  period(month: $month) {
    id
    month
    status
    openedAt
    closedAt
    totals {
      invoices
      billed
      allocated
      writtenOff
      outstanding
      paidShare
    }
    runs {
      id
      status
      issued
      alreadyInvoiced
      skippedCount
      totalAmount
      startedAt
      finishedAt
      nextAttemptAt
      errorReference
      abandonReason
    }
    closings {
      closedAt
      closedBy {
        id
        name
      }
      incomplete
      reopening {
        reopenedAt
        reopenedBy {
          id
          name
        }
        reason
      }
    }
  }
  recap(month: $month) {
    id
    counter {
      id
      code
      name
    }
    notInvoiced
    invoices
    totalBilled
    allocated
    writtenOff
    outstanding
    payments
    totalReceived
    credit
    totalDeposited
    difference
    awaitingVerification
    cashOnHand
    asOfClosing {
      totalBilled
      outstanding
      totalReceived
    }
    since {
      totalBilled
      outstanding
      totalReceived
    }
  }
  drawers {
    id
    counter {
      id
    }
    collector {
      id
      name
    }
    onHand
    waiting
  }
}
    `) as unknown as TypedDocumentString<PeriodQuery, PeriodQueryVariables>;
export const SkippedCustomersDocument = /*#__PURE__*/ new TypedDocumentString(`
    query SkippedCustomers($month: Month!, $counterIds: [ID!]) {
  skippedCustomers(month: $month, counterIds: $counterIds) {
    reason
    count
    customers {
      id
      code
      name
      counter {
        id
        code
      }
    }
  }
}
    `) as unknown as TypedDocumentString<SkippedCustomersQuery, SkippedCustomersQueryVariables>;
export const InvoicesDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Invoices($filter: InvoiceFilter, $orderBy: InvoiceOrder! = NEWEST, $after: String) {
  invoices(first: 50, after: $after, filter: $filter, orderBy: $orderBy) {
    nodes {
      id
      number
      status
      dueOn
      issuedAt
      total
      allocated
      writtenOff
      outstanding
      customer {
        id
        code
        name
        phone
      }
      counter {
        id
        code
      }
      period {
        id
        month
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  invoiceTotals(filter: $filter) {
    count
    total
    allocated
    writtenOff
    outstanding
  }
  counters(first: 200) {
    nodes {
      id
      code
      name
    }
  }
}
    `) as unknown as TypedDocumentString<InvoicesQuery, InvoicesQueryVariables>;
export const InvoiceDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Invoice($invoiceId: ID!) {
  invoice(id: $invoiceId) {
    id
    number
    status
    planName
    coversFrom
    coversUntil
    issuedAt
    dueOn
    total
    allocated
    writtenOff
    outstanding
    customerCode
    customerName
    period {
      id
      month
      status
    }
    counter {
      id
      code
      name
    }
    customer {
      id
      code
      name
      phone
      address
    }
    lines {
      kind
      description
      quantity
      unitPrice
      amount
      taxRate
    }
    allocations {
      amount
      allocatedAt
      payment {
        id
        receiptNumber
        method
        receivedOn
      }
    }
    writeOffs {
      id
      kind
      amount
      reason
      writtenOffAt
      reversal {
        reversedAt
        reason
      }
    }
    voiding {
      voidedAt
      reason
      period {
        id
        month
      }
    }
  }
}
    `) as unknown as TypedDocumentString<InvoiceQuery, InvoiceQueryVariables>;
export const InvoiceLinkDocument = /*#__PURE__*/ new TypedDocumentString(`
    query InvoiceLink($invoiceId: ID!) {
  invoiceLink(invoiceId: $invoiceId) {
    url
  }
}
    `) as unknown as TypedDocumentString<InvoiceLinkQuery, InvoiceLinkQueryVariables>;
export const InvoicesLinkDocument = /*#__PURE__*/ new TypedDocumentString(`
    query InvoicesLink($month: Month!, $runId: ID, $counterIds: [ID!], $unpaidOnly: Boolean!) {
  invoicesLink(
    month: $month
    runId: $runId
    counterIds: $counterIds
    unpaidOnly: $unpaidOnly
  ) {
    url
  }
}
    `) as unknown as TypedDocumentString<InvoicesLinkQuery, InvoicesLinkQueryVariables>;
export const PaymentsDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Payments($filter: PaymentFilter, $after: String) {
  payments(first: 50, after: $after, filter: $filter) {
    nodes {
      id
      receiptNumber
      amount
      credit
      method
      receivedAt
      receivedOn
      customer {
        id
        code
        name
      }
      counter {
        id
        code
      }
      reversal {
        reversedAt
        reason
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  paymentTotals(filter: $filter) {
    count
    amount
    reversed
    credit
    byMethod {
      method
      count
      amount
    }
  }
  counters(first: 200) {
    nodes {
      id
      code
      name
    }
  }
}
    `) as unknown as TypedDocumentString<PaymentsQuery, PaymentsQueryVariables>;
export const PaymentDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Payment($paymentId: ID!) {
  payment(id: $paymentId) {
    id
    receiptNumber
    amount
    credit
    refunded
    method
    collectedAt
    receivedAt
    receivedOn
    note
    surplusReason
    creditHoldReason
    customerCode
    customerName
    receivedBy {
      id
      name
    }
    counter {
      id
      code
      name
    }
    customer {
      id
      phone
      outstanding
      credit
    }
    allocations {
      amount
      allocatedAt
      invoiceNumber
      invoice {
        id
        number
        period {
          id
          month
        }
      }
    }
    refunds {
      id
      amount
      method
      reason
      refundedAt
      refundedBy {
        id
        name
      }
      reversal {
        reversedAt
        reason
      }
    }
    reversal {
      reversedAt
      reason
      reversedBy {
        id
        name
      }
    }
    receipt {
      number
      text32
      text48
      whatsApp
      roll58: link(paper: MM58) {
        url
      }
      roll80: link(paper: MM80) {
        url
      }
    }
  }
}
    `) as unknown as TypedDocumentString<PaymentQuery, PaymentQueryVariables>;
export const TitipanDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Titipan($besideADebt: Boolean, $after: String) {
  unresolvedMoney(first: 50, after: $after, besideADebt: $besideADebt) {
    nodes {
      id
      receiptNumber
      amount
      credit
      method
      receivedAt
      surplusReason
      creditHoldReason
      customerCode
      customerName
      customer {
        id
        phone
        outstanding
        credit
      }
      counter {
        id
        code
      }
      receivedBy {
        id
        name
      }
    }
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<TitipanQuery, TitipanQueryVariables>;
export const DepositsDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Deposits($filter: DepositFilter, $after: String) {
  deposits(first: 50, after: $after, filter: $filter) {
    nodes {
      id
      amount
      type
      status
      note
      submittedAt
      depositedOn
      counted
      difference
      unsettled
      counter {
        id
        code
        name
      }
      collector {
        id
        name
      }
      decision {
        decidedAt
        reason
        counted
        difference
      }
      proof {
        mediaType
        sizeBytes
        uploadedAt
        link {
          url
          expiresAt
        }
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  depositTotals(filter: $filter) {
    count
    amount
    counted
    difference
    unsettled
  }
  drawers {
    id
    counter {
      id
      code
    }
    collector {
      id
      name
    }
    received
    deposited
    waiting
    onHand
  }
}
    `) as unknown as TypedDocumentString<DepositsQuery, DepositsQueryVariables>;
export const CustomersDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Customers($filter: CustomerFilter, $counted: CustomerFilter, $orderBy: CustomerOrder! = CODE, $after: String) {
  customers(first: 50, after: $after, filter: $filter, orderBy: $orderBy) {
    nodes {
      id
      code
      name
      phone
      active
      blocked
      outstanding
      plan {
        id
        name
      }
      counter {
        id
        code
      }
    }
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  customerCounts(filter: $counted) {
    total
    active
    blocked
    toBeBlocked
    promised
    withoutDevice
    owing
  }
  sum: customerCounts(filter: $filter) {
    outstanding
  }
  counters(first: 200) {
    nodes {
      id
      code
      name
    }
  }
  plans(first: 200) {
    nodes {
      id
      name
    }
  }
}
    `) as unknown as TypedDocumentString<CustomersQuery, CustomersQueryVariables>;
export const CustomerDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Customer($customerId: ID!, $timeline: Boolean! = true, $after: String) {
  customer(id: $customerId) {
    id
    code
    name
    version
    phone
    address
    installedOn
    active
    price
    dueDay
    pppoeName
    blocked
    outstanding
    credit
    nextInvoiceFrom
    plan {
      id
      name
      price
    }
    counter {
      id
      code
      name
      timezone
    }
    accesses {
      id
      serviceKind
      key
      desired
      actual
      inSync
      manual
      detail
      error
      readAt
      desiredAt
      blockReason {
        code
        blockOn
        text
      }
      device {
        id
        name
        reachable
      }
    }
    isolationPolicy {
      id
      origin
      mode
      days
      minimum
    }
    promise {
      id
      state
      untilOn
      reason
      promisedAt
      agreedBy {
        id
        name
      }
    }
    forecast {
      id
      blockOn
      amount
      mode
      promisedUntil
      text
      invoice {
        id
        number
      }
    }
    lastInvoices {
      id
      number
      status
      dueOn
      total
      outstanding
      period {
        id
        month
      }
    }
    lastPayments {
      id
      receiptNumber
      amount
      method
      receivedAt
      receivedOn
      reversal {
        reversedAt
      }
    }
    charges {
      id
      kind
      description
      amount
      createdAt
      invoiceNumber
      cancelledAt
    }
    discounts {
      id
      amount
      percent
      description
      fromOn
      untilOn
    }
    suspensions {
      kind
      fromOn
      untilOn
      reason
    }
  }
  customerTimeline(customerId: $customerId, first: 30, after: $after) @include(if: $timeline) {
    nodes {
      id
      at
      kind
      text
      amount
      actor
      user {
        id
      }
      subjectId
      invoice {
        id
        number
      }
      payment {
        id
        receiptNumber
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<CustomerQuery, CustomerQueryVariables>;
export const PreviewBlockDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewBlock($customerIds: [ID!]!) {
  previewBlockCustomers(customerIds: $customerIds) {
    accepted
    refusals {
      code
      text
      count
      customers {
        id
        code
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewBlockQuery, PreviewBlockQueryVariables>;
export const BlockCustomersDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation BlockCustomers($input: BlockCustomersInput!) {
  blockCustomers(input: $input) {
    results {
      customerId
      customer {
        id
        code
        name
      }
      replayed
      errors {
        code
        message
      }
    }
    changed
    refused
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<BlockCustomersMutation, BlockCustomersMutationVariables>;
export const PreviewRestoreDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewRestore($customerIds: [ID!]!) {
  previewRestoreCustomers(customerIds: $customerIds) {
    accepted
    refusals {
      code
      text
      count
      customers {
        id
        code
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewRestoreQuery, PreviewRestoreQueryVariables>;
export const RestoreCustomersDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RestoreCustomers($input: BlockCustomersInput!) {
  restoreCustomers(input: $input) {
    results {
      customerId
      customer {
        id
        code
        name
      }
      replayed
      errors {
        code
        message
      }
    }
    changed
    refused
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RestoreCustomersMutation, RestoreCustomersMutationVariables>;
export const PreviewMoveDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewMove($customerIds: [ID!]!, $counterId: ID!) {
  previewMoveCustomers(customerIds: $customerIds, counterId: $counterId) {
    accepted
    refusals {
      code
      text
      count
      customers {
        id
        code
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewMoveQuery, PreviewMoveQueryVariables>;
export const MoveCustomersDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation MoveCustomers($input: MoveCustomersInput!) {
  moveCustomers(input: $input) {
    results {
      customerId
      customer {
        id
        code
        name
      }
      replayed
      errors {
        code
        message
      }
    }
    changed
    refused
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<MoveCustomersMutation, MoveCustomersMutationVariables>;
export const PreviewChangePlanDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewChangePlan($customerIds: [ID!]!, $planId: ID!) {
  previewChangePlanOfCustomers(customerIds: $customerIds, planId: $planId) {
    accepted
    refusals {
      code
      text
      count
      customers {
        id
        code
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewChangePlanQuery, PreviewChangePlanQueryVariables>;
export const ChangePlanOfCustomersDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ChangePlanOfCustomers($input: ChangePlanOfCustomersInput!) {
  changePlanOfCustomers(input: $input) {
    results {
      customerId
      customer {
        id
        code
        name
      }
      replayed
      errors {
        code
        message
      }
    }
    changed
    refused
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ChangePlanOfCustomersMutation, ChangePlanOfCustomersMutationVariables>;
export const IsolationDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Isolation($filter: UpcomingBlockFilter, $promises: PromiseFilter, $after: String, $afterPromises: String) {
  isolationPlan(first: 50, after: $after, filter: $filter) {
    totalCount
    nodes {
      id
      blockOn
      amount
      mode
      promisedUntil
      customer {
        id
        code
        name
        phone
      }
      counter {
        id
        code
      }
      invoice {
        id
        number
        dueOn
      }
      device {
        id
        name
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  isolationHolds(first: 5) {
    nodes {
      id
      heldAt
      wouldBlock
      ofActive
      decidedAt
      approved
      decidedBy {
        id
        name
      }
      customers {
        id
        amount
        blockOn
        customer {
          id
          code
          name
        }
      }
    }
  }
  promises(first: 50, after: $afterPromises, filter: $promises) {
    nodes {
      id
      state
      untilOn
      reason
      promisedAt
      agreedBy {
        id
        name
      }
      customer {
        id
        code
        name
        outstanding
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  blackoutDates {
    id
    day
    reason
  }
  isolationPolicies(first: 20) {
    nodes {
      id
      origin
      mode
      days
      minimum
      counter {
        id
        code
      }
      customer {
        id
        code
        name
      }
    }
  }
}
    `) as unknown as TypedDocumentString<IsolationQuery, IsolationQueryVariables>;
export const DecideIsolationHoldDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation DecideIsolationHold($input: DecideIsolationHoldInput!) {
  decideIsolationHold(input: $input) {
    hold {
      id
      decidedAt
      approved
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<DecideIsolationHoldMutation, DecideIsolationHoldMutationVariables>;
export const RunIsolationDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RunIsolation {
  runIsolation {
    blocked
    restored
    paused
    held
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<RunIsolationMutation, RunIsolationMutationVariables>;
export const IsolationLogDocument = /*#__PURE__*/ new TypedDocumentString(`
    query IsolationLog($log: Boolean!, $kinds: [String!], $after: String, $afterWaiting: String) {
  serviceAccesses(first: 20, after: $afterWaiting, filter: {inSync: false}) {
    nodes {
      id
      key
      serviceKind
      desired
      actual
      detail
      error
      attempts
      readAt
      device {
        id
        name
      }
      customer {
        id
        code
        name
      }
    }
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  events(first: 50, after: $after, filter: {kinds: $kinds}) @include(if: $log) {
    nodes {
      id
      at
      kind
      user {
        id
        name
      }
      customer {
        id
        code
        name
      }
      counter {
        id
        code
      }
      data
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<IsolationLogQuery, IsolationLogQueryVariables>;
export const RetryServiceAccessDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RetryServiceAccess($input: RetryServiceAccessInput!) {
  retryServiceAccess(input: $input) {
    access {
      id
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RetryServiceAccessMutation, RetryServiceAccessMutationVariables>;
export const EventLogDocument = /*#__PURE__*/ new TypedDocumentString(`
    query EventLog($filter: EventFilter, $after: String) {
  events(first: 50, after: $after, filter: $filter) {
    nodes {
      id
      at
      kind
      subject
      subjectId
      actor
      user {
        id
        name
      }
      customer {
        id
        code
        name
      }
      counter {
        id
        code
      }
      data
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  users(first: 200) {
    nodes {
      id
      name
    }
  }
}
    `) as unknown as TypedDocumentString<EventLogQuery, EventLogQueryVariables>;
export const ReportLinkDocument = /*#__PURE__*/ new TypedDocumentString(`
    query ReportLink($report: Report!, $month: Month!, $format: ReportFormat!) {
  reportLink(report: $report, month: $month, format: $format) {
    url
    expiresAt
  }
}
    `) as unknown as TypedDocumentString<ReportLinkQuery, ReportLinkQueryVariables>;
export const DevicesDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Devices {
  devices {
    id
    name
    version
    kind
    enabled
    reachable
    checkedAt
    problems
    facts
    customers
    waiting
    outOfSync
    speedsPending
  }
  drivers {
    kind
    title
    configSchema
    serviceKinds {
      kind
      key
    }
  }
  plugins {
    name
    version
    status
    error
    drivers
    events {
      waiting
      attempts
      error
    }
  }
}
    `) as unknown as TypedDocumentString<DevicesQuery, DevicesQueryVariables>;
export const DeviceDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Device($deviceId: ID!, $inSync: Boolean, $speedPending: Boolean, $after: String) {
  device(id: $deviceId) {
    id
    name
    version
    kind
    enabled
    reachable
    checkedAt
    problems
    facts
    customers
    waiting
    outOfSync
    speedsPending
  }
  serviceAccesses(
    first: 50
    after: $after
    filter: {deviceId: $deviceId, inSync: $inSync, speedPending: $speedPending}
  ) {
    nodes {
      id
      key
      serviceKind
      desired
      actual
      inSync
      speedPending
      manual
      detail
      error
      readAt
      customer {
        id
        code
        name
      }
    }
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<DeviceQuery, DeviceQueryVariables>;
export const DeviceSettingsDocument = /*#__PURE__*/ new TypedDocumentString(`
    query DeviceSettings($deviceId: ID!) {
  deviceConfig(id: $deviceId) {
    config
  }
  drivers {
    kind
    title
    configSchema
    serviceKinds {
      kind
      key
    }
  }
}
    `) as unknown as TypedDocumentString<DeviceSettingsQuery, DeviceSettingsQueryVariables>;
export const CreateDeviceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CreateDevice($input: CreateDeviceInput!) {
  createDevice(input: $input) {
    device {
      id
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<CreateDeviceMutation, CreateDeviceMutationVariables>;
export const UpdateDeviceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UpdateDevice($input: UpdateDeviceInput!) {
  updateDevice(input: $input) {
    device {
      id
      name
      version
      enabled
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateDeviceMutation, UpdateDeviceMutationVariables>;
export const TestDeviceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation TestDevice($input: DeviceIdInput!) {
  testDevice(input: $input) {
    device {
      id
      reachable
      checkedAt
      problems
      facts
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<TestDeviceMutation, TestDeviceMutationVariables>;
export const ReadOnlineDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ReadOnline($input: DeviceIdInput!) {
  readOnline(input: $input) {
    sessions {
      key
      serviceKind
      since
      address
      mac
      megabytesUp
      megabytesDown
      customer {
        id
        code
        name
      }
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ReadOnlineMutation, ReadOnlineMutationVariables>;
export const AuditDeviceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation AuditDevice($input: DeviceIdInput!) {
  auditDevice(input: $input) {
    accounts
    online
    leaks {
      kind
      key
      serviceKind
      detail
      customer {
        id
        code
        name
      }
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<AuditDeviceMutation, AuditDeviceMutationVariables>;
export const DeleteDeviceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation DeleteDevice($input: DeviceIdInput!) {
  deleteDevice(input: $input) {
    device {
      id
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DeleteDeviceMutation, DeleteDeviceMutationVariables>;
export const PlansDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Plans($archived: Boolean, $after: String) {
  plans(first: 50, after: $after, filter: {archived: $archived}) {
    nodes {
      id
      name
      version
      price
      rateDownKbps
      rateUpKbps
      customers
      speedsPending
      archivedAt
    }
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    `) as unknown as TypedDocumentString<PlansQuery, PlansQueryVariables>;
export const CreatePlanDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CreatePlan($input: CreatePlanInput!) {
  createPlan(input: $input) {
    plan {
      id
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<CreatePlanMutation, CreatePlanMutationVariables>;
export const UpdatePlanDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UpdatePlan($input: UpdatePlanInput!) {
  updatePlan(input: $input) {
    plan {
      id
      name
      version
      price
      rateDownKbps
      rateUpKbps
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UpdatePlanMutation, UpdatePlanMutationVariables>;
export const ArchivePlanDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ArchivePlan($planId: ID!) {
  archivePlan(input: {id: $planId}) {
    plan {
      id
      archivedAt
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ArchivePlanMutation, ArchivePlanMutationVariables>;
export const UnarchivePlanDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UnarchivePlan($planId: ID!) {
  unarchivePlan(input: {id: $planId}) {
    plan {
      id
      archivedAt
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UnarchivePlanMutation, UnarchivePlanMutationVariables>;
export const CountersDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Counters($archived: Boolean) {
  counters(first: 200, filter: {archived: $archived}) {
    nodes {
      id
      code
      name
      timezone
      dueDay
      archivedAt
    }
  }
}
    `) as unknown as TypedDocumentString<CountersQuery, CountersQueryVariables>;
export const CreateCounterDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CreateCounter($input: CreateCounterInput!) {
  createCounter(input: $input) {
    counter {
      id
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<CreateCounterMutation, CreateCounterMutationVariables>;
export const UpdateCounterDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UpdateCounter($input: UpdateCounterInput!) {
  updateCounter(input: $input) {
    counter {
      id
      name
      dueDay
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateCounterMutation, UpdateCounterMutationVariables>;
export const ArchiveCounterDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ArchiveCounter($input: CounterIdInput!) {
  archiveCounter(input: $input) {
    counter {
      id
      archivedAt
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ArchiveCounterMutation, ArchiveCounterMutationVariables>;
export const UnarchiveCounterDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UnarchiveCounter($input: CounterIdInput!) {
  unarchiveCounter(input: $input) {
    counter {
      id
      archivedAt
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UnarchiveCounterMutation, UnarchiveCounterMutationVariables>;
export const SettingsDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Settings {
  billingSettings {
    version
    prorateFirstMonth
    taxRate
    taxNumerator
    taxDenominator
    taxRounding
    lateFee
    lateFeeAfterDays
    massBlockPercent
    pauseAfterBlockedDays
    cashLimit
    cashLimitAction
    lookEveryMinutes
    driftAction
    companyName
    companyAddress
    companyPhone
    receiptFooter
    paymentInstructions
    customerPromiseDays
    logo {
      path
    }
    qris {
      path
    }
  }
}
    `) as unknown as TypedDocumentString<SettingsQuery, SettingsQueryVariables>;
export const UpdateSettingsDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UpdateSettings($input: UpdateBillingSettingsInput!) {
  updateBillingSettings(input: $input) {
    settings {
      version
      lateFee
      cashLimit
      cashLimitAction
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateSettingsMutation, UpdateSettingsMutationVariables>;
export const SetIspPictureDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SetIspPicture($kind: PictureKind!, $file: Upload!) {
  setIspPicture(input: {kind: $kind, picture: $file}) {
    settings {
      logo {
        path
      }
      qris {
        path
      }
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SetIspPictureMutation, SetIspPictureMutationVariables>;
export const RemoveIspPictureDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RemoveIspPicture($kind: PictureKind!) {
  removeIspPicture(input: {kind: $kind}) {
    settings {
      logo {
        path
      }
      qris {
        path
      }
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RemoveIspPictureMutation, RemoveIspPictureMutationVariables>;
export const IsolationSettingsDocument = /*#__PURE__*/ new TypedDocumentString(`
    query IsolationSettings {
  isolationPolicies(first: 200) {
    nodes {
      id
      origin
      mode
      days
      minimum
      counter {
        id
        code
        name
      }
      customer {
        id
        code
        name
      }
    }
  }
  blackoutDates {
    id
    day
    reason
  }
  counters(first: 200) {
    nodes {
      id
      code
      name
    }
  }
  billingSettings {
    version
    massBlockPercent
    pauseAfterBlockedDays
  }
}
    `) as unknown as TypedDocumentString<IsolationSettingsQuery, IsolationSettingsQueryVariables>;
export const SetIsolationPolicyDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SetIsolationPolicy($input: SetIsolationPolicyInput!) {
  setIsolationPolicy(input: $input) {
    policy {
      id
      mode
      days
      minimum
    }
    warnings {
      code
      text
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<SetIsolationPolicyMutation, SetIsolationPolicyMutationVariables>;
export const ForgetIsolationPolicyDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ForgetIsolationPolicy($input: ForgetIsolationPolicyInput!) {
  forgetIsolationPolicy(input: $input) {
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ForgetIsolationPolicyMutation, ForgetIsolationPolicyMutationVariables>;
export const AddBlackoutDateDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation AddBlackoutDate($input: AddBlackoutDateInput!) {
  addBlackoutDate(input: $input) {
    blackoutDate {
      id
      day
      reason
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<AddBlackoutDateMutation, AddBlackoutDateMutationVariables>;
export const RemoveBlackoutDateDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RemoveBlackoutDate($input: RemoveBlackoutDateInput!) {
  removeBlackoutDate(input: $input) {
    blackoutDate {
      id
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RemoveBlackoutDateMutation, RemoveBlackoutDateMutationVariables>;
export const UsersDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Users($active: Boolean, $after: String) {
  users(first: 50, after: $after, active: $active) {
    nodes {
      id
      username
      name
      version
      role
      active
      mustChangePassword
      twoStep
      createdAt
      lastUsedAt
      counters {
        id
        code
        name
      }
    }
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
  }
  counters(first: 200) {
    nodes {
      id
      code
      name
    }
  }
}
    `) as unknown as TypedDocumentString<UsersQuery, UsersQueryVariables>;
export const CreateUserDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CreateUser($input: CreateUserInput!) {
  createUser(input: $input) {
    user {
      id
      username
      name
    }
    oneTimePassword
    replayed
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<CreateUserMutation, CreateUserMutationVariables>;
export const UpdateUserDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UpdateUser($input: UpdateUserInput!) {
  updateUser(input: $input) {
    user {
      id
      name
      version
      role
      active
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateUserMutation, UpdateUserMutationVariables>;
export const ResetPasswordDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ResetPassword($input: UserIdInput!) {
  resetPassword(input: $input) {
    user {
      id
      username
      name
    }
    oneTimePassword
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ResetPasswordMutation, ResetPasswordMutationVariables>;
export const ResetTotpDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ResetTotp($input: UserIdInput!) {
  resetTotp(input: $input) {
    user {
      id
      twoStep
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ResetTotpMutation, ResetTotpMutationVariables>;
export const SystemStatusDocument = /*#__PURE__*/ new TypedDocumentString(`
    query SystemStatus {
  systemStatus {
    level
    version
    at
    parts {
      part
      level
      text
    }
  }
}
    `) as unknown as TypedDocumentString<SystemStatusQuery, SystemStatusQueryVariables>;
export const AccountDocument = /*#__PURE__*/ new TypedDocumentString(`
    query Account {
  signIns {
    id
    kind
    device
    address
    createdAt
    lastUsedAt
    expiresAt
    current
  }
  twoStep {
    on
    recoveryCodes
  }
}
    `) as unknown as TypedDocumentString<AccountQuery, AccountQueryVariables>;
export const ChangePasswordDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ChangePassword($input: ChangePasswordInput!) {
  changePassword(input: $input) {
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ChangePasswordMutation, ChangePasswordMutationVariables>;
export const StartTotpDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation StartTotp($input: PasswordInput!) {
  startTotp(input: $input) {
    uri
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<StartTotpMutation, StartTotpMutationVariables>;
export const ConfirmTotpDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ConfirmTotp($input: ConfirmTotpInput!) {
  confirmTotp(input: $input) {
    recoveryCodes
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ConfirmTotpMutation, ConfirmTotpMutationVariables>;
export const DisableTotpDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation DisableTotp($input: DisableTotpInput!) {
  disableTotp(input: $input) {
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<DisableTotpMutation, DisableTotpMutationVariables>;
export const RevokeSignInDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RevokeSignIn($input: RevokeSignInInput!) {
  revokeSignIn(input: $input) {
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeSignInMutation, RevokeSignInMutationVariables>;
export const RevokeOtherSignInsDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RevokeOtherSignIns {
  revokeOtherSignIns {
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<RevokeOtherSignInsMutation, RevokeOtherSignInsMutationVariables>;
export const PreviewImportDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation PreviewImport($file: Upload!, $options: ImportOptions!) {
  previewImport(input: {file: $file, options: $options}) {
    report {
      customers
      active
      counters {
        name
        isNew
        customers
        active
        withoutPhone
      }
      plans {
        name
        isNew
        price
        customers
      }
      columns {
        heading
        field
        source
      }
      balances {
        owing
        arrears
        ahead
        credit
      }
      notes
      faults {
        line
        column
        message
      }
      faultCount
    }
    fingerprint
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewImportMutation, PreviewImportMutationVariables>;
export const ImportCustomersDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ImportCustomers($file: Upload!, $options: ImportOptions!, $fingerprint: String!, $key: String!) {
  importCustomers(
    input: {file: $file, options: $options, fingerprint: $fingerprint, idempotencyKey: $key}
  ) {
    imported
    replayed
    report {
      customers
      faults {
        line
        column
        message
      }
      faultCount
    }
    errors {
      code
      field
      message
    }
  }
}
    `) as unknown as TypedDocumentString<ImportCustomersMutation, ImportCustomersMutationVariables>;
export const OpenPeriodDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation OpenPeriod($input: OpenPeriodInput!) {
  openPeriod(input: $input) {
    period {
      id
      month
      status
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<OpenPeriodMutation, OpenPeriodMutationVariables>;
export const PreviewGenerationDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewGeneration($month: Month!, $counterIds: [ID!]) {
  previewGeneration(month: $month, counterIds: $counterIds) {
    issued
    alreadyInvoiced
    totalAmount
    token
    skipped {
      reason
      count
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewGenerationQuery, PreviewGenerationQueryVariables>;
export const GenerateInvoicesDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation GenerateInvoices($input: GenerateInvoicesInput!) {
  generateInvoices(input: $input) {
    run {
      id
      status
      issued
      alreadyInvoiced
      skippedCount
      totalAmount
      nextAttemptAt
      errorReference
      progress {
        done
        total
      }
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<GenerateInvoicesMutation, GenerateInvoicesMutationVariables>;
export const GenerationProgressDocument = /*#__PURE__*/ new TypedDocumentString(`
    subscription GenerationProgress($runId: ID!) {
  generationProgress(runId: $runId) {
    run {
      id
      status
      issued
      alreadyInvoiced
      skippedCount
      totalAmount
      nextAttemptAt
      errorReference
      progress {
        done
        total
      }
    }
  }
}
    `) as unknown as TypedDocumentString<GenerationProgressSubscription, GenerationProgressSubscriptionVariables>;
export const AbandonGenerationDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation AbandonGeneration($input: AbandonGenerationInput!) {
  abandonGeneration(input: $input) {
    run {
      id
      status
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<AbandonGenerationMutation, AbandonGenerationMutationVariables>;
export const ClosingPreviewDocument = /*#__PURE__*/ new TypedDocumentString(`
    query ClosingPreview($month: Month!) {
  closingPreview(month: $month) {
    reason
    counter {
      id
      code
      name
    }
    count
    amount
  }
}
    `) as unknown as TypedDocumentString<ClosingPreviewQuery, ClosingPreviewQueryVariables>;
export const ClosePeriodDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ClosePeriod($input: ClosePeriodInput!) {
  closePeriod(input: $input) {
    period {
      id
      status
      closedAt
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ClosePeriodMutation, ClosePeriodMutationVariables>;
export const ReopenPeriodDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ReopenPeriod($input: ReopenPeriodInput!) {
  reopenPeriod(input: $input) {
    period {
      id
      status
      closedAt
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ReopenPeriodMutation, ReopenPeriodMutationVariables>;
export const PreviewPaymentDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewPayment($customerId: ID!, $amount: Rupiah!) {
  previewPayment(customerId: $customerId, amount: $amount) {
    outstanding
    credit
    allocations {
      invoiceId
      invoiceNumber
      amount
      remaining
    }
    warnings {
      code
      text
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewPaymentQuery, PreviewPaymentQueryVariables>;
export const RecordPaymentDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RecordPayment($input: RecordPaymentInput!) {
  recordPayment(input: $input) {
    payment {
      id
      receiptNumber
      amount
      credit
      receipt {
        number
        text32
        text48
        whatsApp
        roll58: link(paper: MM58) {
          url
        }
        roll80: link(paper: MM80) {
          url
        }
      }
      customer {
        id
        phone
        outstanding
        credit
      }
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
    `) as unknown as TypedDocumentString<RecordPaymentMutation, RecordPaymentMutationVariables>;
export const SubmitDepositDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SubmitDeposit($input: SubmitDepositInput!) {
  submitDeposit(input: $input) {
    deposit {
      id
      status
      amount
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SubmitDepositMutation, SubmitDepositMutationVariables>;
export const VerifyDepositDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation VerifyDeposit($input: VerifyDepositInput!) {
  verifyDeposit(input: $input) {
    deposit {
      id
      status
      counted
      difference
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<VerifyDepositMutation, VerifyDepositMutationVariables>;
export const RejectDepositDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RejectDeposit($input: RejectDepositInput!) {
  rejectDeposit(input: $input) {
    deposit {
      id
      status
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<RejectDepositMutation, RejectDepositMutationVariables>;
export const WriteOffInvoiceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation WriteOffInvoice($input: WriteOffInvoiceInput!) {
  writeOffInvoice(input: $input) {
    invoice {
      id
      status
      outstanding
      writtenOff
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<WriteOffInvoiceMutation, WriteOffInvoiceMutationVariables>;
export const ReverseWriteOffDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ReverseWriteOff($input: ReverseWriteOffInput!) {
  reverseWriteOff(input: $input) {
    invoice {
      id
      status
      outstanding
      writtenOff
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ReverseWriteOffMutation, ReverseWriteOffMutationVariables>;
export const VoidInvoiceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation VoidInvoice($input: VoidInvoiceInput!) {
  voidInvoice(input: $input) {
    invoice {
      id
      status
      outstanding
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<VoidInvoiceMutation, VoidInvoiceMutationVariables>;
export const ReversePaymentDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ReversePayment($input: ReversePaymentInput!) {
  reversePayment(input: $input) {
    payment {
      id
      credit
      reversal {
        reversedAt
      }
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ReversePaymentMutation, ReversePaymentMutationVariables>;
export const ApplyCreditDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ApplyCredit($input: ApplyCreditInput!) {
  applyCredit(input: $input) {
    customer {
      id
      outstanding
      credit
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ApplyCreditMutation, ApplyCreditMutationVariables>;
export const HoldCreditDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation HoldCredit($input: HoldCreditInput!) {
  holdCredit(input: $input) {
    payment {
      id
      creditHoldReason
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<HoldCreditMutation, HoldCreditMutationVariables>;
export const RefundCreditDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RefundCredit($input: RefundCreditInput!) {
  refundCredit(input: $input) {
    payment {
      id
      credit
      refunded
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<RefundCreditMutation, RefundCreditMutationVariables>;
export const ReverseRefundDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ReverseRefund($input: ReverseRefundInput!) {
  reverseRefund(input: $input) {
    payment {
      id
      credit
      refunded
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ReverseRefundMutation, ReverseRefundMutationVariables>;
export const PromiseToPayDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation PromiseToPay($input: PromiseToPayInput!) {
  promiseToPay(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<PromiseToPayMutation, PromiseToPayMutationVariables>;
export const BlockCustomerDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation BlockCustomer($input: BlockCustomerInput!) {
  blockCustomer(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<BlockCustomerMutation, BlockCustomerMutationVariables>;
export const RestoreCustomerDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RestoreCustomer($input: BlockCustomerInput!) {
  restoreCustomer(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<RestoreCustomerMutation, RestoreCustomerMutationVariables>;
export const CustomerChoicesDocument = /*#__PURE__*/ new TypedDocumentString(`
    query CustomerChoices {
  counters(first: 200) {
    nodes {
      id
      code
      name
      dueDay
    }
  }
  plans(first: 200) {
    nodes {
      id
      name
      price
    }
  }
}
    `) as unknown as TypedDocumentString<CustomerChoicesQuery, CustomerChoicesQueryVariables>;
export const CreateCustomerDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CreateCustomer($input: CreateCustomerInput!) {
  createCustomer(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<CreateCustomerMutation, CreateCustomerMutationVariables>;
export const UpdateCustomerDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UpdateCustomer($input: UpdateCustomerInput!) {
  updateCustomer(input: $input) {
    customer {
      id
      version
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<UpdateCustomerMutation, UpdateCustomerMutationVariables>;
export const AddChargeDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation AddCharge($input: AddChargeInput!) {
  addCharge(input: $input) {
    charge {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<AddChargeMutation, AddChargeMutationVariables>;
export const CancelChargeDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation CancelCharge($input: CancelChargeInput!) {
  cancelCharge(input: $input) {
    charge {
      id
      cancelledAt
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<CancelChargeMutation, CancelChargeMutationVariables>;
export const AddDiscountDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation AddDiscount($input: AddDiscountInput!) {
  addDiscount(input: $input) {
    discount {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<AddDiscountMutation, AddDiscountMutationVariables>;
export const EndDiscountDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation EndDiscount($input: EndDiscountInput!) {
  endDiscount(input: $input) {
    discount {
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
    `) as unknown as TypedDocumentString<EndDiscountMutation, EndDiscountMutationVariables>;
export const BillingScheduleDocument = /*#__PURE__*/ new TypedDocumentString(`
    query BillingSchedule($customerId: ID!) {
  billingSchedule(customerId: $customerId) {
    months
    effectiveFrom
    firstPossible
    nextDueOn
    coming {
      month
      coversFrom
      coversUntil
      dueOn
      total
    }
  }
}
    `) as unknown as TypedDocumentString<BillingScheduleQuery, BillingScheduleQueryVariables>;
export const PreviewBillingCycleDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewBillingCycle($customerId: ID!, $months: Int!, $effectiveFrom: Date!) {
  previewBillingCycle(
    customerId: $customerId
    months: $months
    effectiveFrom: $effectiveFrom
  ) {
    nextDueOn
    coming {
      month
      coversFrom
      coversUntil
      dueOn
      total
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewBillingCycleQuery, PreviewBillingCycleQueryVariables>;
export const SetBillingCycleDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SetBillingCycle($input: SetBillingCycleInput!) {
  setBillingCycle(input: $input) {
    billingSchedule {
      months
      nextDueOn
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SetBillingCycleMutation, SetBillingCycleMutationVariables>;
export const PreviewIsolationPolicyDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewIsolationPolicy($customerId: ID!, $mode: IsolationMode!, $days: Int!, $minimum: Rupiah!) {
  previewIsolationPolicy(
    customerId: $customerId
    mode: $mode
    days: $days
    minimum: $minimum
  ) {
    blockOn
    amount
    invoiceNumber
    promisedUntil
    warnings {
      code
      text
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewIsolationPolicyQuery, PreviewIsolationPolicyQueryVariables>;
export const PreviewPauseDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewPause($customerId: ID!, $fromOn: Date!, $untilOn: Date) {
  previewPause(customerId: $customerId, fromOn: $fromOn, untilOn: $untilOn) {
    nextDueOn
    coming {
      month
      coversFrom
      coversUntil
      dueOn
      total
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewPauseQuery, PreviewPauseQueryVariables>;
export const PauseCustomerDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation PauseCustomer($input: PauseCustomerInput!) {
  pauseCustomer(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<PauseCustomerMutation, PauseCustomerMutationVariables>;
export const ResumeCustomerDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation ResumeCustomer($input: ResumeCustomerInput!) {
  resumeCustomer(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<ResumeCustomerMutation, ResumeCustomerMutationVariables>;
export const PreviewEndOfServiceDocument = /*#__PURE__*/ new TypedDocumentString(`
    query PreviewEndOfService($customerId: ID!, $on: Date!) {
  previewEndOfService(customerId: $customerId, on: $on) {
    nextDueOn
    coming {
      month
      coversFrom
      coversUntil
      dueOn
      total
    }
  }
}
    `) as unknown as TypedDocumentString<PreviewEndOfServiceQuery, PreviewEndOfServiceQueryVariables>;
export const EndServiceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation EndService($input: EndServiceInput!) {
  endService(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<EndServiceMutation, EndServiceMutationVariables>;
export const UndoEndOfServiceDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation UndoEndOfService($input: UndoEndOfServiceInput!) {
  undoEndOfService(input: $input) {
    customer {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<UndoEndOfServiceMutation, UndoEndOfServiceMutationVariables>;
export const AccessChoicesDocument = /*#__PURE__*/ new TypedDocumentString(`
    query AccessChoices {
  devices {
    id
    name
    kind
  }
  drivers {
    kind
    serviceKinds {
      kind
      key
    }
  }
}
    `) as unknown as TypedDocumentString<AccessChoicesQuery, AccessChoicesQueryVariables>;
export const SetServiceAccessDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation SetServiceAccess($input: SetServiceAccessInput!) {
  setServiceAccess(input: $input) {
    access {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<SetServiceAccessMutation, SetServiceAccessMutationVariables>;
export const RemoveServiceAccessDocument = /*#__PURE__*/ new TypedDocumentString(`
    mutation RemoveServiceAccess($input: RemoveServiceAccessInput!) {
  removeServiceAccess(input: $input) {
    access {
      id
    }
    errors {
      code
      message
      field
    }
  }
}
    `) as unknown as TypedDocumentString<RemoveServiceAccessMutation, RemoveServiceAccessMutationVariables>;