/** A pod as a process of its own, as users start it: for tests that kill it, signal it, or need it as a whole. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { TEST_KEY } from './summaries.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
export const ADMIN_TOKEN = 'test-admin-token'

export interface Answer {
  readonly status: number
  readonly body: string
  readonly json: Record<string, unknown>
  readonly headers: Headers
}

export interface PodProcess {
  readonly url: string
  readonly adminUrl: string
  readonly child: ChildProcess
  readonly stderr: () => string
  submit(body: string | Uint8Array, headers?: Record<string, string>): Promise<Answer>
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  admin(method: string, path: string, body?: unknown): Promise<Answer>
  kill(signal: NodeJS.Signals): Promise<number | null>
}

export async function temporaryFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'flk-pod-'))
}

/** The environment of a test's pod: HMAC, no quota, free ports, an admin API; `env` adds and overrides. */
export function podEnvironment(walDir: string, env: Record<string, string> = {}): Record<string, string> {
  return {
    PORT: '0',
    FLK_HOST: '127.0.0.1',
    FLK_ADMIN_PORT: '0',
    FLK_ADMIN_TOKEN: ADMIN_TOKEN,
    FLK_POD_NAME: 'test-pod',
    TOKEN_RATE: '0',
    PCS_SIGN_ALG: 'hmac',
    PCS_HMAC_KEY: TEST_KEY,
    WAL_DIR: walDir,
    // Compiled sources are kept between the many starts of a test run.
    NODE_COMPILE_CACHE: join(tmpdir(), 'flk-compile-cache'),
    ...env,
  }
}

/** Runs `main.ts` to its end. */
export async function runMain(
  env: Record<string, string>,
  args: readonly string[] = [],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk) => (output.stdout += chunk))
  child.stderr.on('data', (chunk) => (output.stderr += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

/** @param tracer a command that runs the pod, such as strace with its options. @throws Error with the log where the pod ends before it listens. */
export async function startPodProcess(env: Record<string, string>, tracer: readonly string[] = []): Promise<PodProcess> {
  const command = [...tracer, process.execPath, MAIN]
  const child = spawn(command[0] as string, command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const exited = once(child, 'exit') as Promise<[number | null]>
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line').then(([text]) => text as string),
    exited.then(([code]) => Promise.reject(new Error(`the pod ended with ${code} before it listened:\n${stderr}`))),
  ])
  const { port, adminPort, pid } = JSON.parse(line) as { port: number; adminPort: number; pid: number }
  const url = `http://127.0.0.1:${port}`
  const adminUrl = `http://127.0.0.1:${adminPort}`
  return {
    url,
    adminUrl,
    child,
    stderr: () => stderr,
    submit: (body, headers) =>
      ask(`${url}/v1/pcs/submit`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }),
    get: (path, headers = {}) => ask(`${url}${path}`, { headers }),
    admin: (method, path, body) =>
      ask(`${adminUrl}${path}`, {
        method,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    async kill(signal) {
      // The pod's own process: a tracer that is killed would leave it running.
      if (child.exitCode === null && child.signalCode === null) process.kill(pid, signal)
      const [code] = await exited
      return code
    },
  }
}

async function ask(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init)
  const body = await response.text()
  return { status: response.status, body, json: asJson(body), headers: response.headers }
}

function asJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}
