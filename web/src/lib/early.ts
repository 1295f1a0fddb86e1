// Who is signed in, asked while most of the page is still on its way.
import { MeDocument, type MeQuery } from '../gql/documents';

interface Answer {
  data?: MeQuery | null;
  errors?: readonly { extensions?: { code?: string } }[];
}

let asked: Promise<MeQuery['me'] | undefined> | undefined;

/** Ask. What fails is asked again, in the ordinary way, by who needs it. */
export function askEarly(): void {
  asked = answered().catch(() => undefined);
}

/** Who is signed in, null if nobody is, undefined if that wasn't asked or answered. Given once: later it may be somebody else. */
export async function takeEarly(): Promise<MeQuery['me'] | undefined> {
  const taken = asked;
  asked = undefined;
  return taken;
}

async function answered(): Promise<MeQuery['me'] | undefined> {
  const headers = { 'GraphQL-Require-Preflight': '1', 'Content-Type': 'application/json', Accept: 'application/json' };
  const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query: MeDocument.toString() }) });
  const { data, errors = [] } = (await response.json()) as Answer;
  if (errors.some((error) => error.extensions?.code === 'UNAUTHENTICATED')) return null;
  return errors.length === 0 ? data?.me : undefined;
}
