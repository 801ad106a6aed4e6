/** What an account did with the API, and what it was refused, from the API server's own audit log. */
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface ApiUse {
  /** e.g. `get core/secrets` or `patch fractal.lba.io/shardmigrations/status`. */
  readonly used: ReadonlySet<string>
  readonly refused: readonly Refusal[]
}

interface Refusal {
  readonly grant: string
  readonly namespace: string
  readonly name: string
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

/** @param dir where the API server writes `audit.log`, and keeps what it has filled as `audit-TIME.log` */
export async function apiUseOf(dir: string, username: string): Promise<ApiUse> {
  const used = new Set<string>()
  const refused: Refusal[] = []
  const files = (await readdir(dir)).filter((name) => /^audit(-.*)?\.log$/.test(name)).sort()
  for (const file of files) await readInto(join(dir, file), username, used, refused)
  return { used, refused }
}

async function readInto(file: string, username: string, used: Set<string>, refused: Refusal[]): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(file) })) {
    if (!line.includes(username)) continue
    const { verb, user, objectRef, responseStatus } = JSON.parse(line) as AuditEvent
    if (user?.username !== username || !objectRef?.resource) continue
    const { apiGroup = '', resource, subresource, namespace, name } = objectRef
    const grant = grantName(verb, apiGroup, subresource ? `${resource}/${subresource}` : resource)
    const code = responseStatus?.code ?? 0
    // A namespace that is being deleted refuses new objects to everyone.
    const terminating = /being terminated/.test(responseStatus?.message ?? '')
    if (code === 403 && !terminating) refused.push({ grant, namespace: namespace ?? '', name: name ?? '' })
    else used.add(grant)
  }
}
