// Exchange with the server: who is signed in, then the outbox, then the sync, then the own cash. One tab at a time; when the app starts,
// the line is back, the app is looked at again, by a timer, and by a button.
import { CollectorCashDocument, CollectorMeDocument } from '../gql/collector';
import { alone, announce } from './lock';
import { drain } from './outbox';
import { phone } from './phone.svelte';
import { ask, endedBy } from './request';
import { takeStart } from './start';
import { handTo, keep, type Me } from './store';
import { sync } from './sync';

const EVERY_MS = 60_000;
const FIRST_PAUSE_MS = 1_000;
const now = () => new Date().toISOString();

let pause = FIRST_PAUSE_MS;
let timer: ReturnType<typeof setTimeout> | undefined;
let isAtIt = false;
let again = false;

/** Exchange now; if that is going on already, once more after it. */
export async function exchange(): Promise<void> {
  if (isAtIt) {
    again = true;
    return;
  }
  isAtIt = phone.isBusy = true;
  try {
    do {
      again = false;
      await alone(once);
    } while (again);
  } finally {
    isAtIt = phone.isBusy = false;
    schedule();
  }
}

/** Begin: the app has started. Until the first exchange has ended. */
export async function keepExchanging(): Promise<void> {
  addEventListener('online', () => {
    pause = FIRST_PAUSE_MS;
    void exchange();
  });
  addEventListener('offline', () => (phone.line = 'offline'));
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void exchange();
  });
  await exchange();
}

function schedule(): void {
  clearTimeout(timer);
  if (phone.line === 'offline') {
    timer = setTimeout(() => void exchange(), pause);
    pause = Math.min(EVERY_MS, pause * 2);
  } else {
    pause = FIRST_PAUSE_MS;
    timer = setTimeout(() => void exchange(), EVERY_MS);
  }
}

async function once(): Promise<void> {
  // The cookie is the whole browser's: another user may have signed in on another page.
  const start = await takeStart();
  const me = start?.me ?? (await caller());
  if (me === null) return;
  if (await handTo(me)) await phone.readCustomers();
  await phone.readNotes();
  if (!phone.mayCollect) return;
  const sent = await drain(me.user.id, async () => {
    await phone.readAll();
    announce();
  });
  // What was sent without an answer may be recorded: a sync now would subtract it twice.
  const ended = sent.kind === 'done' ? await sync(now, () => phone.readCustomers(), start?.customers) : sent;
  phone.line = ended.kind === 'lost' ? 'offline' : 'online';
  phone.needsSignIn = ended.kind === 'signedOut';
  phone.refusal = ended.kind === 'refused' ? ended.message : '';
  if (ended.kind !== 'done') return;
  await readCash(me);
  await phone.readNotes();
  announce();
}

/** Who is signed in; null if nobody is, or the line is bad. */
async function caller(): Promise<Me | null> {
  const outcome = await ask(CollectorMeDocument, {});
  if (outcome.kind === 'answered' && outcome.data.me !== null) return outcome.data.me;
  if (outcome.kind === 'lost') {
    phone.line = 'offline';
    return null;
  }
  const ended = endedBy(outcome.errors);
  phone.line = 'online';
  phone.needsSignIn = ended.kind === 'signedOut';
  phone.refusal = ended.kind === 'refused' ? ended.message : '';
  return null;
}

async function readCash(me: Me): Promise<void> {
  const outcome = await ask(CollectorCashDocument, { me: me.user.id });
  if (outcome.kind === 'answered') await keep('cash', { at: now(), answer: outcome.data });
}
