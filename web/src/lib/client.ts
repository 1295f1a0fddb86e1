// The GraphQL client of queries and mutations: signed in by a cookie that no script can read.
import { cacheExchange, Client, fetchExchange, mapExchange } from '@urql/svelte';

import { getLocale } from '../paraglide/runtime';
import { fetchOrTake } from './early';

/** Called when the server says that nobody is signed in. */
let whenSignedOut: () => void = () => undefined;

export function onSignedOut(callback: () => void): void {
  whenSignedOut = callback;
}

/** Look among the errors of an answer for the one that says so. */
export function noteSignedOut(errors: readonly { extensions?: Record<string, unknown> }[] = []): void {
  if (errors.some((error) => error.extensions?.['code'] === 'UNAUTHENTICATED')) whenSignedOut();
}

export function createApi(): Client {
  return new Client({
    url: '/graphql',
    fetch: fetchOrTake,
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetchOptions: () => ({ headers: { 'GraphQL-Require-Preflight': '1', 'Accept-Language': getLocale() } }),
    exchanges: [cacheExchange, mapExchange({ onResult: ({ error }) => noteSignedOut(error?.graphQLErrors) }), fetchExchange],
  });
}
