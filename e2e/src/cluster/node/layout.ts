/** Where the node's parts live and at which addresses: one node a machine, so all are fixed. */
import { join } from 'node:path'
import { clusterCache } from '@fractal-lba/servers/kubernetes/build'

/** State of a running cluster; thrown away by `down`. */
export const nodeDirectory = join(clusterCache, 'node')
export const kubeconfigFile = join(nodeDirectory, 'kubeconfig')
export const containerdSocket = join(nodeDirectory, 'containerd', 'containerd.sock')

/** On an interface of its own, so that pods find the API server and the DNS whatever networks the machine has. */
export const NODE_INTERFACE = 'flk-node'
export const NODE_ADDRESS = '172.31.250.1'
export const NODE_NAME = 'node1'
export const BRIDGE = 'flk-pods'
export const POD_SUBNET = '10.244.0.0/24'

export const apiServer = { dir: nodeDirectory, address: NODE_ADDRESS, port: 6443, etcdPort: 23790, etcdPeerPort: 23800 }
export const apiServerUrl = `https://${NODE_ADDRESS}:${apiServer.port}`

export const PAUSE_IMAGE = 'docker.io/fractal-lba/pause:1'
/** Ready-made volumes: there is no provisioner, and each is used once until it is recycled. */
export const VOLUME_COUNT = 80
export const STORAGE_CLASS = 'standard'
