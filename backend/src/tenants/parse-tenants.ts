/**
 * Reads `TENANTS`: `tenant:algorithm:key`, comma-separated. The key is all that follows the second colon, so it may contain colons; it
 * cannot contain a comma. A tenant that is listed again has one more valid key.
 */
import { parseTenantKey, type TenantKey, type TenantKeys } from '../verify/tenant-keys.ts'

/** Letters that are safe in a header, a metric label and a path. */
const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Bounds the cardinality of every metric by tenant. */
export const MAX_TENANTS = 1000
/** An old key, a new one, and room for a rotation that went wrong. */
export const MAX_KEYS_A_TENANT = 4

/** @throws Error that names the entry by its place and tenant, never by its key. */
export function parseTenants(text: string): TenantKeys[] {
  const keysById = new Map<string, TenantKey[]>()
  const entries = text.split(',').map((entry) => entry.trim())
  entries.forEach((entry, index) => {
    if (entry === '' && index === entries.length - 1 && index > 0) return
    const [id = '', algorithm, ...rest] = entry.split(':')
    if (!TENANT_ID.test(id)) {
      throw new Error(`entry ${index + 1} does not start with a tenant id (letters, digits, ".", "_", "-", at most 64)`)
    }
    if (algorithm === undefined) throw new Error(`entry ${index + 1} (tenant ${id}) is not tenant:algorithm:key`)
    const keys = keysById.get(id) ?? []
    try {
      keys.push(parseTenantKey(algorithm, rest.join(':')))
    } catch (error) {
      throw new Error(`entry ${index + 1} (tenant ${id}): ${(error as Error).message}`)
    }
    if (keys.length > MAX_KEYS_A_TENANT) throw new Error(`tenant ${id} has more than ${MAX_KEYS_A_TENANT} keys`)
    if (keys.length > 1 && keys.some((key) => key.algorithm === 'none')) {
      throw new Error(`tenant ${id} has the algorithm none beside a key, which would make the key pointless`)
    }
    keysById.set(id, keys)
  })
  if (keysById.size > MAX_TENANTS)
    throw new Error(`${keysById.size} tenants are more than the ${MAX_TENANTS} that one verifier serves`)
  return [...keysById].map(([id, keys]) => ({ id, keys }))
}
