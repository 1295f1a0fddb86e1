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
  {
    files: ['src/**'],
    ignores: ['src/lib/format.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'MemberExpression[property.name=/^(getFullYear|getMonth|getDate|getDay|toLocaleDateString)$/]',
          message: "A day is that of the counter's clock, not of this device: todayIn(timezone).",
        },
        {
          selector: 'NewExpression[callee.property.name="DateTimeFormat"]:not(:has(Property[key.name="timeZone"]))',
          message: "A time is that of the counter's clock, not of this device: instant(text).",
        },
      ],
    },
  },
  { ignores: ['src/gql/', 'src/paraglide/', 'node_modules/'] },
);
