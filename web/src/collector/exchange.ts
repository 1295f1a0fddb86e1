// Exchange with the server: who is signed in, then the outbox, then the sync, then the own cash. One tab at a time; when the app starts,
// the line is back, the app is looked at again, by a timer, and by a button.
import { CollectorCashDocument, CollectorMeDocument } from '../gql/collector';
import { alone, announce } from './lock';
import { drain } from './outbox';
import { phone } from './phone.svelte';
import { ask } from './request';
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

/** Begin: the app has started. */
export function keepExchanging(): void {
  addEventListener('online', () => {
    pause = FIRST_PAUSE_MS;
    void exchange();
  });
  addEventListener('offline', () => (phone.line = 'offline'));
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void exchange();
  });
  void exchange();
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
  const me = await caller();
  if (me === null) return;
  if (await handTo(me)) await phone.readCustomers();
  await phone.readNotes();
  phone.refusal = '';
  const sent = await drain(me.user.id, async () => {
    await phone.readAll();
    announce();
  });
  phone.needsSignIn = sent.kind === 'signedOut';
  phone.line = sent.kind === 'lost' ? 'offline' : 'online';
  if (sent.kind === 'refused') phone.refusal = sent.message;
  // What was sent without an answer may be recorded: a sync now would subtract it twice.
  if (sent.kind !== 'done') return;
  const isCurrent = await sync(now, () => phone.readCustomers());
  if (!isCurrent) phone.line = 'offline';
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
  phone.line = 'online';
  const errors = outcome.errors;
  phone.needsSignIn = errors.some((error) => error.code === 'UNAUTHENTICATED');
  if (!phone.needsSignIn) phone.refusal = errors.map((error) => error.message).join(' ');
  return null;
}

async function readCash(me: Me): Promise<void> {
  const outcome = await ask(CollectorCashDocument, { me: me.user.id });
  if (outcome.kind === 'answered') await keep('cash', { at: now(), answer: outcome.data });
}
