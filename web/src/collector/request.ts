// Requests of the app: one POST each. An answer that didn't arrive whole is lost; it is never taken for a refusal.
import type { TypedDocumentString } from '../gql/collector';
import type { UserError } from '../lib/api.svelte';
import { getLocale } from '../paraglide/runtime';

const TIMEOUT_MS = 30_000;
const UPLOAD_TIMEOUT_MS = 120_000;
/** Codes that say nothing about the request itself: it is sent again. */
const PASSING = new Set(['DATABASE_UNAVAILABLE', 'TOO_MANY_REQUESTS', 'DEADLINE_EXCEEDED']);

/** What has become of a request: answered (`errors` are those of its root fields), refused as a whole, or lost. */
export type Outcome<Data> =
  | { kind: 'answered'; data: Data; errors: readonly UserError[]; serverTime: string | null }
  | { kind: 'refused'; errors: readonly UserError[] }
  | { kind: 'lost' };

/** How a task of several requests ended: done, the line is bad, nobody is signed in, or the server refuses whatever is sent. */
export type Ended = { kind: 'done' | 'lost' | 'signedOut' } | { kind: 'refused'; message: string };

export function endedBy(errors: readonly UserError[]): Ended {
  if (errors.some((error) => error.code === 'UNAUTHENTICATED')) return { kind: 'signedOut' };
  return { kind: 'refused', message: errors.map((error) => error.message).join(' ') };
}

interface Body<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

export async function ask<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  file?: File,
): Promise<Outcome<Data>> {
  const operation = JSON.stringify({ query: document.toString(), variables });
  const headers: Record<string, string> = { 'GraphQL-Require-Preflight': '1', 'Accept-Language': getLocale(), Accept: 'application/json' };
  let body: string | FormData = operation;
  if (file === undefined) headers['Content-Type'] = 'application/json';
  else {
    // https://github.com/jaydenseric/graphql-multipart-request-spec
    body = new FormData();
    body.append('operations', operation);
    body.append('map', '{"0":["variables.input.proof"]}');
    body.append('0', file);
  }
  const signal = AbortSignal.timeout(file === undefined ? TIMEOUT_MS : UPLOAD_TIMEOUT_MS);
  let answer: Body<Data>;
  let response: Response;
  try {
    response = await fetch('/graphql', { method: 'POST', headers, body, signal });
    answer = (await response.json()) as Body<Data>;
  } catch {
    return { kind: 'lost' };
  }
  return outcome(response, answer);
}

function outcome<Data>(response: Response, answer: Body<Data>): Outcome<Data> {
  const errors = (answer.errors ?? []).map((error) => ({
    code: error.extensions?.code ?? '',
    message: error.message,
    field: [],
  }));
  const isThere = answer.data !== null && answer.data !== undefined;
  if (isThere && Object.values(answer.data ?? {}).some((part) => part !== null)) {
    return { kind: 'answered', data: answer.data as Data, errors, serverTime: timeOf(response) };
  }
  // An answer of something between here and the server says nothing either.
  if (errors.length === 0 || errors.some((error) => PASSING.has(error.code))) return { kind: 'lost' };
  return { kind: 'refused', errors };
}

/** The server's clock, as ISO text. */
function timeOf(response: Response): string | null {
  const text = response.headers.get('Date');
  const time = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}
