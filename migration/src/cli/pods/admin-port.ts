/** The admin ports of the pods: they get the list of shards before a cutover could send them to one they do not know, and tell their latency. */
import { type ConfigPush, type FleetConfig, revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import { CommandFailed, EXIT } from '../exit-codes.ts'

const TIMEOUT_MS = 5000

export interface AdminPorts {
  readonly urls: readonly URL[]
  readonly token: string
}

/** Gives the config to every pod. @throws CommandFailed when a pod did not take it. */
export async function pushConfig(ports: AdminPorts, generation: number, config: FleetConfig): Promise<void> {
  const push: ConfigPush = { generation, revision: revisionOf(config), config }
  await Promise.all(
    ports.urls.map(async (url) => {
      const response = await call(ports, url, '/admin/v1/config', {
        method: 'PUT',
        body: JSON.stringify(push),
        headers: { 'content-type': 'application/json' },
      })
      if (response.ok) return
      const code = response.status === 409 ? EXIT.refused : EXIT.failed
      throw new CommandFailed(
        code,
        `pod ${url.host} did not take the list of shards (${response.status}): ${(await response.text()).slice(0, 200)}`,
      )
    }),
  )
}

/** The reports of the pods that answer. */
export async function readReports(ports: AdminPorts): Promise<PodReport[]> {
  const reports = await Promise.all(
    ports.urls.map(async (url) => {
      const response = await call(ports, url, '/admin/v1/report', { method: 'GET' }).catch(() => undefined)
      return response?.ok ? ((await response.json()) as PodReport) : undefined
    }),
  )
  return reports.filter((report) => report !== undefined)
}

async function call(
  ports: AdminPorts,
  url: URL,
  path: string,
  init: RequestInit & { headers?: Record<string, string> },
): Promise<Response> {
  try {
    return await fetch(new URL(path, url), {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${ports.token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      redirect: 'error',
    })
  } catch (cause) {
    throw new CommandFailed(EXIT.failed, `pod ${url.host} does not answer at its admin port`, { cause })
  }
}
