/** Speaks to the admin port of one pod. Every call has a deadline; an answer is bounded in size. */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { PoliciesPush } from '@fractal-lba/protocol/config/policies'
import type { PodAddress } from './fleet-file.ts'
import { checkReport } from './pod-report-check.ts'
import type { PodReading, PushResult } from './port.ts'

const MAX_REPORT_BYTES = 4 * 1_048_576

export async function readReport({ name, adminURL }: PodAddress, token: string, timeoutMs: number): Promise<PodReading> {
  try {
    const response = await call(adminURL, '/admin/v1/report', token, timeoutMs, { method: 'GET' })
    if (!response.ok) return { pod: name, report: undefined, error: `its admin port answered ${response.status}` }
    const body = await response.text()
    if (body.length > MAX_REPORT_BYTES)
      return { pod: name, report: undefined, error: `its report is longer than ${MAX_REPORT_BYTES} bytes` }
    return { pod: name, report: checkReport(name, JSON.parse(body)), error: undefined }
  } catch (error) {
    return { pod: name, report: undefined, error: why(error, timeoutMs) }
  }
}

export function pushConfig(pod: PodAddress, token: string, push: ConfigPush, timeoutMs: number): Promise<PushResult> {
  return put(pod, token, '/admin/v1/config', push, push.generation, timeoutMs)
}

export function pushPolicies(pod: PodAddress, token: string, push: PoliciesPush, timeoutMs: number): Promise<PushResult> {
  return put(pod, token, '/admin/v1/policies', push, push.epoch, timeoutMs)
}

/** @param pushed the generation, or epoch, that a pod refuses when it has seen a higher one */
async function put(
  { name, adminURL }: PodAddress,
  token: string,
  path: string,
  push: ConfigPush | PoliciesPush,
  pushed: number,
  timeoutMs: number,
): Promise<PushResult> {
  try {
    const init = { method: 'PUT', body: JSON.stringify(push), headers: { 'content-type': 'application/json' } }
    const response = await call(adminURL, path, token, timeoutMs, init)
    const text = await response.text()
    if (response.ok) return { pod: name, kind: 'applied' }
    if (response.status === 409) return { pod: name, kind: 'fenced', seen: seenGeneration(text, pushed) }
    return {
      pod: name,
      kind: 'unreachable',
      error: `its admin port answered ${response.status} to ${path}: ${text.slice(0, 200)}`,
    }
  } catch (error) {
    return { pod: name, kind: 'unreachable', error: why(error, timeoutMs) }
  }
}

function call(
  adminURL: string,
  path: string,
  token: string,
  timeoutMs: number,
  init: RequestInit & { headers?: Record<string, string> },
): Promise<Response> {
  return fetch(new URL(path, adminURL), {
    ...init,
    headers: { ...init.headers, authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  })
}

/** A refused push says which generation the pod has seen. */
function seenGeneration(body: string, pushed: number): number {
  try {
    const value = JSON.parse(body) as { seen?: unknown; generation?: unknown }
    const seen = value.seen ?? value.generation
    if (typeof seen === 'number') return seen
  } catch {
    // Any 409 means "a newer one was seen", whatever its body says.
  }
  return pushed + 1
}

function why(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const cause = error instanceof Error && error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException) : undefined
  return cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : String(error))
}
