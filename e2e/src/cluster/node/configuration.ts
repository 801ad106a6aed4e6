/** The configuration files of the node's programs. */
import { join } from 'node:path'
import {
  BRIDGE,
  containerdSocket,
  kubeconfigFile,
  NODE_ADDRESS,
  NODE_NAME,
  nodeDirectory,
  PAUSE_IMAGE,
  POD_SUBNET,
  STORAGE_CLASS,
  VOLUME_COUNT,
} from './layout.ts'

const cniDirectory = join(nodeDirectory, 'cni')

/** Name below the node's folder → content. */
export function configurationFiles(): Record<string, string> {
  return {
    'cni/10-bridge.conflist': JSON.stringify({
      cniVersion: '0.4.0',
      name: 'bridge',
      plugins: [
        {
          type: 'bridge',
          bridge: BRIDGE,
          isGateway: true,
          ipMasq: true,
          hairpinMode: true,
          ipam: {
            type: 'host-local',
            dataDir: join(nodeDirectory, 'cni-addresses'),
            ranges: [[{ subnet: POD_SUBNET }]],
            routes: [{ dst: '0.0.0.0/0' }],
          },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    }),
    // Without the right to raise its priority (CAP_SYS_RESOURCE), a sandbox can only be started with the score restricted.
    'containerd.toml': `version = 2
root = "${nodeDirectory}/containerd/root"
state = "${nodeDirectory}/containerd/state"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${PAUSE_IMAGE}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${cniDirectory}"
`,
    'kubelet.yaml': `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDNS: [${NODE_ADDRESS}]
clusterDomain: cluster.local
maxPods: 200
serializeImagePulls: false
syncFrequency: 10s
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix://${containerdSocket}
evictionHard: {nodefs.available: "1%", imagefs.available: "1%", memory.available: "100Mi"}
imageGCHighThresholdPercent: 100
enforceNodeAllocatable: []
`,
    Corefile: `.:53 {
  bind ${NODE_ADDRESS}
  errors
  kubernetes cluster.local {
    kubeconfig ${kubeconfigFile}
    ttl 5
  }
}
`,
  }
}

export function storageManifest(): string {
  const volumes = Array.from({ length: VOLUME_COUNT }, (_, index) => volumeManifest(index))
  const storageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: STORAGE_CLASS, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  }
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [storageClass, ...volumes] })
}

export const volumeDirectory = (index: number): string => join(nodeDirectory, 'volumes', `${index}`)
const volumeName = (index: number): string => `volume-${index}`
/** Of a name as above. */
export const volumeIndex = (name: string): number => Number(name.slice('volume-'.length))

export function volumeManifest(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volumeName(index) },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: STORAGE_CLASS,
      local: { path: volumeDirectory(index) },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [NODE_NAME] }] }],
        },
      },
    },
  }
}
