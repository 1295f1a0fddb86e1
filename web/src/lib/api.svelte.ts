// What screens use of the API: queries that follow their variables, and mutations whose errors stand at their fields.
import type { AnyVariables, CombinedError, OperationResult } from '@urql/svelte';

import type { TypedDocumentString } from '../gql/documents';
import { m } from '../paraglide/messages';
import { createApi } from './client';

let made: ReturnType<typeof createApi> | undefined;

/** The client, made when it is first needed: an app that takes only the small parts of this file does without it. */
function api(): ReturnType<typeof createApi> {
  return (made ??= createApi());
}

/** An error of the API, as every payload has it. */
export interface UserError {
  code: string;
  message: string;
  field: readonly string[];
}

/** A query's newest answer; `refresh` asks again. Created while a component is initialised, it ends with it. */
export class Query<Data, Variables extends AnyVariables> {
  data = $state.raw<Data>();
  error = $state.raw<CombinedError>();
  isLoading = $state(true);
  #again = $state(0);

  constructor(document: TypedDocumentString<Data, Variables>, variables: () => Variables | null) {
    $effect(() => {
      const values = variables();
      if (values === null) return;
      const requestPolicy = this.#again > 0 ? 'network-only' : 'cache-and-network';
      this.isLoading = true;
      const { unsubscribe } = api()
        .query<Data, Variables>(document.toString(), values, { requestPolicy })
        .subscribe((result) => {
          if (result.data !== undefined) this.data = result.data;
          this.error = result.error;
          this.isLoading = result.stale;
        });
      return unsubscribe;
    });
  }

  refresh(): void {
    this.#again += 1;
  }
}

/** Ask the server once, whatever was answered before. */
export async function ask<Data, Variables extends AnyVariables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
): Promise<OperationResult<Data, Variables>> {
  return api().query<Data, Variables>(document.toString(), variables, { requestPolicy: 'network-only' });
}

type Payload = { errors: readonly UserError[] };

/** Run a mutation; its payload, whose `errors` are shown at their fields. A request that failed is an error of no field. */
export async function mutate<Data, Variables extends AnyVariables, Name extends keyof Data>(
  document: TypedDocumentString<Data, Variables>,
  name: Name,
  variables: Variables,
): Promise<{ payload: NonNullable<Data[Name]> | undefined; errors: readonly UserError[] }> {
  const result = await api().mutation<Data, Variables>(document.toString(), variables);
  const payload = result.data?.[name] as (NonNullable<Data[Name]> & Payload) | undefined;
  if (payload) return { payload, errors: payload.errors };
  const errors = result.error?.graphQLErrors ?? [];
  if (errors.length > 0) {
    return {
      payload: undefined,
      errors: errors.map((error) => ({ code: String(error.extensions['code']), message: error.message, field: [] })),
    };
  }
  return { payload: undefined, errors: [{ code: 'NETWORK', message: m.no_connection(), field: [] }] };
}

/** What to say of a query that failed; empty if it didn't. */
export function problemOf(error: CombinedError | undefined): string {
  return error?.networkError ? m.no_connection() : (error?.graphQLErrors ?? []).map((one) => one.message).join(' ');
}

/** The errors of one field of `input`, as text. */
export function at(errors: readonly UserError[], field: string): string {
  return errors
    .filter((error) => error.field[0] === 'input' && error.field[1] === field)
    .map((error) => error.message)
    .join(' ');
}

/** The errors that stand at none of these fields. */
export function elsewhere(errors: readonly UserError[], ...fields: string[]): string {
  return errors
    .filter((error) => !fields.includes(error.field[1] ?? ''))
    .map((error) => error.message)
    .join(' ');
}

/** A new idempotency key: one for each thing that a person means to do once. randomUUID isn't there on a page without TLS. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
