/** Speaks to the admin port of one pod. Every call has a deadline; an answer is bounded in size. */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { PoliciesPush } from '@fractal-lba/protocol/config/policies'
import { type AdminAnswer, callAdmin } from './admin-call.ts'
import type { PodAddress } from './fleet-file.ts'
import { checkReport } from './pod-report-check.ts'
import type { PodReading, PushResult } from './port.ts'

export async function readReport(pod: PodAddress, token: string, timeoutMs: number): Promise<PodReading> {
  const { name } = pod
  try {
    const { status, text } = await call(pod, token, timeoutMs, { method: 'GET', path: '/admin/v1/report' })
    if (status !== 200) return { pod: name, report: undefined, error: `its admin port answered ${status}` }
    return { pod: name, report: checkReport(name, JSON.parse(text)), error: undefined }
  } catch (error) {
    return { pod: name, report: undefined, error: why(error) }
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
  pod: PodAddress,
  token: string,
  path: string,
  push: ConfigPush | PoliciesPush,
  pushed: number,
  timeoutMs: number,
): Promise<PushResult> {
  const { name } = pod
  try {
    const { status, text } = await call(pod, token, timeoutMs, { method: 'PUT', path, body: JSON.stringify(push) })
    if (status === 200) return { pod: name, kind: 'applied' }
    if (status === 409) return { pod: name, kind: 'fenced', seen: seenGeneration(text, pushed) }
    return { pod: name, kind: 'unreachable', error: `its admin port answered ${status} to ${path}: ${text.slice(0, 200)}` }
  } catch (error) {
    return { pod: name, kind: 'unreachable', error: why(error) }
  }
}

function call(
  { adminURL, tls }: PodAddress,
  token: string,
  timeoutMs: number,
  { path, ...rest }: { readonly method: 'GET' | 'PUT'; readonly path: string; readonly body?: string },
): Promise<AdminAnswer> {
  return callAdmin({ ...rest, url: new URL(path, adminURL), token, timeoutMs, tls })
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

const why = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error))
