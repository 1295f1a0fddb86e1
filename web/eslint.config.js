import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

export default ts.config(
  ts.configs.strict,
  svelte.configs.recommended,
  { languageOptions: { globals: globals.browser } },
  { files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser: ts.parser } } },
  // svelte-check's types know more than these rules.
  { rules: { 'svelte/no-navigation-without-resolve': 'off', '@typescript-eslint/no-dynamic-delete': 'off' } },
  { ignores: ['src/gql/', 'src/paraglide/', 'node_modules/'] },
);
