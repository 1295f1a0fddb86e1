// What a payment settles, by the server's rule: the invoices that it names, then the oldest; the rest becomes credit (titipan).
import type { Customer, Invoice, Part, Payment } from './store';

export interface Settlement {
  parts: Part[];
  credit: number;
}

/** What `amount` settles of these debts, in rupiah. */
export function settle(debts: readonly Invoice[], amount: number, named: readonly string[] = []): Settlement {
  const first = named.flatMap((id) => debts.filter((debt) => debt.invoiceId === id));
  const parts: Part[] = [];
  let rest = amount;
  for (const debt of [...first, ...debts.filter((one) => !first.includes(one))]) {
    const part = Math.min(rest, debt.outstanding);
    if (part > 0) parts.push({ invoiceId: debt.invoiceId, number: debt.number, amount: part, remaining: debt.outstanding - part });
    rest -= part;
  }
  return { parts, credit: rest };
}

/** What the customer still owes once the payments that wait on this phone are sent. */
export function debtsAfter(customer: Customer, waiting: readonly Payment[]): Invoice[] {
  let debts: Invoice[] = customer.openInvoices;
  for (const payment of waiting) {
    const { parts } = settle(debts, payment.body.amount, (payment.body.invoiceIds ?? []) as string[]);
    debts = debts
      .map((debt) => ({ ...debt, outstanding: parts.find((part) => part.invoiceId === debt.invoiceId)?.remaining ?? debt.outstanding }))
      .filter((debt) => debt.outstanding > 0);
  }
  return debts;
}

export function sum(debts: readonly Invoice[]): number {
  return debts.reduce((total, debt) => total + debt.outstanding, 0);
}

/** The payments that aren't sent, in the order in which they were taken, by the customer's id. */
export function waitingByCustomer(payments: readonly Payment[]): ReadonlyMap<string, Payment[]> {
  const found = new Map<string, Payment[]>();
  for (const payment of payments) {
    if (payment.state !== 'queued') continue;
    const others = found.get(payment.customer.id);
    if (others) others.push(payment);
    else found.set(payment.customer.id, [payment]);
  }
  return found;
}
