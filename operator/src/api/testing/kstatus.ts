/**
 * How kstatus reads any custom resource (sigs.k8s.io/cli-utils, pkg/kstatus/status): what `kubectl wait`, Helm, Flux and others conclude
 * without knowing the kind.
 */

interface Conditioned {
  readonly observedGeneration: number
  readonly conditions: readonly { readonly type: string; readonly status: string }[]
}

export function kstatusOf(generation: number, status: Conditioned | undefined): 'Current' | 'InProgress' | 'Failed' {
  const is = (type: string, value: string) =>
    status?.conditions.some((condition) => condition.type === type && condition.status === value)
  if (!status || status.observedGeneration !== generation) return 'InProgress'
  if (is('Reconciling', 'True')) return 'InProgress'
  if (is('Stalled', 'True')) return 'Failed'
  return is('Ready', 'False') || is('Ready', 'Unknown') ? 'InProgress' : 'Current'
}
