/**
 * Joins what tsc built into few files. Loading hundreds of modules one by one, in each of two threads, would cost the
 * service a third of its memory at rest (docs/adr/0006-one-bundle-for-the-service.md).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';

/** Nest asks for packages that only other set-ups install, inside try blocks: what can't be found stays an import. */
const optionalPackages = {
  name: 'optional-packages',
  setup(build) {
    build.onResolve({ filter: /^[@a-z]/ }, async ({ path, pluginData, ...rest }) => {
      if (pluginData === 'asked') return undefined;
      const found = await build.resolve(path, { ...rest, pluginData: 'asked' });
      return found.errors.length > 0 ? { path, external: true } : found;
    });
  },
};

/** zod carries its error texts in fifty languages; ours are English. */
const englishOnly = {
  name: 'english-only',
  setup(build) {
    build.onResolve({ filter: /locales\/index\.js$/ }, ({ importer, resolveDir }) =>
      importer.includes('/zod/') ? { path: join(resolveDir, '../locales/en.js'), namespace: 'english' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'english' }, ({ path }) => ({
      contents: `export { default as en } from ${JSON.stringify(path)};`,
      resolveDir: '/',
    }));
  },
};

// CommonJS packages inside an ES module want these. Metadata must be there before the first decorated class.
const banner = [
  "import 'reflect-metadata';",
  "import { createRequire as beamgateRequire } from 'node:module';",
  'const require = beamgateRequire(import.meta.url);',
  'const __filename = import.meta.filename, __dirname = import.meta.dirname;',
].join('');

/** Of the embedded service and its worker thread, and of the services of several. */
const ENTRIES = {
  main: 'standalone/src/main.js',
  'control-plane': 'standalone/src/control-plane.js',
  gateway: 'gateway/src/main.js',
  gatekeeper: 'gatekeeper/src/main.js',
  launcher: 'launcher/src/main.js',
};

/** From `dist/apps` and `dist/libs` to `dist/bundle`. */
export async function bundle(root) {
  const { build, stop } = await import('esbuild');
  const outdir = join(root, 'dist', 'bundle');
  rmSync(outdir, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(
      Object.entries(ENTRIES).map(([name, file]) => [name, join(root, 'dist/apps', file)]),
    ),
    outdir,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minifyWhitespace: true,
    sourcemap: true,
    sourcesContent: false,
    external: ['reflect-metadata'],
    banner: { js: banner },
    plugins: [optionalPackages, englishOnly],
    logLevel: 'error',
  });
  // Its own process would stay as long as this one, which waits for the service to end.
  await stop();
}
