// The ISP's settings as they stand in the form.
import type { SettingsQuery } from '../../gql/documents';

export function typed(from: NonNullable<SettingsQuery['billingSettings']>) {
  return {
    companyName: from.companyName,
    companyAddress: from.companyAddress,
    companyPhone: from.companyPhone,
    receiptFooter: from.receiptFooter,
    paymentInstructions: from.paymentInstructions,
    customerPromiseDays: String(from.customerPromiseDays),
    taxRate: from.taxRate,
    taxNumerator: String(from.taxNumerator),
    taxDenominator: String(from.taxDenominator),
    taxRounding: from.taxRounding,
    prorateFirstMonth: from.prorateFirstMonth,
    lateFee: String(from.lateFee),
    lateFeeAfterDays: String(from.lateFeeAfterDays),
    massBlockPercent: String(from.massBlockPercent),
    pauseAfterBlockedDays: String(from.pauseAfterBlockedDays),
    cashLimit: String(from.cashLimit),
    cashLimitAction: from.cashLimitAction,
    lookEveryMinutes: String(from.lookEveryMinutes),
    driftAction: from.driftAction,
  };
}

export type Typed = ReturnType<typeof typed>;

/** A part of the form: its values, why one can't be sent, and what somebody else has set meanwhile. */
export interface Part {
  form: Typed;
  problem: (name: keyof Typed) => string;
  theirs: (name: keyof Typed) => string;
}

export const AMOUNTS: readonly (keyof Typed)[] = ['lateFee', 'cashLimit'];
export const NUMBERS: readonly (keyof Typed)[] = [
  'taxNumerator',
  'taxDenominator',
  'lateFeeAfterDays',
  'massBlockPercent',
  'pauseAfterBlockedDays',
  'lookEveryMinutes',
  'customerPromiseDays',
];
