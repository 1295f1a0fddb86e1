import type { CodegenConfig } from '@graphql-codegen/cli';

// The screens' documents are those of docs/web.md, where a test runs each of them. `npm run codegen` writes their types.
const config: CodegenConfig = {
  schema: '../schema.graphql',
  documents: [{ '../docs/web.md': { loader: './codegen/markdown.mjs' } }],
  generates: {
    './src/gql/documents.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        strictScalars: true,
        scalars: { Rupiah: 'number', Month: 'string', Date: 'string', DateTime: 'string', Rate: 'string', JSON: 'unknown', Upload: 'File' },
        enumsAsTypes: true,
        useTypeImports: true,
        onlyOperationTypes: true,
        skipTypename: true,
        dedupeFragments: true,
        disableDescriptions: true,
      },
    },
  },
};

export default config;
