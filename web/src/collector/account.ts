// Signing in and out on a phone with an outbox.
import { CollectorSignInDocument, type SignInInput, SignOutDocument } from '../gql/collector';
import type { UserError } from '../lib/api.svelte';
import { m } from '../paraglide/messages';
import { exchange } from './exchange';
import { failureOf } from './failure';
import { alone, announce } from './lock';
import { payments } from './outbox';
import { phone } from './phone.svelte';
import { ask } from './request';
import { forget } from './store';

/** Sign in; not while another tab sends, which must not end as another user than it began. */
export async function signIn(input: SignInInput): Promise<readonly UserError[]> {
  const outcome = await alone(() => ask(CollectorSignInDocument, { input }));
  const errors = failureOf(outcome) ?? (outcome?.kind === 'answered' ? outcome.data.signIn.errors : []);
  if (errors.length === 0) {
    await askToPersist();
    await exchange();
  }
  return errors;
}

/** Ask the browser not to delete the phone's database when storage is short. */
async function askToPersist(): Promise<void> {
  const storage = navigator.storage as StorageManager | undefined;
  await storage?.persist?.();
}

/** Sign out; the reason if that isn't possible, else nothing. What isn't sent would have nobody to send it. */
export async function signOut(): Promise<string> {
  const reason = await alone(async () => {
    const queued = (await payments()).filter((payment) => payment.userId === phone.me?.user.id && payment.state === 'queued');
    if (queued.length > 0) return m.sign_out_refused({ number: queued.length });
    const outcome = await ask(SignOutDocument, {});
    const failures = failureOf(outcome)?.filter((error) => error.code !== 'UNAUTHENTICATED') ?? [];
    if (failures.length > 0) return failures.map((error) => error.message).join(' ');
    await forget();
    return '';
  });
  await phone.readAll();
  announce();
  return reason ?? '';
}
