// Which of a customer's pauses and ends of service still hold.
import type { CustomerQuery } from '../../gql/documents';

export type Suspension = NonNullable<NonNullable<CustomerQuery['customer']>['suspensions']>[number];

/** Those that aren't over or withdrawn. */
export function notOver(rows: readonly Suspension[]): Suspension[] {
  const today = new Date().toLocaleDateString('sv');
  return rows.filter((row) => row.untilOn === null || (row.untilOn > today && row.untilOn > row.fromOn));
}

export function isPaused(rows: readonly Suspension[]): boolean {
  return notOver(rows).some((row) => row.kind !== 'ENDED');
}

export function isEnding(rows: readonly Suspension[]): boolean {
  return notOver(rows).some((row) => row.kind === 'ENDED');
}
