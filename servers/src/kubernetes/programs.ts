// The programs a cluster and its tools are made of, where no ready binary can be fetched: each built once from its Go module,
// at one pinned version.

import type { GoModulePrograms } from '../go-programs.ts'

export const KUBERNETES_VERSION = '1.34.4'

const stamp = 'k8s.io/component-base/version'
const kubernetesCommands = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl']

const kubernetes: GoModulePrograms = {
  name: 'kubernetes',
  module: 'k8s.io/kubernetes',
  version: `v${KUBERNETES_VERSION}`,
  commands: Object.fromEntries(kubernetesCommands.map((command) => [command, `k8s.io/kubernetes/cmd/${command}`])),
  replace: 'kubernetes-staging',
  linkFlags: `-X ${stamp}.gitVersion=v${KUBERNETES_VERSION} -X ${stamp}.gitMajor=1 -X ${stamp}.gitMinor=34`,
  coldBuildMinutes: 12,
}

const single = (name: string, module: string, version: string, path: string, coldBuildMinutes = 1): GoModulePrograms => ({
  name,
  module,
  version,
  commands: { [name]: path === '' ? module : `${module}/${path}` },
  replace: 'none',
  linkFlags: '',
  coldBuildMinutes,
})

/** What runs a cluster. */
export const CLUSTER_PROGRAMS: readonly GoModulePrograms[] = [
  kubernetes,
  single('etcd', 'go.etcd.io/etcd/server/v3', 'v3.6.16', ''),
  single('coredns', 'github.com/coredns/coredns', 'v1.14.7', '', 2),
  single('helm', 'helm.sh/helm/v4', 'v4.3.1', 'cmd/helm'),
]

/** What checks manifests without a cluster. */
export const CHART_PROGRAMS: readonly GoModulePrograms[] = [
  single('helm', 'helm.sh/helm/v4', 'v4.3.1', 'cmd/helm'),
  { ...single('helm-unittest', 'github.com/helm-unittest/helm-unittest', 'v1.1.2', 'cmd/helm-unittest'), replace: 'own' },
]

/** Argo CD is one binary; the name it is started by is its role. */
export const ARGOCD_PROGRAMS: readonly GoModulePrograms[] = [
  {
    ...single('argocd', 'github.com/argoproj/argo-cd/v2', 'v2.14.21', 'cmd', 6),
    replace: 'own',
    linkFlags: '-X github.com/argoproj/argo-cd/v2/common.version=2.14.21',
  },
]
