/** What an account did with the API, and what it was refused, from the API server's own audit log. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

export interface ApiUse {
  /** e.g. `get core/secrets` or `patch fractal.lba.io/shardmigrations/status`. */
  readonly used: ReadonlySet<string>
  readonly refused: readonly string[]
}

interface AuditEvent {
  readonly verb: string
  readonly user?: { readonly username?: string }
  readonly objectRef?: {
    readonly apiGroup?: string
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
  }
  readonly responseStatus?: { readonly code?: number; readonly message?: string }
}

export const grantName = (verb: string, group: string, resource: string): string => `${verb} ${group || 'core'}/${resource}`

export async function apiUseOf(auditLog: string, username: string): Promise<ApiUse> {
  const used = new Set<string>()
  const refused: string[] = []
  for await (const line of createInterface({ input: createReadStream(auditLog) })) {
    if (!line.includes(username)) continue
    const { verb, user, objectRef, responseStatus } = JSON.parse(line) as AuditEvent
    if (user?.username !== username || !objectRef?.resource) continue
    const { apiGroup = '', resource, subresource, namespace, name } = objectRef
    const grant = grantName(verb, apiGroup, subresource ? `${resource}/${subresource}` : resource)
    const code = responseStatus?.code ?? 0
    // A namespace that is being deleted refuses new objects to everyone.
    const terminating = /being terminated/.test(responseStatus?.message ?? '')
    if (code === 403 && !terminating) refused.push(`${grant} ${namespace ?? ''}/${name ?? ''}`)
    else used.add(grant)
  }
  return { used, refused }
}
