// What is asked at once on a phone that has nothing of the app: who is signed in, and their first customers, while most scripts are on
// their way. Such a phone has nothing to send, so nothing can go out under another's name.
import { CollectorStartDocument, type CollectorStartQuery } from '../gql/collector';
import { ask } from './request';
import { isNew, type Me } from './store';

interface Start {
  me: Me;
  customers: CollectorStartQuery['syncCustomers'];
}

let asked: Promise<Start | null> | undefined;

export function askStart(): void {
  asked = start().catch(() => null);
}

/** The answer; null if nothing was asked, or not answered well: then each question is asked in its turn. Given once. */
export async function takeStart(): Promise<Start | null> {
  const taken = asked;
  asked = undefined;
  return (await taken) ?? null;
}

async function start(): Promise<Start | null> {
  if (!(await isNew())) return null;
  const outcome = await ask(CollectorStartDocument, {});
  return outcome.kind === 'answered' && outcome.data.me !== null ? { me: outcome.data.me, customers: outcome.data.syncCustomers } : null;
}
