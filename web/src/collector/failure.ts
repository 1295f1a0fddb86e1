// Why a request that a person waits for has no answer, as errors of no field.
import type { UserError } from '../lib/api.svelte';
import { m } from '../paraglide/messages';
import type { Outcome } from './request';

export function failureOf(outcome: Outcome<unknown> | null): readonly UserError[] | null {
  if (outcome === null || outcome.kind === 'lost') return [{ code: 'NETWORK', message: m.no_connection(), field: [] }];
  return outcome.kind === 'refused' ? outcome.errors : null;
}
