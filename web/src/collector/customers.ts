// Finding customers among thousands as the collector types, and putting them in the order of the way.
import { todayIn } from '../lib/clock';
import { debtsAfter, sum } from './debts';
import type { Customer, Invoice, Me, Payment } from './store';

/** A customer as the list shows them. Amounts are what is owed after the payments that wait on this phone. */
export interface Entry {
  customer: Customer;
  area: string;
  debts: Invoice[];
  outstanding: number;
  isOverdue: boolean;
  /** The day by the clock of the customer's counter. */
  today: string;
  isWaiting: boolean;
  /** What searches look through. */
  text: string;
}

export type View = 'overdue' | 'owing' | 'all';

const plain = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
const digits = (text: string) => text.replace(/\D/g, '').replace(/^(62|0)/, '');

/** The street or hamlet of an address: what is before the number of the house. */
function areaOf(address: string): string {
  return (
    address
      .split(/,|\bno\b\.?|\brt\b|\d/i)[0]
      ?.trim()
      .replace(/\s+/g, ' ') ?? ''
  );
}

export function entriesOf(customers: readonly Customer[], waiting: ReadonlyMap<string, Payment[]>, counters: Me['counters']): Entry[] {
  const days = new Map(counters.map((counter) => [counter.id, todayIn(counter.timezone)]));
  const entries = customers.map((customer) => {
    const queued = waiting.get(customer.customerId) ?? [];
    const debts = debtsAfter(customer, queued);
    const today = days.get(customer.counterId) ?? todayIn();
    return {
      customer,
      area: areaOf(customer.address),
      debts,
      outstanding: sum(debts),
      isOverdue: debts.some((debt) => debt.dueOn < today),
      isWaiting: queued.length > 0,
      today,
      text: plain(`${customer.name} ${customer.code} ${customer.address} ${customer.phone}`),
    };
  });
  const order = new Intl.Collator('id', { numeric: true });
  return entries.sort(
    (a, b) =>
      order.compare(a.area, b.area) ||
      order.compare(a.customer.address, b.customer.address) ||
      order.compare(a.customer.name, b.customer.name),
  );
}

export function found(entries: readonly Entry[], search: string, counterId: string, view: View): Entry[] {
  const words = plain(search).split(/\s+/).filter(Boolean);
  const number = /^[\d\s+().-]{4,}$/.test(search.trim()) ? digits(search) : '';
  return entries.filter((entry) => {
    if (counterId !== '' && entry.customer.counterId !== counterId) return false;
    if (view === 'owing' && entry.outstanding === 0) return false;
    if (view === 'overdue' && !entry.isOverdue) return false;
    return words.every((word) => entry.text.includes(word)) || (number !== '' && digits(entry.customer.phone).includes(number));
  });
}
