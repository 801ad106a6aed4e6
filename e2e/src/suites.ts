/** The suites of `npm run e2e`, in the order in which they run: what is cheap and explains most comes first. */

export interface Suite {
  readonly name: string
  readonly what: string
  /** What vitest is given: files or parts of their names. */
  readonly files: readonly string[]
  /** `api`: starts API servers of its own; `cluster`: needs the whole cluster; `argocd`: Argo CD beside it. */
  readonly needs: 'api' | 'cluster' | 'argocd'
}

export const SUITES: readonly Suite[] = [
  { name: 'api', what: 'runtime, API and charts against a real API server', files: ['.apiserver.test.ts'], needs: 'api' },
  {
    name: 'reshard',
    what: '1 → 3 → 5 → 3 on Redis and Postgres under load',
    files: ['e2e/src/suites/reshard'],
    needs: 'cluster',
  },
  { name: 'gates', what: 'each kind of gate failure, in each phase', files: ['e2e/src/suites/gates'], needs: 'cluster' },
  {
    name: 'verbs',
    what: 'approve, abort, pause, retry, delete, in each phase',
    files: ['e2e/src/suites/verbs'],
    needs: 'cluster',
  },
  {
    name: 'argocd',
    what: 'Argo CD delivers a fleet and its migrations from git',
    files: ['e2e/src/suites/argocd'],
    needs: 'argocd',
  },
  {
    name: 'helm',
    what: 'upgrade, rollback and uninstallation with a migration in flight',
    files: ['e2e/src/suites/helm'],
    needs: 'cluster',
  },
  {
    name: 'rbac',
    what: 'every granted right is used and none is missing, by the audit log',
    files: ['e2e/src/suites/rbac'],
    needs: 'cluster',
  },
]
