/**
 * The charts over time: an upgrade from an earlier chart and back with a migration in flight, what stays after an uninstallation, and
 * that Kubernetes' own tools can wait for our objects.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestFleet } from '../support/fleet.ts'
import { until } from '../support/until.ts'
import { installOperator, OPERATOR_CHART, OPERATOR_NAMESPACE, OPERATOR_RELEASE, openKubectl } from '../support/world.ts'

const kubectl = openKubectl()
const NAMESPACE = 'e2e-helm'
const LOAD_PER_SECOND = 60
const MIGRATION_MS = 600_000
let fleet: TestFleet
let earlierChart: string

/** No chart was released before this one, so the earlier one is this one under an earlier version. */
async function makeEarlierChart(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'flk-chart-'))
  await cp(OPERATOR_CHART, dir, { recursive: true })
  const file = join(dir, 'Chart.yaml')
  const chart = await readFile(file, 'utf8')
  const earlier = chart.replace(/^version: .*$/m, 'version: 0.0.9')
  if (earlier === chart) throw new Error(`${file} has no line "version:"`)
  await writeFile(file, earlier)
  return dir
}

const helm = (...args: string[]) => kubectl.helm([...args, '-n', OPERATOR_NAMESPACE])
const percent = async (name: string) => (await fleet.readMigration(name)).status?.progress?.percentage ?? 0

beforeAll(async () => {
  earlierChart = await makeEarlierChart()
  await installOperator(kubectl)
  await helm('upgrade', OPERATOR_RELEASE, earlierChart, '--wait', '--timeout', '120s')
  fleet = await TestFleet.install(kubectl, { namespace: NAMESPACE, kind: 'redis', replicas: 2, shards: 1 })
  await fleet.startLoad(LOAD_PER_SECOND)
  await fleet.upgrade({ shards: 2 })
}, 300_000)
afterAll(async () => {
  await installOperator(kubectl)
  await fleet?.remove()
  await rm(earlierChart, { recursive: true, force: true })
}, 240_000)

it('an upgrade and a rollback of the operator in the middle of a migration do not disturb it', async () => {
  await kubectl.apply(fleet.migration('across', 1, 2, { soakSeconds: 10, stepSeconds: 5 }))
  await until('a migration under way', 60_000, async () => ((await percent('across')) > 0 ? {} : 'nothing copied'))
  await helm('upgrade', OPERATOR_RELEASE, OPERATOR_CHART, '--wait', '--timeout', '120s')
  expect((await fleet.readMigration('across')).status?.halt).toBeUndefined()
  await helm('rollback', OPERATOR_RELEASE, '--wait', '--timeout', '120s')
  await fleet.untilPhase('across', ['Completed'], MIGRATION_MS)
  // What scripts and pipelines do.
  await kubectl.run(['-n', NAMESPACE, 'wait', '--for=condition=Ready', 'shardmigration/across', '--timeout=5s'])
}, 400_000)

it('an uninstallation in the middle of a migration keeps the kinds, the objects and the traffic; a new installation goes on', async () => {
  await kubectl.apply(fleet.migration('interrupted', 2, 1, { soakSeconds: 10, stepSeconds: 5 }))
  await fleet.untilPhase('interrupted', ['DualWrite'], MIGRATION_MS)
  await helm('uninstall', OPERATOR_RELEASE, '--wait', '--timeout', '120s')
  const kinds = await kubectl.run(['get', 'crds', '-o', 'name'])
  for (const kind of ['shardmigrations', 'crrpolicies', 'tieringpolicies']) expect(kinds).toContain(`${kind}.fractal.lba.io`)
  expect((await fleet.readMigration('interrupted')).status?.phase).toBe('DualWrite')
  await installOperator(kubectl)
  await fleet.untilPhase('interrupted', ['Completed'], MIGRATION_MS)
  const { findings, checked } = await fleet.audit(2)
  expect(findings).toEqual([])
  expect(checked.acknowledgedKeys).toBeGreaterThan(0)
}, 400_000)
