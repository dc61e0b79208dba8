/** The layer rules of docs/explanation/architecture.md: what each library may import. */
const layers = {
  contracts: [],
  domain: ['contracts'],
  scheduling: ['contracts', 'domain'],
  store: ['contracts', 'domain'],
  bus: ['contracts', 'domain'],
  jupyter: ['contracts'],
  compute: ['contracts', 'domain', 'jupyter'],
  auth: ['contracts', 'domain', 'platform'],
  platform: ['contracts'],
};

const libRules = Object.entries(layers).map(([lib, allowed]) => ({
  name: `libs-${lib}`,
  severity: 'error',
  comment: `libs/${lib} may import ${allowed.join(', ') || 'no other library'}; specs may also use libs/testing`,
  from: { path: `^libs/${lib}/`, pathNot: '\\.spec\\.ts$' },
  to: { path: '^libs/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
}));

export default {
  forbidden: [
    ...libRules,
    {
      name: 'contracts-zod-only',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: '\\.spec\\.ts$' },
      to: { pathNot: '^(libs/contracts/|node_modules/zod/)' },
    },
    {
      name: 'pure-core',
      severity: 'error',
      comment: 'domain and scheduling do no I/O and know no framework',
      from: { path: '^libs/(domain|scheduling)/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['core', 'npm'], pathNot: '^node_modules/zod/' },
    },
    { name: 'libs-never-import-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'apps-apart',
      severity: 'error',
      comment: 'standalone composes the modules of the others; nobody else imports an app',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'cli-imports',
      severity: 'error',
      from: { path: '^apps/cli/' },
      to: { path: '^libs/', pathNot: '^libs/(contracts|scheduling)/' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: '((\\.spec|-stage)\\.ts$|^libs/testing/)' },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'lib-by-its-index',
      severity: 'error',
      from: { path: '^(apps|libs)/([^/]+)/' },
      to: { path: '^libs/[^/]+/src/', pathNot: ['^libs/[^/]+/src/index\\.ts$', '^$1/$2/'] },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
