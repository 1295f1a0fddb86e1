import type { CodegenConfig } from '@graphql-codegen/cli';

const types = {
  strictScalars: true,
  scalars: { Rupiah: 'number', Month: 'string', Date: 'string', DateTime: 'string', Rate: 'string', JSON: 'unknown', Upload: 'File' },
  enumsAsTypes: true,
  useTypeImports: true,
  onlyOperationTypes: true,
  skipTypename: true,
  dedupeFragments: true,
  disableDescriptions: true,
};

const page = (name: string) => [{ [`../docs/${name}.md`]: { loader: './codegen/markdown.mjs' } }];

// The screens' documents are those of docs/web.md and docs/phone.md, where tests check each of them. `npm run codegen` writes their types.
// Those of the collector's app are plain text: it has no client that would read them.
const config: CodegenConfig = {
  schema: '../schema.graphql',
  generates: {
    './src/gql/documents.ts': {
      documents: page('web'),
      plugins: ['typescript-operations', 'typed-document-node'],
      config: types,
    },
    './src/gql/collector.ts': {
      documents: page('phone'),
      plugins: ['typescript-operations', 'typed-document-node'],
      config: { ...types, documentMode: 'string', pureMagicComment: true },
    },
  },
};

export default config;
