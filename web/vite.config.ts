import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { paraglideVitePlugin } from '@inlang/paraglide-js';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin, type UserConfig } from 'vite';
import { generateSW } from 'workbox-build';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const FILES = at('../sebilling/web_files');

const MESSAGES = /[\\/]src[\\/]paraglide[\\/]messages[\\/](\w+)\.js$/;
const AREAS = ['customers', 'log', 'money', 'setup'];
const areas = new Map(
  AREAS.flatMap((area) => Object.keys(JSON.parse(readFileSync(at(`messages/${area}/id.json`), 'utf8'))).map((name) => [name, area])),
);

// Each text is a module of its own. Those of the first load are one file; the others come with the first screen of their area.
const texts = {
  treeshake: { moduleSideEffects: [{ test: /[\\/]src[\\/]paraglide[\\/]/, sideEffects: false }] },
  output: {
    codeSplitting: {
      groups: [
        { name: 'texts', test: MESSAGES, tags: ['$initial' as const], priority: 1 },
        { name: (id: string) => `texts-${areas.get(MESSAGES.exec(id)?.[1] ?? '') ?? 'common'}`, test: MESSAGES },
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
    rolldownOptions: texts,
  },
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:8000', ws: true }, '/downloads': 'http://127.0.0.1:8000' } },
};

const plugins = () => [
  paraglideVitePlugin({
    project: './project.inlang',
    outdir: './src/paraglide',
    strategy: ['localStorage', 'preferredLanguage', 'baseLocale'],
    emitTsDeclarations: true,
  }),
  svelte({ configFile: at('svelte.config.js') }),
];

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

const admin: UserConfig = { ...shared, plugins: plugins(), build: { ...shared.build, outDir: FILES } };

const collector: UserConfig = {
  ...shared,
  root: at('kolektor'),
  base: '/kolektor/',
  plugins: [...plugins(), serviceWorker()],
  build: { ...shared.build, outDir: `${FILES}/kolektor` },
};

// Two builds, so that neither app loads a byte of the other.
export default defineConfig(({ mode }) => (mode === 'collector' ? collector : admin));
