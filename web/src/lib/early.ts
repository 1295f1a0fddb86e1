// Who is signed in, and what their screen asks first: sent while most of the page is still on its way.
import { MeDocument, type MeQuery, type Permission, type TypedDocumentString } from '../gql/documents';

type Me = NonNullable<MeQuery['me']>;

interface Answer {
  data?: MeQuery | null;
  errors?: readonly { extensions?: { code?: string } }[];
}

export interface Question {
  document: TypedDocumentString<unknown, never>;
  variables: object;
  /** Asked once it is known that this is allowed; without it, at once. */
  needs?: Permission;
}

let me: Promise<Me | null | undefined> | undefined;
let first: { marks: readonly string[]; answer: Promise<Response> } | undefined;

/** Ask. What fails is asked again, in the ordinary way, by who needs it. */
export function askEarly(question: Question | undefined): void {
  me = answered()
    .then((answer) => {
      if (question?.needs && answer?.permissions.includes(question.needs)) ask(question);
      return answer;
    })
    .catch(() => undefined);
  if (question && !question.needs) ask(question);
}

/** Who is signed in, null if nobody is, undefined if that wasn't asked or answered. Given once: later it may be somebody else. */
export async function takeEarly(): Promise<Me | null | undefined> {
  const taken = me;
  me = undefined;
  return taken;
}

/** As `fetch`. The first request takes the answer of what was asked early, if it is the same question; a later one never does. */
export const fetchOrTake: typeof fetch = async (address, init) => {
  const early = first;
  first = undefined;
  const body = String(init?.body);
  const answer = early?.marks.every((mark) => body.includes(mark)) ? await early.answer.catch(() => undefined) : undefined;
  return answer?.ok ? answer : fetch(address, init);
};

async function answered(): Promise<Me | null | undefined> {
  const { data, errors = [] } = (await (await sent(MeDocument.toString(), {})).json()) as Answer;
  if (errors.some((error) => error.extensions?.code === 'UNAUTHENTICATED')) return null;
  return errors.length === 0 ? data?.me : undefined;
}

function ask({ document, variables }: Question): void {
  // The client finds what a mutation changed by these names, and adds them to its documents, too.
  const query = document.toString().replaceAll('{\n', '{\n__typename\n');
  const marks = [`"operationName":"${/query (\w+)/.exec(query)?.[1]}"`, `"variables":${JSON.stringify(variables, inOrder)}`];
  first = { marks, answer: sent(query, variables) };
}

/** An object's names in the order of the client's. */
function inOrder(_name: string, value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? Object.fromEntries(Object.entries(value).sort()) : value;
}

/** Without the person's language, which takes a while to be read: answers have no texts, and what failed is asked again. */
function sent(query: string, variables: object): Promise<Response> {
  const headers = {
    ...{ 'GraphQL-Require-Preflight': '1', 'Content-Type': 'application/json' },
    Accept: 'application/graphql-response+json, application/json',
  };
  return fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
}
