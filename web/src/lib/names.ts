// What the API's enums are called on screens. A value without a name doesn't compile.
import type {
  AttentionKind,
  ChargeKind,
  DebtAge,
  DepositStatus,
  DepositType,
  GapReason,
  GenerationStatus,
  ImportField,
  InvoiceStatus,
  IsolationMode,
  LeakKind,
  PaymentMethod,
  PeriodStatus,
  PromiseState,
  Report,
  SignInKind,
  SkipReason,
  State,
  SurplusReason,
  SuspensionKind,
} from '../gql/documents';
import { m } from '../paraglide/messages';

type Names<Value extends string> = Record<Value, () => string>;

export const skipReasons: Names<SkipReason> = {
  COVERED_BY_CYCLE: m.skip_covered_by_cycle,
  INACTIVE: m.skip_inactive,
  NOT_INSTALLED_YET: m.skip_not_installed_yet,
  PAUSED: m.skip_paused,
  SERVICE_ENDED: m.skip_service_ended,
  ZERO_AMOUNT: m.skip_zero_amount,
};

export const methods: Names<PaymentMethod> = {
  CASH: m.method_cash,
  TRANSFER: m.method_transfer,
  QRIS: () => 'QRIS',
  OTHER: m.method_other,
  OPENING: m.method_opening,
};

/** Methods with which a person can pay here; an opening balance comes by an import only. */
export const payable: readonly PaymentMethod[] = ['CASH', 'TRANSFER', 'QRIS', 'OTHER'];

export const runStates: Names<GenerationStatus> = {
  RUNNING: m.run_running,
  FINISHED: m.run_finished,
  FAILING: m.run_failing,
  ABANDONED: m.run_abandoned,
};

export const gapReasons: Names<GapReason> = {
  NOT_INVOICED: m.gap_not_invoiced,
  GENERATION_RUNNING: m.gap_generation_running,
  DEPOSITS_WAITING: m.gap_deposits_waiting,
  MONEY_UNRESOLVED: m.gap_money_unresolved,
};

export const depositStates: Names<DepositStatus> = {
  SUBMITTED: m.deposit_submitted,
  VERIFIED: m.deposit_verified,
  REJECTED: m.deposit_rejected,
};

export const depositTypes: Names<DepositType> = { MANUAL: m.deposit_manual, TRANSFER: m.deposit_transfer };

export const periodStates: Names<PeriodStatus> = { OPEN: m.period_open, CLOSED: m.period_closed };

export const invoiceStates: Names<InvoiceStatus> = {
  OPEN: m.invoice_open,
  PARTLY_PAID: m.invoice_partly_paid,
  PAID: m.invoice_paid,
  WRITTEN_OFF: m.invoice_written_off,
  VOID: m.invoice_void,
};

export const importFields: Names<ImportField> = {
  CODE: m.code,
  NAME: m.name,
  PHONE: m.import_phone,
  ADDRESS: m.address,
  COUNTER: m.counter,
  PLAN: m.plan,
  PRICE: m.price,
  INSTALLED_ON: m.installed,
  PPPOE_NAME: m.pppoe_name,
  ACTIVE: m.status,
  ARREARS: m.import_arrears,
  DUE_ON: m.due_on,
  CREDIT: m.credit,
  PAID_UNTIL: m.import_paid_until,
  CYCLE_MONTHS: m.import_cycle,
};

export const chargeKinds: Names<ChargeKind> = {
  INSTALLATION: m.charge_installation,
  DEVICE: m.charge_device,
  CABLE: m.charge_cable,
  LATE_FEE: m.late_fee,
  OTHER: m.method_other,
};

export const surplusReasons: Names<SurplusReason> = {
  OVERPAID: m.surplus_overpaid,
  IN_ADVANCE: m.surplus_in_advance,
  ALREADY_PAID: m.surplus_already_paid,
};

export const suspensionKinds: Names<SuspensionKind> = {
  PAUSED: m.suspension_paused,
  BLOCKED: m.suspension_blocked,
  ENDED: m.suspension_ended,
};

export const accessStates: Names<State> = { ACTIVE: m.active, BLOCKED: m.blocked, ABSENT: m.access_absent, DRIFTED: m.access_drifted };

export const leakKinds: Names<LeakKind> = {
  NOT_A_CUSTOMER: m.leak_not_a_customer,
  UNPAID: m.leak_unpaid,
  ENDED: m.leak_ended,
  FASTER_THAN_SOLD: m.leak_faster_than_sold,
  DOUBLE_LOGIN: m.leak_double_login,
};

export const attentionKinds: Names<AttentionKind> = {
  DEPOSITS_TO_VERIFY: m.attention_deposits,
  UNRESOLVED_MONEY: m.attention_money,
  HOLDS: m.attention_holds,
  DEVICES_AWAY: m.attention_devices,
  OUT_OF_SYNC: m.attention_out_of_sync,
  PERIODS_NOT_GENERATED: m.attention_periods,
  PERIOD_NOT_OPEN: m.attention_not_open,
};

export const debtAges: Names<DebtAge> = {
  NOT_DUE: m.age_not_due,
  UP_TO_30: m.age_up_to_30,
  FROM_31_TO_60: m.age_31_to_60,
  FROM_61_TO_90: m.age_61_to_90,
  OVER_90: m.age_over_90,
};

export const promiseStates: Names<PromiseState> = {
  OPEN: m.promise_open,
  KEPT: m.promise_kept,
  BROKEN: m.promise_broken,
  REPLACED: m.promise_replaced,
};

export const isolationModes: Names<IsolationMode> = {
  FROM_DUE_DATE: m.mode_from_due_date,
  FROM_INVOICE: m.mode_from_invoice,
  FROM_INSTALL_DATE: m.mode_from_install_date,
  MANUAL: m.mode_manual,
};

export const signInKinds: Names<SignInKind> = {
  TOKEN: m.sign_in_token,
  REFRESHABLE: m.sign_in_refreshable,
  COOKIE: m.sign_in_cookie,
  SERVICE: m.sign_in_service,
};

export const reports: Record<Report, { title: () => string; about: () => string }> = {
  RECAP: { title: m.report_recap, about: m.report_recap_about },
  INVOICES: { title: m.report_invoices, about: m.report_invoices_about },
  PAYMENTS: { title: m.report_payments, about: m.report_payments_about },
  DEPOSITS: { title: m.report_deposits, about: m.report_deposits_about },
  JOURNAL: { title: m.report_journal, about: m.report_journal_about },
};
