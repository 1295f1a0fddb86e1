// What the states of payments on the phone are called.
import { m } from '../paraglide/messages';
import type { PaymentState } from './store';

export const paymentStates: Record<PaymentState, () => string> = {
  queued: m.state_queued,
  sent: m.state_sent,
  conflict: m.state_conflict,
  refused: m.state_refused,
};
