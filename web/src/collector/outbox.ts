// The outbox: each payment is stored before the screen changes, and sent in order until the server has answered it.
import { SendOutboxDocument, type SendOutboxMutation } from '../gql/collector';
import type { UserError } from '../lib/api.svelte';
import { ask, type Ended, endedBy } from './request';
import { type Payment, store } from './store';

const BATCH = 20;
const KEPT_DAYS = 30;
/** Codes that say nothing about a payment. */
const OF_THE_USER = new Set(['UNAUTHENTICATED', 'FORBIDDEN']);

type Result = NonNullable<SendOutboxMutation['recordPayments']['results']>[number];
type Recorded = NonNullable<Result['payment']>;

/** Store a payment durably; only then may the screen say that it was taken. Storing the same key again changes nothing. Raises DOMException. */
export async function take(payment: Payment): Promise<void> {
  const transaction = (await store()).transaction('outbox', 'readwrite', { durability: 'strict' });
  if ((await transaction.store.index('key').getKey(payment.key)) === undefined) await transaction.store.add(payment);
  await transaction.done;
}

export async function payments(): Promise<Payment[]> {
  return (await store()).getAll('outbox');
}

/** Delete what was sent long ago. */
export async function prune(now: number): Promise<void> {
  const oldest = new Date(now - KEPT_DAYS * 86_400_000).toISOString();
  const transaction = (await store()).transaction('outbox', 'readwrite');
  for (const payment of await transaction.store.getAll()) {
    const isOver = payment.state === 'sent' || payment.isResolved;
    if (isOver && payment.takenAt < oldest && payment.number !== undefined) await transaction.store.delete(payment.number);
  }
  await transaction.done;
}

/** Put a refused payment back into the queue: with its key and its body, it is still the same payment. */
export async function sendAgain(key: string): Promise<void> {
  await change(key, (payment) =>
    payment.state === 'refused' ? { ...payment, state: 'queued', code: '', reason: '', isResolved: false } : payment,
  );
}

/** Note that somebody has dealt with a conflict or a refusal. */
export async function resolve(key: string): Promise<void> {
  await change(key, (payment) => ({ ...payment, isResolved: true }));
}

/** Send what this user took, the oldest first. A payment that the server couldn't deal with now is passed over until the next time. */
export async function drain(userId: string, changed: () => Promise<void>): Promise<Ended> {
  const passedOver = new Set<string>();
  // How many are still sent one by one.
  let alone = 0;
  for (;;) {
    const queued = (await payments()).filter((one) => one.userId === userId && one.state === 'queued' && !passedOver.has(one.key));
    const batch = queued.slice(0, alone > 0 ? 1 : BATCH);
    if (batch.length === 0) return { kind: passedOver.size > 0 ? 'lost' : 'done' };
    const outcome = await ask(SendOutboxDocument, { payments: batch.map((one) => one.body) });
    if (outcome.kind === 'lost') return { kind: 'lost' };
    const payload = outcome.kind === 'answered' ? outcome.data.recordPayments : { results: null, errors: outcome.errors };
    if (payload.results === null) {
      if (payload.errors.some((error) => OF_THE_USER.has(error.code))) return endedBy(payload.errors);
      // One of them may be unreadable: it must not stop the others.
      if (batch.length > 1) {
        alone = batch.length;
        continue;
      }
      if (payload.errors.some((error) => error.code === 'INTERNAL')) passedOver.add(batch[0]?.key ?? '');
      else await refuse(batch[0], payload.errors);
    } else if (payload.results.length < batch.length) {
      return { kind: 'lost' };
    } else {
      const serverTime = outcome.kind === 'answered' ? outcome.serverTime : null;
      for (const [index, result] of payload.results.entries()) {
        const payment = batch[index];
        if (payment !== undefined && !(await settleOne(payment, result, serverTime))) passedOver.add(payment.key);
      }
    }
    alone -= 1;
    await changed();
  }
}

/** Keep what the server said of one payment; false if it has to be asked again later. */
async function settleOne(payment: Payment, result: Result, serverTime: string | null): Promise<boolean> {
  if (result.payment !== null) {
    await record(
      payment,
      result.payment,
      result.warnings.map((warning) => warning.text),
    );
    return true;
  }
  if (result.errors.some((error) => error.code === 'INTERNAL')) {
    await change(payment.key, (one) => ({ ...one, tries: one.tries + 1 }));
    return false;
  }
  const isClockWrong = result.errors.some((error) => error.code === 'INVALID_DATE' && error.field.includes('collectedAt'));
  if (isClockWrong && serverTime !== null && payment.body.collectedAt !== serverTime && payment.code !== 'INVALID_DATE') {
    // The phone's clock is wrong: the server's is sent instead. What was refused has changed nothing, so the key stays.
    await change(payment.key, (one) => ({ ...one, code: 'INVALID_DATE', body: { ...one.body, collectedAt: serverTime } }));
    return true;
  }
  await refuse(payment, result.errors);
  return true;
}

async function refuse(payment: Payment | undefined, errors: readonly UserError[]): Promise<void> {
  if (payment === undefined) return;
  const reason = errors.map((error) => error.message).join(' ');
  await change(payment.key, (one) => ({ ...one, state: 'refused', tries: one.tries + 1, code: errors[0]?.code ?? '', reason }));
}

/** Keep the receipt, and what the customer owes now, in one transaction. */
async function record(payment: Payment, recorded: Recorded, warnings: string[]): Promise<void> {
  const transaction = (await store()).transaction(['outbox', 'customers'], 'readwrite');
  const outbox = transaction.objectStore('outbox');
  const stored = await outbox.index('key').get(payment.key);
  if (stored !== undefined && stored.state !== 'sent' && stored.state !== 'conflict') {
    await outbox.put({
      ...stored,
      state: isAsPromised(stored, recorded) ? 'sent' : 'conflict',
      tries: stored.tries + 1,
      code: recorded.surplusReason ?? '',
      reason: '',
      recorded: {
        id: recorded.id,
        receiptNumber: recorded.receiptNumber,
        text32: recorded.receipt.text32,
        whatsApp: recorded.receipt.whatsApp,
        parts: recorded.allocations.map((one) => one.invoiceNumber),
        credit: recorded.credit,
        warnings,
      },
    });
  }
  const customer = await transaction.objectStore('customers').get(payment.customer.id);
  if (customer !== undefined && recorded.customer !== null) {
    const left = new Map(recorded.allocations.flatMap((one) => (one.invoice === null ? [] : [[one.invoice.id, one.invoice.outstanding]])));
    await transaction.objectStore('customers').put({
      ...customer,
      outstanding: recorded.customer.outstanding ?? customer.outstanding,
      credit: recorded.customer.credit ?? customer.credit,
      openInvoices: customer.openInvoices
        .map((invoice) => ({ ...invoice, outstanding: left.get(invoice.invoiceId) ?? invoice.outstanding }))
        .filter((invoice) => invoice.outstanding > 0),
    });
  }
  await transaction.done;
}

/** Whether each invoice got what the slip said. */
function isAsPromised(payment: Payment, recorded: Recorded): boolean {
  if (recorded.surplusReason === 'ALREADY_PAID') return false;
  const got = new Map(recorded.allocations.map((one) => [one.invoiceNumber, one.amount]));
  return payment.promised.parts.every((part) => (got.get(part.number) ?? 0) >= part.amount);
}

async function change(key: string, changed: (payment: Payment) => Payment): Promise<void> {
  const transaction = (await store()).transaction('outbox', 'readwrite');
  const payment = await transaction.store.index('key').get(key);
  if (payment !== undefined) await transaction.store.put(changed(payment));
  await transaction.done;
}
