// Who is signed in, and what they may do: the menu and the buttons follow the permissions that the server gives.
import type { MeQuery, Permission } from '../gql/documents';
import { MeDocument, EndSignInDocument } from '../gql/documents';
import { ask, mutate } from './api.svelte';
import { onSignedOut } from './client';
import { takeEarly } from './early';
import { setClock, todayIn } from './clock';

type Me = NonNullable<MeQuery['me']>;

class Session {
  /** undefined until the server has answered, null if nobody is signed in. */
  me = $state.raw<Me | null>();
  /** Whether the server could not be asked: that is not the same as nobody being signed in. */
  isUnreachable = $state(false);

  can(permission: Permission): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }

  /** The day at the person's counters. */
  get today(): string {
    return todayIn();
  }

  async load(): Promise<void> {
    const early = await takeEarly();
    if (early !== undefined) {
      this.#enter(early);
      return;
    }
    const result = await ask(MeDocument, {});
    const isSignedOut = result.error?.graphQLErrors.some((error) => error.extensions['code'] === 'UNAUTHENTICATED') ?? false;
    this.isUnreachable = result.error !== undefined && !isSignedOut;
    if (!this.isUnreachable) this.#enter(result.data?.me ?? null);
  }

  #enter(me: Me | null): void {
    setClock(me?.counters ?? []);
    this.me = me;
  }

  async signOut(): Promise<void> {
    await mutate(EndSignInDocument, 'signOut', {});
    this.forget();
  }

  /** Nobody is signed in any more: what was read goes with the page. */
  forget(): void {
    if (this.me) location.reload();
    this.me = null;
  }
}

export const session = new Session();
onSignedOut(() => session.forget());
