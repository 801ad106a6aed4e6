/** The suites of `npm run e2e`. */

export interface Suite {
  readonly name: string
  readonly what: string
  /** What vitest is given: files or parts of their names. */
  readonly files: readonly string[]
  /** `api`: starts API servers of its own; `cluster`: needs the whole cluster; `argocd`: Argo CD beside it. */
  readonly needs: 'api' | 'cluster' | 'argocd'
  /** It restarts what others on the cluster use, or judges what all did. */
  readonly alone: boolean
}

const onCluster = (name: string, what: string, more: Partial<Suite> = {}): Suite => ({
  name,
  what,
  files: [`e2e/src/suites/${name}`],
  needs: 'cluster',
  alone: false,
  ...more,
})

/**
 * In the order in which they run: those that need the cluster for themselves after the others, and beside them what needs none; long ones
 * first, since some run side by side.
 */
export const SUITES: readonly Suite[] = [
  {
    name: 'api',
    what: 'runtime, API and charts against real API servers',
    files: ['.apiserver.test.ts'],
    needs: 'api',
    alone: false,
  },
  onCluster('reshard', '1 → 3 → 5 → 3 on Redis and Postgres under load'),
  onCluster('gates', 'each kind of gate failure, in each phase'),
  onCluster('verbs', 'approve, abort, pause, retry, delete, in each phase'),
  onCluster('upgrades', 'a bad image, a bad config and a bad policy are taken back'),
  onCluster('argocd', 'Argo CD delivers a fleet and its migrations from git', { needs: 'argocd' }),
  onCluster('faults', 'operators, pods, a shard, the API server and the network fail under a migration', { alone: true }),
  onCluster('helm', 'upgrade, rollback and uninstallation with a migration in flight', { alone: true }),
  onCluster('rbac', 'every granted right is used and none is missing, by the audit log', { alone: true }),
  onCluster('docs', 'each command of docs/kubernetes.md, as a new user gives it', { alone: true }),
]
