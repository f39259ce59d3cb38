/**
 * Who may import whom: main -> shells -> cores -> lib, never the other way.
 * A shell says so in its name; every other file is a core.
 */
const SHELL = '-(server|client|store|os|job)\\.ts$'
const MAIN = '^(daemon|gateway|cli)/main\\.ts$'
const PROGRAMS = '^(daemon|gateway|cli)/'

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle hides which file owns the idea.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'programs-apart',
      comment: 'Daemon, gateway and cli meet only on the wire; what they share is in lib.',
      severity: 'error',
      from: { path: '^(daemon|gateway|cli)/' },
      to: { path: PROGRAMS, pathNot: '^$1/' },
    },
    {
      name: 'lib-imports-nothing-of-ours',
      comment: 'lib is below every program.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(daemon|gateway|cli|scripts|test)/' },
    },
    {
      name: 'core-does-no-io',
      comment: 'A core decides on values; files, sockets and processes belong to a shell.',
      severity: 'error',
      from: { path: '^(lib|daemon|gateway|cli)/', pathNot: [SHELL, MAIN] },
      to: {
        dependencyTypes: ['core'],
        dependencyTypesNot: ['type-only'],
        pathNot: '^(node:)?(crypto|buffer|util)$',
      },
    },
    {
      name: 'core-imports-no-shell',
      comment: 'A core that imports a shell can no longer be tested as a table.',
      severity: 'error',
      from: { path: '^(lib|daemon|gateway|cli)/', pathNot: [SHELL, MAIN] },
      to: { path: SHELL, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'policy-knows-no-facts-source',
      comment:
        'The PDP takes facts as a value and never asks for more; what a login is, is such a value.',
      severity: 'error',
      from: { path: '^gateway/policy/' },
      to: { path: '^gateway/', pathNot: '^gateway/(policy/|identity/identity\\.ts$)' },
    },
    {
      name: 'product-imports-no-tests',
      comment: 'Product code never depends on tests or scripts.',
      severity: 'error',
      from: { path: PROGRAMS },
      to: { path: '^(test|scripts)/' },
    },
    {
      name: 'no-dev-dependency-in-product',
      comment: 'What runs on a customer machine is a runtime dependency.',
      severity: 'error',
      from: { path: '^(lib|daemon|gateway|cli)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unresolvable',
      comment: 'An import nobody can resolve.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['source', 'import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.cjs', '.mjs', '.json', '.node', '.d.ts'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
