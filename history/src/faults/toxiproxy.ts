/** Toxiproxy as a process of its own: one proxy in front of each server and each pod, whose network is then made bad through its API. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Nursery } from '@fractal-lba/demo/processes/nursery'
import type { GoModulePrograms } from '@fractal-lba/servers/go-programs'
import { endChild, freePort, untilAnswers } from '@fractal-lba/servers/running-server'

export const TOXIPROXY: GoModulePrograms = {
  name: 'toxiproxy-server',
  module: 'github.com/Shopify/toxiproxy/v2',
  version: 'v2.5.0',
  commands: { 'toxiproxy-server': 'github.com/Shopify/toxiproxy/v2/cmd/server' },
  replace: 'none',
  linkFlags: '',
  coldBuildMinutes: 1,
}

const START_TIMEOUT_MS = 10_000
const CALL_TIMEOUT_MS = 5_000
const STOP_PATIENCE_MS = 2_000

/** `upstream`: what goes to the server; `downstream`: what comes back. */
export interface Toxic {
  readonly type: 'latency' | 'timeout' | 'reset_peer' | 'limit_data' | 'slicer' | 'bandwidth'
  readonly stream: 'upstream' | 'downstream'
  /** Share of the connections that it meets. */
  readonly toxicity: number
  readonly attributes: Readonly<Record<string, number>>
}

export interface Toxiproxy {
  /** A proxy in front of a port of this machine. @returns the port to connect to. */
  front(name: string, port: number): Promise<number>
  poison(proxy: string, toxic: Toxic): Promise<void>
  /** Cuts every connection and refuses new ones, until it is healed. */
  cut(proxy: string): Promise<void>
  /** Takes all of it back. */
  heal(proxy: string): Promise<void>
  stop(): Promise<void>
}

export async function startToxiproxy(program: string, logDir: string, nursery: Nursery): Promise<Toxiproxy> {
  const port = await freePort()
  const api = `http://127.0.0.1:${port}`
  const log = openSync(join(logDir, 'toxiproxy.log'), 'a')
  const child = spawn(program, ['-host', '127.0.0.1', '-port', `${port}`], { stdio: ['ignore', log, log], detached: true })
  closeSync(log)
  const release = child.pid === undefined ? () => {} : nursery.adopt(child.pid)
  await untilAnswers('toxiproxy', child, async () => void (await call('GET', '/version')), START_TIMEOUT_MS)

  async function call(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${api}${path}`, {
      method,
      // Its API refuses what looks like a browser.
      headers: { 'user-agent': 'fractal-lba-history', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`toxiproxy answered ${answer.status} to ${method} ${path}: ${text.slice(0, 200)}`)
    return text === '' ? undefined : safeJson(text)
  }

  return {
    async front(name, target) {
      const listen = await freePort()
      await call('POST', '/proxies', { name, listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${target}`, enabled: true })
      return listen
    },
    async poison(proxy, toxic) {
      await call('POST', `/proxies/${proxy}/toxics`, { name: `${toxic.type}-${toxic.stream}`, ...toxic })
    },
    async cut(proxy) {
      await call('POST', `/proxies/${proxy}`, { enabled: false })
    },
    async heal(proxy) {
      const { toxics } = (await call('GET', `/proxies/${proxy}`)) as { toxics: { name: string }[] }
      for (const { name } of toxics) await call('DELETE', `/proxies/${proxy}/toxics/${name}`)
      await call('POST', `/proxies/${proxy}`, { enabled: true })
    },
    async stop() {
      await endChild(child, 'SIGTERM', STOP_PATIENCE_MS)
      release()
    },
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
