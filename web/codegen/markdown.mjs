import { readFile } from 'node:fs/promises';
import { parse } from 'graphql';

/** The GraphQL documents of a Markdown page, as one document: graphql-codegen's own loaders read code and .graphql files only. */
export default async function documents(path) {
  const page = await readFile(path, 'utf8');
  return parse([...page.matchAll(/^```graphql\n(.*?)^```/gms)].map(([, text]) => text).join('\n'));
}
