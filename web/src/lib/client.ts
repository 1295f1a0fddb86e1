// The GraphQL client: signed in by a cookie that no script can read, with subscriptions over one WebSocket.
import { cacheExchange, Client, fetchExchange, mapExchange, subscriptionExchange } from '@urql/svelte';
import { createClient, type Client as Line } from 'graphql-ws';

import { getLocale } from '../paraglide/runtime';

/** Called when the server says that nobody is signed in. */
let whenSignedOut: () => void = () => undefined;

export function onSignedOut(callback: () => void): void {
  whenSignedOut = callback;
}

let line: Line | undefined;

function openedLine(): Line {
  line ??= createClient({
    url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
    lazy: true,
    keepAlive: 10_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
  });
  return line;
}

/** Close the line: another user's begins with the next subscription. */
export function closeLine(): void {
  line?.terminate();
  line = undefined;
}

export function createApi(): Client {
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    requestPolicy: 'cache-and-network',
    fetchOptions: () => ({ headers: { 'GraphQL-Require-Preflight': '1', 'Accept-Language': getLocale() } }),
    exchanges: [
      cacheExchange,
      mapExchange({
        onResult(result) {
          if (result.error?.graphQLErrors.some((error) => error.extensions['code'] === 'UNAUTHENTICATED')) whenSignedOut();
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription({ query, variables }) {
          return {
            subscribe: (sink) => ({
              unsubscribe: openedLine().subscribe({ query: query ?? '', variables }, sink),
            }),
          };
        },
      }),
    ],
  });
}
