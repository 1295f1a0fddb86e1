// The cash that the collector has with them: as the server last said, and what was taken since.
import type { Cash, Payment } from './store';

/** Cash that waits in the outbox. */
export function queuedCash(queued: readonly Payment[]): number {
  return queued.filter((payment) => payment.body.method === 'CASH').reduce((total, payment) => total + payment.body.amount, 0);
}

/** Cash on hand over all counters; undefined until the server has said it. */
export function onHand(cash: Cash | undefined, queued: readonly Payment[]): number | undefined {
  const drawers = cash?.answer.drawers;
  return drawers ? drawers.reduce((total, drawer) => total + drawer.onHand, 0) + queuedCash(queued) : undefined;
}

/** By how much taking `amount` in cash would exceed the limit; 0 if it doesn't, or nobody knows. */
export function overLimit(limit: number, cash: Cash | undefined, queued: readonly Payment[], amount: number): number {
  const held = onHand(cash, queued);
  return limit === 0 || held === undefined ? 0 : Math.max(0, held + amount - limit);
}
