/** What the operator is measured with: fleets, pods and custom resources, and what they are called. */
export const FLEETS = 5
export const PODS_A_FLEET = 100
/** In each fleet's namespace; with a policy of either kind, 200 custom resources a fleet. */
export const MIGRATIONS_A_FLEET = 198

export const WORKLOAD = 'fleet-fractal-lba'
export const ADMIN_SECRET = 'fleet-admin'
export const CONFIG_MAP = 'fleet-config'
export const ADMIN_TOKEN = 'bench-admin-token'

export const podName = (ordinal: number): string => `${WORKLOAD}-${ordinal}`
export const namespaceOf = (fleet: number): string => `fleet-${fleet}`
export const migrationName = (n: number): string => `history-${n}`
