// The import rules of ARCHITECTURE.md ("Rooms"), enforced. scripts/import-rules.test.ts plants a violation of each kind
// and sees it caught, since a checker that resolves nothing finds nothing.

/** What a room may import of ours, besides itself. Tests may also start real servers (`servers/`). */
const ROOMS = {
  protocol: [],
  shards: ['protocol'],
  backend: ['protocol', 'shards'],
  migration: ['protocol', 'shards'],
  operator: ['protocol', 'shards', 'migration'],
  'sdk/typescript': ['protocol'],
  servers: [],
  demo: ['protocol', 'shards', 'servers', 'sdk/typescript', 'backend/src/wal/'],
  bench: ['protocol', 'shards', 'servers', 'migration', 'sdk/typescript', 'backend', 'operator', 'image', 'demo/src/processes/'],
  simulation: ['protocol', 'shards', 'migration', 'backend', 'operator'],
  history: ['protocol', 'shards', 'servers', 'sdk/typescript', 'demo/'],
  formal: ['protocol', 'shards', 'migration', 'simulation'],
  image: [],
  'kubectl-flk': ['migration/src/certificate/', 'operator/src/api/', 'operator/src/cli/(status-)?table'],
  e2e: ['protocol', 'shards', 'servers', 'sdk/typescript', 'migration', 'image', 'operator/src/api/', 'demo/'],
}

const anyRoom = `^(${Object.keys(ROOMS).join('|')})/`

const roomRules = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `${room.replace('/', '-')}-imports-only-what-it-may-know`,
  severity: 'error',
  from: { path: `^${room}/`, pathNot: '\\.test\\.ts$|/conformance/|/testing/' },
  to: { path: anyRoom, pathNot: `^(${[room, ...allowed].join('|')})` },
}))

/** Inside the backend data goes one way: http -> ingest -> {wal, verify, routing -> dedup}. */
const BACKEND_LAYERS = [
  ['time', ['time']],
  ['wal', ['wal', 'time']],
  ['verify', ['verify']],
  ['tenants', ['tenants', 'verify']],
  ['metrics', ['metrics']],
  ['routing', ['routing', 'metrics']],
  ['dedup', ['dedup', 'routing', 'metrics', 'time']],
  ['ingest', ['ingest', 'wal', 'verify', 'tenants', 'dedup', 'routing', 'metrics']],
]

const layerRules = BACKEND_LAYERS.map(([layer, allowed]) => ({
  name: `backend-${layer}-does-not-look-up`,
  severity: 'error',
  from: { path: `^backend/src/${layer}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^backend/src/', pathNot: `^backend/src/(${allowed.join('|')})/` },
}))

module.exports = {
  forbidden: [
    ...roomRules,
    ...layerRules,
    {
      name: 'operator-runtime-knows-no-domain',
      comment: 'The controller runtime is for any controller.',
      severity: 'error',
      from: { path: '^operator/src/runtime/' },
      to: { path: '^(operator/src|protocol|shards|migration)/', pathNot: '^operator/src/runtime/' },
    },
    {
      name: 'decisions-are-pure',
      comment: 'decide.ts, plan.ts and the gates look at what was observed; effects are for act.ts and the adapters.',
      severity: 'error',
      from: { path: '(/decide|/plan|/gates|/verdict)\\.ts$' },
      to: { path: '^(node:)?(fs|net|http|https|child_process|dgram|tls|worker_threads|timers)(/|$)' },
    },
    {
      name: 'protocol-does-no-io',
      severity: 'error',
      from: { path: '^protocol/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(node:)?(fs|net|http|https|child_process|dgram|tls|worker_threads|os|process)(/|$)' },
    },
    {
      name: 'tests-stay-out-of-products',
      severity: 'error',
      from: { pathNot: '\\.test\\.ts$|/testing/|/conformance/' },
      to: { path: '\\.test\\.ts$|/testing/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.stryker-tmp|\\.mjs$' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
    moduleSystems: ['es6', 'cjs'],
    builtInModules: { add: ['node:test'] },
  },
}
