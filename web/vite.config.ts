import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';

import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, mergeConfig, type Plugin, type UserConfig } from 'vite';
import { generateSW } from 'workbox-build';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const FILES = at('../sebilling/web_files');
const WORTH_COMPRESSING = 1024;

// On a slow line each file costs more than its bytes, so there are few: what the page begins with, the rest of the first load, the list of
// customers with all that it needs, what screens share beside that, and each screen. Each text and each document is a module of its own
// and goes where it is used.
const files = {
  treeshake: { moduleSideEffects: [{ test: /[\\/]src[\\/]paraglide[\\/]/, sideEffects: false }] },
  output: {
    codeSplitting: {
      groups: [
        { name: 'early', test: /[\\/](admin|collector)[\\/]early\.ts$|preload-helper/, priority: 3 },
        { name: 'first', tags: ['$initial' as const], priority: 2 },
        { name: 'list', test: /[\\/]admin[\\/]screens[\\/]Customers\.svelte$/, priority: 1 },
        { name: 'shared', minShareCount: 2 },
      ],
    },
  },
};

// The built files are served by `sebilling serve`; `npm run dev` sends the API's requests to one on port 8000.
const shared: UserConfig = {
  build: {
    emptyOutDir: true,
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    rolldownOptions: files,
  },
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8000', ws: true }, '/downloads': 'http://127.0.0.1:8000' } },
};

/** Compiles each text into a module of its own. */
const texts = () =>
  paraglideVitePlugin({
    project: './project.inlang',
    outdir: './src/paraglide',
    strategy: ['localStorage', 'preferredLanguage', 'baseLocale'],
  });

const components = () => svelte({ configFile: at('svelte.config.js') });

/** Keeps the collector's files on the phone. A new version waits until the collector takes it: half of an old one is never mixed with it. */
function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    async writeBundle() {
      await generateSW({
        globDirectory: `${FILES}/kolektor`,
        globPatterns: ['**/*.{html,js,css,svg,png,webmanifest}'],
        globIgnores: ['sw.js'],
        swDest: `${FILES}/kolektor/sw.js`,
        dontCacheBustURLsMatching: /\/assets\//,
        cleanupOutdatedCaches: true,
        clientsClaim: true,
        inlineWorkboxRuntime: true,
        sourcemap: false,
      });
    },
  };
}

/** Writes each file whose name has its content's hash once more, as small as Brotli makes it: the server sends that to browsers that read it. */
function brotli(folder: string): Plugin {
  return {
    name: 'brotli',
    apply: 'build',
    writeBundle() {
      for (const name of readdirSync(folder)) {
        const content = readFileSync(`${folder}/${name}`);
        if (content.length >= WORTH_COMPRESSING) writeFileSync(`${folder}/${name}.br`, brotliCompressSync(content));
      }
    },
  };
}

/** Makes each document a module of its own, as each text is: it goes where it is used. */
function documents(): Plugin {
  const file = at('src/gql/documents.ts');
  const found = new Map<string, string>();
  return {
    name: 'documents',
    apply: 'build',
    enforce: 'pre',
    transform(code, id) {
      if (id !== file) return;
      const rest = code.replaceAll(/^export const (\w+) = .*TypedDocumentString\((`[^`]*`)\).*$/gm, (_, name: string, text: string) => {
        found.set(`${file}?${name}`, `export const ${name} = ${text};`);
        return `export { ${name} } from '${file}?${name}';`;
      });
      return { code: rest, map: null };
    },
    resolveId: (id) => (found.has(id) ? id : undefined),
    load: (id) => found.get(id),
  };
}

/** Puts `early.ts` of an app into its page, before the other scripts: it runs as soon as it is there, while they are loaded. */
function early(source: string, base: string): Plugin {
  return {
    name: 'early',
    apply: 'build',
    transformIndexHtml: {
      order: 'post',
      handler(_page, { bundle }) {
        const built = Object.values(bundle ?? {}).find((file) => file.type === 'chunk' && file.facadeModuleId === source);
        if (built === undefined) throw new Error(`${source} isn't built`);
        return [
          {
            tag: 'script',
            attrs: { type: 'module', async: true, crossorigin: true, src: `${base}${built.fileName}` },
            injectTo: 'head-prepend',
          },
        ];
      },
    },
  };
}

const ADMIN_EARLY = at('src/admin/early.ts');
const admin: UserConfig = {
  ...shared,
  plugins: [texts(), documents(), components(), early(ADMIN_EARLY, '/'), brotli(`${FILES}/assets`)],
  build: { ...shared.build, outDir: FILES, rolldownOptions: { ...files, input: { index: at('index.html'), early: ADMIN_EARLY } } },
};

const COLLECTOR_EARLY = at('src/collector/early.ts');
const collector: UserConfig = {
  ...shared,
  root: at('kolektor'),
  base: '/kolektor/',
  plugins: [components(), early(COLLECTOR_EARLY, '/kolektor/'), serviceWorker(), brotli(`${FILES}/kolektor/assets`)],
  build: {
    ...shared.build,
    outDir: `${FILES}/kolektor`,
    rolldownOptions: { ...files, input: { index: at('kolektor/index.html'), early: COLLECTOR_EARLY } },
  },
};

// Two builds, so that neither app loads a byte of the other. The admin's comes first and compiles the texts of both: that takes as long as
// a build itself.
export default defineConfig(({ command, mode }) => {
  if (mode !== 'collector') return admin;
  return command === 'serve' ? mergeConfig(collector, { plugins: [texts()] }) : collector;
});
