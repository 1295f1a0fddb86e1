// Subscriptions, over one WebSocket of the page. Apart from queries: a screen without any loads nothing of this.
import { createClient, type Client } from 'graphql-ws';

import type { TypedDocumentString } from '../gql/documents';
import { noteSignedOut } from './client';

let line: Client | undefined;

function opened(): Client {
  line ??= createClient({
    url: `${location.origin.replace(/^http/, 'ws')}/graphql`,
    lazy: true,
    keepAlive: 10_000,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
  });
  return line;
}

/** Follow a subscription while the component is there. */
export function follow<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentString<Data, Variables>,
  variables: () => Variables | null,
  received: (data: Data) => void,
): void {
  $effect(() => {
    const values = variables();
    if (values === null) return;
    return opened().subscribe<Data>(
      { query: document.toString(), variables: values },
      {
        next({ data, errors }) {
          noteSignedOut(errors);
          if (data) received(data);
        },
        // The line's end isn't an error of the subscription: it is opened anew.
        error: (problem) => noteSignedOut(Array.isArray(problem) ? problem : []),
        complete: () => undefined,
      },
    );
  });
}

const WAIT_MS = 400;

/** Call `refresh` when messages come: once for all that come within a moment. */
export function refreshOn<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentString<Data, Variables>,
  variables: () => Variables | null,
  refresh: () => void,
): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  follow(document, variables, () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      refresh();
    }, WAIT_MS);
  });
  $effect(() => () => clearTimeout(timer));
}
