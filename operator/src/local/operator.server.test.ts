/** The operator as users run it: a real process on a folder, real Redis shards, real pods under load. One fleet, told as one story. */
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { revisionOf } from '@fractal-lba/protocol/config/fleet-config'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { FleetFile } from '../fleet/fleet-file.ts'
import { LocalFleet } from '../fleet/local.ts'
import { runToEnd } from '../testing/child.ts'
import { type Load, startLoad } from '../testing/load.ts'
import { OPERATOR_MAIN, type OperatorProcess, PATIENCE_MS, startTestFleet, type TestFleet } from '../testing/local-fleet.ts'
import { readEvents } from './event-log.ts'

let fleet: TestFleet
let operator: OperatorProcess
let load: Load
const answered = new Set<number>()

const verb = (...args: string[]) => runToEnd(OPERATOR_MAIN, [...args, '--local', fleet.folder])
const reasonsOf = async (name: string) =>
  (await readEvents(join(fleet.folder, `${name}.events.jsonl`))).map((event) => event.reason)

async function audited() {
  await load.stop()
  expect(load.wrong).toEqual([])
  for (const n of load.answered.keys()) answered.add(n)
  const result = await fleet.audit(answered)
  load = startLoad(fleet.urls, Math.max(...answered) + 1)
  return result
}

beforeAll(async () => {
  fleet = await startTestFleet(3, 2)
  load = startLoad(fleet.urls, 0)
  operator = await fleet.startOperator()
})

afterAll(async () => {
  await load?.stop()
  await fleet?.stop()
})

describe('the operator in local mode', { timeout: 2 * PATIENCE_MS }, () => {
  it('says of a bad manifest which field is wrong, and takes the corrected one', async () => {
    await writeFile(
      join(fleet.folder, 'bad.yaml'),
      'apiVersion: fractal.lba.io/v1\nkind: ShardMigration\nmetadata: { name: bad }\nspec: [\n',
    )
    const unreadable = await fleet.until('bad', (status) => status.phase === 'Failed')
    expect(unreadable.message).toContain('bad.yaml: not valid YAML')
    await fleet.apply('bad', [0], [0, 1, 2], { healthGates: { maxCpu: 3 } })
    await fleet.until('bad', (status) => status.message.includes('spec.healthGates.maxCpu: there is no gate "maxCpu"'))
    await fleet.apply('bad', [0], [0, 1, 2], { dryRun: true })
    const planned = await fleet.until('bad', (status) => status.plan !== undefined && status.message.includes('dry run'))
    expect(planned.plan?.moves.map((move) => move.slots).reduce((a, b) => a + b, 0)).toBeGreaterThan(8000)
    await fleet.remove('bad')
    await expect.poll(() => fleet.status('bad'), { timeout: PATIENCE_MS }).toBeUndefined()
    expect((await fleet.audit([])).owners).toEqual({ 0: 16384 })
  })

  it('waits for the approval of its plan, ignores another, then moves 1 -> 3 under load', async () => {
    await fleet.apply('grow', [0], [0, 1, 2], { approval: 'Manual' })
    const { planHash } = await fleet.until('grow', (status) => status.planHash !== undefined)
    expect((await verb('approve', 'grow', '--plan', 'deadbeef')).code).toBe(0)
    await fleet.until('grow', (status) => status.verbs.some((echo) => echo.verb === 'approve' && !echo.accepted && !echo.pending))
    expect((await fleet.status('grow'))?.phase).toBe('Planning')
    expect((await verb('approve', 'grow')).stdout).toContain(planHash as string)
    const done = await fleet.until('grow', (status) => status.phase === 'Completed')
    expect(done).toMatchObject({ progress: { percentage: 100 }, certificate: { slots: done.plan?.slots } })
    expect(done.gates.every((gate) => gate.verdict !== 'Pass' || gate.samples > 0)).toBe(true)
    const { elsewhere, missing, owners, atOwner } = await audited()
    expect({ elsewhere, missing }).toEqual({ elsewhere: 0, missing: [] })
    expect(atOwner).toBe(answered.size)
    expect(Object.keys(owners)).toEqual(['0', '1', '2'])
    expect(await reasonsOf('grow')).toEqual(
      expect.arrayContaining(['ApprovalMismatch', 'Approved', 'Copying', 'CuttingOver', 'PointOfNoReturn', 'MigrationComplete']),
    )
    expect(JSON.parse(await readFile(join(fleet.folder, 'grow.certificate.json'), 'utf8'))).toMatchObject({
      contentId: done.certificate?.contentId,
    })
    await expect
      .poll(() => fleet.podRevisions(), { timeout: PATIENCE_MS })
      .toEqual([0, 1].map(() => revisionOf({ shards: fleet.shards })))
  })

  it('rolls back when a gate fails in the cutover, loses nothing, and does not try again by itself', async () => {
    await fleet.remove('grow')
    await fleet.apply('shrink', [0, 1, 2], [0], { stepSeconds: 20 })
    await fleet.until('shrink', (status) => status.phase === 'Cutover' && status.watchedPercent === 10)
    const path = join(fleet.folder, 'shrink.yaml')
    const manifest = parseDocument(await readFile(path, 'utf8'))
    // From here on no fleet is fast enough.
    manifest.setIn(['spec', 'healthGates', 'maxLatencyP95'], 0.001)
    await writeFile(path, manifest.toString())
    const rolled = await fleet.until('shrink', (status) => status.phase === 'Failed')
    expect(rolled.halt).toMatchObject({
      kind: 'Rollback',
      reason: 'GateFailed',
      reading: { metric: 'maxLatencyP95', verdict: 'Fail', threshold: 0.001 },
    })
    expect(rolled.conditions.find((condition) => condition.type === 'Stalled')).toMatchObject({
      status: 'True',
      reason: 'GateFailed',
    })
    expect(rolled.message).toContain('was undone')
    const { elsewhere, missing, owners } = await audited()
    expect({ elsewhere, missing, owners: Object.keys(owners) }).toEqual({ elsewhere: 0, missing: [], owners: ['0', '1', '2'] })
    expect((await fleet.status('shrink'))?.attempt).toBe(1)
  })

  it('is killed while it copies and while it cuts over, and its successors finish', async () => {
    await fleet.remove('shrink')
    await expect.poll(() => fleet.status('shrink'), { timeout: PATIENCE_MS }).toBeUndefined()
    await fleet.apply('shrink-again', [0, 1, 2], [0], { throttleQPS: 1500 })
    for (const phase of ['Copying', 'Cutover']) {
      await fleet.until('shrink-again', (status) => status.phase === phase)
      await operator.end('SIGKILL')
      operator = await fleet.startOperator()
    }
    await fleet.until('shrink-again', (status) => status.phase === 'Completed')
    const { elsewhere, missing, owners } = await audited()
    expect({ elsewhere, missing, owners }).toEqual({ elsewhere: 0, missing: [], owners: { 0: 16384 } })
    await fleet.remove('shrink-again')
  })

  it('undoes a migration whose manifest is deleted in mid-flight, across a restart', async () => {
    await fleet.apply('cancelled', [0], [0, 1], { soakSeconds: 30 })
    await fleet.until('cancelled', (status) => status.phase === 'DualWrite')
    expect(await operator.end('SIGTERM')).toBe(0)
    await fleet.remove('cancelled')
    operator = await fleet.startOperator()
    await expect.poll(() => fleet.status('cancelled'), { timeout: PATIENCE_MS }).toBeUndefined()
    const { elsewhere, missing, owners } = await audited()
    expect({ elsewhere, missing, owners }).toEqual({ elsewhere: 0, missing: [], owners: { 0: 16384 } })
  })

  it('cannot configure pods with a generation that they have left behind', async () => {
    const folder = join(fleet.folder, '.other')
    await mkdir(folder)
    for (const file of ['fleet.yaml', 'admin.token']) await copyFile(join(fleet.folder, file), join(folder, file))
    const deposed = new LocalFleet(new FleetFile(folder, {}))
    const config = { shards: fleet.shards }
    const push = { generation: 1, revision: revisionOf(config), config }
    const results = await deposed.configure(push, 2000)
    expect(results).toMatchObject([{ kind: 'fenced' }, { kind: 'fenced' }])
    expect(results.every((result) => result.kind === 'fenced' && result.seen > 1)).toBe(true)
    const readings = await deposed.read(2000)
    expect(readings.map((reading) => reading.report?.pod)).toEqual(['pod-0', 'pod-1'])
    await writeFile(join(folder, 'admin.token'), 'wrong')
    await writeFile(join(folder, 'fleet.yaml'), `${await readFile(join(folder, 'fleet.yaml'), 'utf8')}\n`)
    expect(await deposed.read(2000)).toMatchObject([
      { error: 'its admin port answered 401' },
      { error: 'its admin port answered 401' },
    ])
  })

  it('shows its statuses, tells of its health, and does not share its folder', async () => {
    await fleet.apply('waiting', [0], [0, 1], { approval: 'Manual' })
    await fleet.until('waiting', (status) => status.planHash !== undefined)
    const table = await verb('status')
    expect(table.stdout).toMatch(/NAME +PHASE +PROGRESS +GATE/)
    expect(table.stdout).toMatch(/waiting +Planning/)
    expect(JSON.parse((await verb('status', 'waiting', '--output', 'json')).stdout)).toMatchObject([
      { name: 'waiting', status: { phase: 'Planning' } },
    ])
    const { metrics } = operator.ready
    expect((await fetch(`${metrics}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${metrics}/metrics`)).text()).toContain('flk_migration_phase{name="waiting",phase="Planning"} 1')
    const second = await runToEnd(OPERATOR_MAIN, ['--local', fleet.folder])
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining('served by another operator')])
    await rm(join(fleet.folder, 'admin.token'))
    await writeFile(join(fleet.folder, 'fleet.yaml'), `${await readFile(join(fleet.folder, 'fleet.yaml'), 'utf8')}\n`)
    await expect.poll(async () => (await fetch(`${metrics}/readyz`)).status, { timeout: PATIENCE_MS }).toBe(503)
    expect(await operator.end('SIGTERM')).toBe(0)
  })
})
