// The phone's copy of its collector's customers: page by page, each stored with its cursor in one transaction (docs/phone.md, section 4).
import { SyncDocument, type SyncQuery } from '../gql/collector';
import { ask, type Ended, endedBy } from './request';
import { kept, store } from './store';

type Page = NonNullable<SyncQuery['syncCustomers']>;

/** Read what has changed until nothing more has. `first`: the first page, if it was read already. */
export async function sync(now: () => string, changed: () => Promise<void>, first?: Page | null): Promise<Ended> {
  for (;;) {
    const since = (await kept('cursor')) ?? null;
    let page = since === null ? first : null;
    if (!page) {
      const outcome = await ask(SyncDocument, { since, counterId: null });
      if (outcome.kind === 'lost') return { kind: 'lost' };
      if (outcome.kind === 'refused' || outcome.data.syncCustomers === null) return endedBy(outcome.errors);
      page = outcome.data.syncCustomers;
    }
    await apply(page, since, now());
    if (page.reset || page.customers.length > 0 || page.removed.length > 0) await changed();
    if (!page.more) return { kind: 'done' };
  }
}

async function apply(page: Page, since: string | null, at: string): Promise<void> {
  const transaction = (await store()).transaction(['customers', 'kept'], 'readwrite');
  const customers = transaction.objectStore('customers');
  const notes = transaction.objectStore('kept');
  // Another user may have come meanwhile: then the page isn't theirs.
  if (((await notes.get('cursor')) ?? null) === since && (await notes.get('me')) !== undefined) {
    const writes: Promise<unknown>[] = [];
    if (page.reset) writes.push(customers.clear());
    for (const one of page.removed) writes.push(customers.delete(one.customerId));
    for (const customer of page.customers) writes.push(customers.put(customer));
    writes.push(notes.put(page.cursor, 'cursor'), notes.put(at, 'syncedAt'));
    await Promise.all(writes);
  }
  await transaction.done;
}
