/** Unit specs lie beside their source; the suites under test/ need real parts and are chosen by name. */
const shared = {
  testEnvironment: 'node',
  // #libs/* resolves to TypeScript source, so that no build is needed before a test.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  setupFiles: ['reflect-metadata'],
};

const suite = (name, roots, testRegex) => ({ ...shared, displayName: name, roots, testRegex });

export default {
  // A slow machine is no failure; a test that hangs is.
  testTimeout: 60_000,
  projects: [
    suite('unit', ['<rootDir>/apps', '<rootDir>/libs'], '\\.spec\\.ts$'),
    suite('conformance', ['<rootDir>/test/conformance'], '\\.spec\\.ts$'),
    suite('e2e', ['<rootDir>/test/e2e'], '\\.spec\\.ts$'),
    suite('chaos', ['<rootDir>/test/chaos'], '\\.spec\\.ts$'),
    suite('scheduling', ['<rootDir>/test/scheduling'], '\\.spec\\.ts$'),
    suite('security', ['<rootDir>/test/security'], '\\.spec\\.ts$'),
    suite('cluster', ['<rootDir>/test/cluster'], '\\.spec\\.ts$'),
  ],
};
