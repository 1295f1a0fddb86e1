// Which of a customer's pauses and ends of service still hold.
import type { CustomerQuery } from '../../gql/documents';
import { todayIn } from '../../lib/clock';

type Customer = NonNullable<CustomerQuery['customer']>;
export type Suspension = NonNullable<Customer['suspensions']>[number];

/** Those that aren't over or withdrawn. */
export function notOver({ suspensions, counter }: Customer): Suspension[] {
  const today = todayIn(counter.timezone);
  return (suspensions ?? []).filter((row) => row.untilOn === null || (row.untilOn > today && row.untilOn > row.fromOn));
}

export function isPaused(customer: Customer): boolean {
  return notOver(customer).some((row) => row.kind !== 'ENDED');
}

export function isEnding(customer: Customer): boolean {
  return notOver(customer).some((row) => row.kind === 'ENDED');
}
