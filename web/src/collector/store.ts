// The phone's database: customers with what they owe, who is signed in, and the outbox. Nothing of money is kept anywhere else.
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

import type { CollectorCashQuery, CollectorMeQuery, RecordPaymentInput, SyncQuery } from '../gql/collector';

export type Me = NonNullable<CollectorMeQuery['me']>;
export type Customer = NonNullable<SyncQuery['syncCustomers']>['customers'][number];
export type Invoice = Customer['openInvoices'][number];

/** What a payment settles of one invoice, in rupiah. */
export interface Part {
  invoiceId: string;
  number: string;
  amount: number;
  remaining: number;
}

/**
 * queued: not sent, or its answer was lost. sent: the server recorded it as the slip said. conflict: recorded, but it settled something
 * else. refused: not recorded.
 */
export type PaymentState = 'queued' | 'sent' | 'conflict' | 'refused';

/** A payment taken on this phone. `body` is what is sent, the same for every try. */
export interface Payment {
  number?: number;
  key: string;
  userId: string;
  state: PaymentState;
  takenAt: string;
  customer: { id: string; code: string; name: string; phone: string };
  body: RecordPaymentInput;
  promised: { parts: Part[]; credit: number };
  tries: number;
  code: string;
  reason: string;
  recorded: {
    id: string;
    receiptNumber: string;
    text32: string;
    whatsApp: string;
    parts: string[];
    credit: number;
    warnings: string[];
  } | null;
  /** Whether somebody has dealt with a conflict or a refusal. */
  isResolved: boolean;
}

/** The collector's cash as of a time. */
export interface Cash {
  at: string;
  answer: CollectorCashQuery;
}

interface Kept {
  me: Me;
  cursor: string;
  syncedAt: string;
  cash: Cash;
}

interface Schema extends DBSchema {
  customers: { key: string; value: Customer };
  outbox: { key: number; value: Payment; indexes: { key: string } };
  kept: { key: keyof Kept; value: Kept[keyof Kept] };
}

export type Store = IDBPDatabase<Schema>;

/** Grows with each change of the stores. `upgrade` only ever adds to the outbox: an update of the app must not lose a payment. */
const VERSION = 1;
const NAME = 'sebilling-kolektor';

let opened: Promise<Store> | undefined;

export function store(): Promise<Store> {
  opened ??= openDB<Schema>(NAME, VERSION, {
    upgrade(database, old) {
      if (old < 1) {
        database.createObjectStore('customers', { keyPath: 'customerId' });
        database.createObjectStore('outbox', { keyPath: 'number', autoIncrement: true }).createIndex('key', 'key', { unique: true });
        database.createObjectStore('kept');
      }
    },
    // A newer version of the app, in another tab, waits for this one.
    blocking: () => location.reload(),
    terminated: () => (opened = undefined),
  });
  return opened;
}

/** Whether this phone has nothing of the app; false if the browser doesn't tell. */
export async function isNew(): Promise<boolean> {
  const databases = indexedDB.databases as IDBFactory['databases'] | undefined;
  return databases !== undefined && !(await databases.call(indexedDB)).some((one) => one.name === NAME);
}

export async function kept<Name extends keyof Kept>(name: Name): Promise<Kept[Name] | undefined> {
  return (await (await store()).get('kept', name)) as Kept[Name] | undefined;
}

export async function keep<Name extends keyof Kept>(name: Name, value: Kept[Name]): Promise<void> {
  await (await store()).put('kept', value, name);
}

/** Put the phone into the hands of a user; whether it had another. Customers of another user go, the outbox stays. */
export async function handTo(me: Me): Promise<boolean> {
  const transaction = (await store()).transaction(['kept', 'customers'], 'readwrite');
  const before = (await transaction.objectStore('kept').get('me')) as Me | undefined;
  const isAnother = before?.user.id !== me.user.id;
  if (isAnother) {
    await transaction.objectStore('customers').clear();
    await transaction.objectStore('kept').clear();
  }
  await transaction.objectStore('kept').put(me, 'me');
  await transaction.done;
  return isAnother;
}

/** Forget the user, their customers, and the payments that need nobody any more. */
export async function forget(): Promise<void> {
  const transaction = (await store()).transaction(['kept', 'customers', 'outbox'], 'readwrite');
  const outbox = transaction.objectStore('outbox');
  for (const payment of await outbox.getAll()) {
    if (payment.number !== undefined && (payment.state === 'sent' || payment.isResolved)) await outbox.delete(payment.number);
  }
  await transaction.objectStore('customers').clear();
  await transaction.objectStore('kept').clear();
  await transaction.done;
}
