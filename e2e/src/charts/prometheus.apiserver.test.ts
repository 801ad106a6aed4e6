/** The sample alerts: valid, firing on what they say, and about metrics that exist. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { checkout } from '../support/world.ts'

const folder = join(checkout, 'config/prometheus')
const rulesFile = join(folder, 'fractal-lba.rules.yaml')

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8', cwd: folder })
const hasPromtool = promtool('--version').status === 0

/** Of a verifier as it runs. */
async function verifierMetrics(): Promise<string> {
  const walDir = mkdtempSync(join(tmpdir(), 'flk-metrics-'))
  const env = { PATH: process.env.PATH, PORT: '0', FLK_HOST: '127.0.0.1', FLK_LOG_LEVEL: 'warn', WAL_DIR: walDir }
  const verifier = spawn(process.execPath, [join(checkout, 'backend/src/main.ts')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(verifier, 'exit')
  try {
    const [line] = (await once(createInterface({ input: verifier.stdout }), 'line')) as [string]
    const { port } = JSON.parse(line) as { port: number }
    return await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  } finally {
    verifier.kill('SIGTERM')
    await ended
    rmSync(walDir, { recursive: true })
  }
}

describe('the alerts', () => {
  it('are valid, and fire on what they say', ({ skip }) => {
    skip(!hasPromtool, 'promtool is not in PATH (Debian: apt-get install prometheus)')
    const [checked, tested] = [promtool('check', 'rules', rulesFile), promtool('test', 'rules', 'fractal-lba.test.yaml')]
    expect(checked.stdout).toMatch(/SUCCESS: \d+ rules found/)
    expect(tested.stdout + tested.stderr).toContain('SUCCESS')
    expect(tested.status).toBe(0)
  })

  it('are about metrics that verifiers and the operator have', async () => {
    const { groups } = parse(readFileSync(rulesFile, 'utf8')) as { groups: { name: string; rules: { expr: string }[] }[] }
    const used = new Set(
      groups.flatMap(({ rules }) =>
        rules.flatMap(({ expr }) => expr.match(/(?<![:\w])(flk|workqueue|controller_runtime|leader_election)_\w+/g) ?? []),
      ),
    )
    const byVerifiers = await verifierMetrics()
    // The operator's need a cluster to be scraped from; here it is enough that the names are those of its code.
    const byOperator = ['operator/src/runtime/metrics/runtime-metrics.ts', 'operator/src/kubernetes/migration-metrics.ts']
      .map((path) => readFileSync(join(checkout, path), 'utf8'))
      .join()
    const missing = [...used].filter((name) => {
      const family = name.replace(/_bucket$/, '')
      // A family without a series yet, such as that of the shards of a memory store, still says its type.
      return !byVerifiers.includes(`# TYPE ${family} `) && !byOperator.includes(`'${family}'`)
    })
    expect(used.size).toBeGreaterThan(8)
    expect(missing).toEqual([])
  })
})
