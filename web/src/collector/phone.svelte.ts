// What the screens show: read from the phone's database, again whenever this or another tab has changed it.
import type { Permission } from '../gql/collector';
import { setClock } from '../lib/clock';
import { entriesOf } from './customers';
import { waitingByCustomer } from './debts';
import { onAnnounced } from './lock';
import { payments } from './outbox';
import { type Cash, type Customer, kept, type Me, type Payment, store } from './store';

type Line = 'unknown' | 'online' | 'offline';

class Phone {
  /** Whose phone it is; undefined until that is read, null if nobody has signed in. */
  me = $state.raw<Me | null>();
  customers = $state.raw<Customer[]>([]);
  payments = $state.raw<Payment[]>([]);
  cash = $state.raw<Cash>();
  syncedAt = $state<string>();
  line = $state<Line>('unknown');
  isBusy = $state(false);
  /** Whether the browser stores nothing, such as in a private window: then no payment may be taken. */
  isWithoutStorage = $state(false);
  /** Whether the server wants to know again who this is. */
  needsSignIn = $state(false);
  /** What the server refuses altogether. */
  refusal = $state('');

  /** Payments of the signed-in user; those of others wait for their owner. */
  readonly own = $derived(this.payments.filter((payment) => payment.userId === this.me?.user.id));
  readonly ofOthers = $derived(this.payments.filter((payment) => payment.userId !== this.me?.user.id && payment.state === 'queued'));
  readonly queued = $derived(this.own.filter((payment) => payment.state === 'queued'));
  /** Whoever took it, the money is in hand. */
  readonly waiting = $derived(waitingByCustomer(this.payments));
  readonly entries = $derived(entriesOf(this.customers, this.waiting, this.me?.counters ?? []));

  can(permission: Permission): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }

  /** Whether this app is for the signed-in user's role. */
  get mayCollect(): boolean {
    return this.can('RECORD_PAYMENTS') && this.can('SEE_SYNC_CUSTOMERS');
  }

  async readAll(): Promise<void> {
    await Promise.all([this.readPayments(), this.readCustomers(), this.readNotes()]);
  }

  async readPayments(): Promise<void> {
    this.payments = await payments();
  }

  async readCustomers(): Promise<void> {
    this.customers = await (await store()).getAll('customers');
  }

  async readNotes(): Promise<void> {
    const me = (await kept('me')) ?? null;
    setClock(me?.counters ?? []);
    this.me = me;
    this.cash = await kept('cash');
    this.syncedAt = await kept('syncedAt');
  }
}

export const phone = new Phone();
onAnnounced(() => void phone.readAll());
