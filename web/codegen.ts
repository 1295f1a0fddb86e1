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

// Documents are kept as text, an eighth of their syntax trees: the client parses one when its screen is shown.
const text = { ...types, documentMode: 'string', pureMagicComment: true };

// The screens' documents are those of docs/web.md and docs/phone.md, where tests check each of them. `npm run codegen` writes their types.
const config: CodegenConfig = {
  schema: '../schema.graphql',
  generates: {
    './src/gql/documents.ts': {
      documents: page('web'),
      plugins: ['typescript-operations', 'typed-document-node'],
      config: text,
    },
    './src/gql/collector.ts': {
      documents: page('phone'),
      plugins: ['typescript-operations', 'typed-document-node'],
      config: text,
    },
  },
};

export default config;
