import { type ExecFileException, execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { issueCertificate, keyIdOf } from '@fractal-lba/migration/certificate/certificate'
import { certificateText } from '@fractal-lba/migration/certificate/read-certificate'
import { GROUP, KINDS, SHARD_MIGRATION_KIND, VERSION } from '@fractal-lba/operator/api/group'
import { withDefaults } from '@fractal-lba/operator/api/shardmigration'
import type { ShardMigrationStatus } from '@fractal-lba/operator/api/status'
import { GOOD } from '@fractal-lba/operator/api/testing/specs'
import { statusFixtures } from '@fractal-lba/operator/api/testing/statuses'
import { freshStatus as freshRollout, writeRolloutStatus } from '@fractal-lba/operator/controllers/fleetrollout/status'
import { decide } from '@fractal-lba/operator/controllers/shardmigration/decide'
import { look, unstarted } from '@fractal-lba/operator/controllers/shardmigration/observed-fixtures'
import type { CustomObject } from '@fractal-lba/operator/kubernetes/resources'
import { loadConnection } from '@fractal-lba/operator/runtime/client/connection'
import { KubeClient } from '@fractal-lba/operator/runtime/client/kube-client'
import type { KubeObject, ResourceType } from '@fractal-lba/operator/runtime/client/objects'
import { EVENT, eventOf } from '@fractal-lba/operator/runtime/events/event-object'
import { until } from '@fractal-lba/operator/runtime/testing/until'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const dist = join(root, 'kubectl-flk/dist')
const NAMESPACE = 'default'
type Migration = CustomObject<ShardMigrationStatus>

const typeOf = (kind: string): ResourceType<Migration> => ({
  group: GROUP,
  version: VERSION,
  plural: KINDS.find((each) => each.kind === kind)?.plural as string,
  kind,
  namespaced: true,
})
const MIGRATIONS = typeOf(SHARD_MIGRATION_KIND)
const anyType = (group: string, plural: string, kind: string): ResourceType<KubeObject & Record<string, unknown>> => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced: true,
})
const CONFIG_MAPS = anyType('', 'configmaps', 'ConfigMap')
const STATEFUL_SETS = anyType('apps', 'statefulsets', 'StatefulSet')

let plane: ControlPlane
let client: KubeClient
let folder: string

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const runProgram = (program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(program, args, { env: { ...env } }, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr })
    })
  })

/** Where `kubectl` finds the plugin and itself, and the plugin its Node. */
const environment = () => ({
  PATH: [dirname(programPath('kubectl')), dist, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
  HOME: folder,
  KUBECONFIG: plane.kubeconfig,
})

/** As a user calls it. */
const flk = (...args: string[]): Promise<Ran> => runProgram(programPath('kubectl'), ['flk', ...args], environment())

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flk-plugin-'))
  plane = await startControlPlane()
  const built = await runProgram(process.execPath, [join(root, 'kubectl-flk/src/build.ts')], { PATH: process.env.PATH ?? '' })
  expect(built).toMatchObject({ code: 0 })
  client = new KubeClient({
    connection: await loadConnection({ env: {}, kubeconfig: plane.kubeconfig }),
    userAgent: 'flk-test',
    fieldManager: 'flk-test',
  })
  const applied = await runProgram(programPath('kubectl'), ['apply', '--server-side', '-f', join(root, 'crds')], environment())
  expect(applied).toMatchObject({ code: 0 })
  for (const { kind } of KINDS) {
    await until(`${kind} is served`, () =>
      client.listPage(typeOf(kind)).then(
        () => true,
        () => false,
      ),
    )
  }
  for (const { kind, name, status } of statusFixtures()) {
    await client.create(typeOf(kind), { metadata: { namespace: NAMESPACE, name }, spec: GOOD[kind] })
    await client.mergePatch(
      typeOf(kind),
      { namespace: NAMESPACE, name },
      { status: JSON.parse(JSON.stringify(status)) },
      { subresource: 'status' },
    )
  }
  await client.create(typeOf('CRRPolicy'), {
    metadata: { namespace: NAMESPACE, name: 'crr-new' },
    spec: GOOD.CRRPolicy,
  })
})

afterAll(async () => {
  client?.close()
  await plane?.stop()
  await rm(folder, { recursive: true, force: true })
})

const golden = (name: string) => join(import.meta.dirname, 'golden', `${name}.txt`)

describe('kubectl flk shows', () => {
  it.each([
    ['help', ['--help']],
    ['status', ['status']],
    ['status-one', ['status', 'tiering-active']],
    ['plan-migration', ['plan', 'migration-awaiting']],
    ['plan-policy', ['plan', 'crrp/crr-progressing']],
    ['why-frozen', ['why', 'smig/migration-frozen']],
    ['why-rolled-back', ['why', 'tieringpolicy/tiering-rolled-back']],
    ['why-unsupported', ['why', 'crr-unsupported']],
    ['why-no-data', ['why', 'crr-progressing']],
    ['why-new', ['why', 'crr-new']],
    ['history-decisions', ['history', 'migration-rolled-back']],
  ])('%s as it stands in its golden file', async (name, args) => {
    const { code, stdout, stderr } = await flk(...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    await expect(stdout).toMatchFileSnapshot(golden(name))
  })

  it('the same as JSON, for scripts', async () => {
    const status = JSON.parse((await flk('status', 'migration-cutover', '-o', 'json')).stdout)
    expect(status).toMatchObject([{ kind: 'ShardMigration', namespace: 'default', status: { phase: 'Cutover' } }])
    expect(JSON.parse((await flk('plan', 'migration-awaiting', '-o', 'json')).stdout)).toMatchObject({ hash: '3f6c2a90b1d4' })
    expect(JSON.parse((await flk('why', 'migration-frozen', '-o', 'json')).stdout)).toMatchObject({
      halt: { kind: 'Freeze', reading: { query: 'p95(latency) over 30 s of 3 of 3 pods', value: 412.5, threshold: 200 } },
      decisions: [{}, { action: 'Freeze', reason: 'GateFailed' }],
    })
  })

  it('all namespaces, with their names', async () => {
    const { stdout } = await flk('status', '-A')
    expect(stdout.split('\n')[0]).toMatch(/^NAMESPACE +NAME +PHASE +PROGRESS +GATE +REVERSIBLE/)
    expect(stdout).toMatch(/^default +smig\/migration-awaiting/m)
  })

  it('events and decisions in the order in which they happened', async () => {
    const regarding = {
      apiVersion: `${GROUP}/${VERSION}`,
      kind: 'ShardMigration',
      namespace: NAMESPACE,
      name: 'migration-completed',
    }
    const by = { controller: 'fractal-lba-operator', instance: 'test', nowMs: Date.UTC(2026, 9, 1, 12, 2, 45, 250) }
    const report = {
      regarding,
      type: 'Warning',
      reason: 'PointOfNoReturn',
      action: 'Announce',
      note: 'From here it can only finish.',
    }
    await client.create(EVENT, eventOf({ ...report, type: 'Warning' }, { ...by, name: 'migration-completed.one' }))
    const { stdout } = await flk('history', 'migration-completed')
    await expect(stdout).toMatchFileSnapshot(golden('history'))
  })
})

describe('kubectl flk status --watch', () => {
  it('ends with 0 when what it watches is done, with 1 when that has failed', async () => {
    expect(await flk('status', 'migration-completed', '--watch')).toMatchObject({ code: 0 })
    expect(await flk('status', 'migration-frozen', '--watch')).toMatchObject({ code: 1 })
  })

  it('shows what changes, until it is done', async () => {
    const ref = { namespace: NAMESPACE, name: 'watched' }
    const statuses = Object.fromEntries(statusFixtures().map(({ name, status }) => [name, JSON.parse(JSON.stringify(status))]))
    await client.create(MIGRATIONS, { metadata: ref, spec: GOOD[SHARD_MIGRATION_KIND] })
    const set = (name: string) => client.mergePatch(MIGRATIONS, ref, { status: statuses[name] }, { subresource: 'status' })
    await set('migration-awaiting')
    const watching = flk('status', 'watched', '--watch', '--interval', '0.1')
    // The audit log tells when the plugin has looked.
    const looks = async () =>
      (await readFile(plane.auditLog, 'utf8')).split('\n').filter((line) => line.includes('metadata.name%3Dwatched')).length
    await until('it has looked', async () => (await looks()) > 0)
    await set('migration-cutover')
    const before = await looks()
    await until('it has looked again', async () => (await looks()) > before + 1)
    await set('migration-completed')
    const { code, stdout } = await watching
    expect(code).toBe(0)
    expect([...stdout.matchAll(/^smig\/watched +(\w+)/gm)].map(([, phase]) => phase)).toEqual([
      'Planning',
      'Cutover',
      'Completed',
    ])
  })
})

/** The operator's own decision, made real as its controller does: status first, then the events, then the annotation goes. */
async function decideOnce(name: string): Promise<void> {
  const ref = { namespace: NAMESPACE, name }
  const object = await client.get(MIGRATIONS, ref)
  if (!object) return
  const decided = decide(
    look({
      name,
      uid: object.metadata.uid as string,
      generation: object.metadata.generation as number,
      annotations: object.metadata.annotations ?? {},
      spec: withDefaults(object.spec as Parameters<typeof withDefaults>[0]),
      status: object.status && { ...object.status },
      engine: unstarted,
      nowMs: Date.now(),
    }),
  )
  await client.mergePatch(MIGRATIONS, ref, { status: JSON.parse(JSON.stringify(decided.status)) }, { subresource: 'status' })
  for (const action of decided.actions) {
    if (action.kind === 'event') {
      const regarding = { apiVersion: `${GROUP}/${VERSION}`, kind: SHARD_MIGRATION_KIND, ...ref }
      const report = { regarding, type: action.type, reason: action.reason, action: action.reason, note: action.message }
      const by = { controller: 'fractal-lba-operator', instance: 'test', nowMs: Date.now(), name: `steered.${performance.now()}` }
      await client.create(EVENT, eventOf(report, by))
    }
    if (action.kind === 'consume')
      await client.mergePatch(MIGRATIONS, ref, { metadata: { annotations: { [`${GROUP}/${action.verb}`]: null } } })
  }
}

describe('the verbs', () => {
  const spec = { ...GOOD[SHARD_MIGRATION_KIND], approval: 'Manual' }
  let operating = true
  let operator: Promise<void>

  beforeAll(async () => {
    await client.create(MIGRATIONS, { metadata: { namespace: NAMESPACE, name: 'steered' }, spec })
    operator = (async () => {
      while (operating) {
        await decideOnce('steered')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    await until('there is a plan', async () => {
      const object = await client.get(MIGRATIONS, { namespace: NAMESPACE, name: 'steered' })
      return object?.status?.planHash !== undefined
    })
  })

  afterAll(async () => {
    operating = false
    await operator
  })

  it('are taken by the operator, whose answer is waited for', async () => {
    expect(await flk('pause', 'steered')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^pause of smig\/steered was taken at 20/),
    })
    const paused = await client.get(MIGRATIONS, { namespace: NAMESPACE, name: 'steered' })
    expect(paused?.status?.paused).toBe(true)
    expect(await flk('resume', 'smig/steered', '-o', 'json')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"accepted": true'),
    })
  })

  it('end with 1 and the reason where the operator refuses', async () => {
    expect(await flk('resume', 'steered')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'resume was refused: This is not possible in the current phase and was ignored. (resume in ',
      ),
    })
  })

  it('approve the plan that was seen, and no other', async () => {
    expect(await flk('approve', 'steered', '--plan', 'another')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the plan of smig/steered is plan1, not another: it was made again'),
    })
    expect(await flk('approve', 'steered', '--plan', 'plan1')).toMatchObject({ code: 0 })
    const object = await client.get(MIGRATIONS, { namespace: NAMESPACE, name: 'steered' })
    expect(object?.status).toMatchObject({ approvedHash: 'plan1', conditions: expect.arrayContaining([]) })
    expect(object?.metadata.managedFields?.some(({ manager }) => manager === 'kubectl-flk')).toBe(false)
  })

  it('change nothing in a dry run', async () => {
    expect(await flk('abort', 'migration-rolled-back', '--dry-run')).toMatchObject({
      code: 0,
      stdout: 'abort of smig/migration-rolled-back would be taken by the server; nothing was changed.\n',
    })
    const object = await client.get(MIGRATIONS, { namespace: NAMESPACE, name: 'migration-rolled-back' })
    expect(object?.metadata.annotations).toBeUndefined()
  })

  it('say that no operator answers, with 5, and leave the annotation for when one does', async () => {
    expect(await flk('abort', 'migration-cutover', '--timeout', '0.5')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('no operator took it within 0.5 s'),
    })
    const object = await client.get(MIGRATIONS, { namespace: NAMESPACE, name: 'migration-cutover' })
    expect(Object.keys(object?.metadata.annotations ?? {})).toEqual([`${GROUP}/abort`])
    expect(await flk('retry', 'migration-frozen', '--timeout', '0')).toMatchObject({ code: 0 })
  })
})

describe('kubectl flk report', () => {
  const keys = generateKeyPairSync('ed25519')
  const others = generateKeyPairSync('ed25519')
  const proof = { count: 60, digest: 'ab12', atMs: Date.UTC(2026, 9, 1, 12, 2) }
  const slots = [7, 8, 9].map((slot) => ({
    slot,
    source: 'shard-0:6379',
    target: slot === 9 ? 'shard-2:6379' : 'shard-1:6379',
    generationBefore: 1,
    generationAfter: 2,
    before: proof,
    after: { ...proof, count: 61 },
  }))
  const certificate = issueCertificate(
    {
      format: 'fractal-lba/migration-certificate/1',
      migration: 'migration-completed-0a1b2c3d-1',
      planHash: '3f6c2a90b1d4',
      from: ['shard-0:6379'],
      to: ['shard-0:6379', 'shard-1:6379', 'shard-2:6379'],
      vnodes: 150,
      startedAtMs: Date.UTC(2026, 9, 1, 12, 0, 21),
      cutOverAtMs: Date.UTC(2026, 9, 1, 12, 2, 30),
      issuedAtMs: Date.UTC(2026, 9, 1, 12, 2, 49),
      durationMs: 148_000,
      repairedKeys: 1,
      keysBefore: 180,
      keysAfter: 183,
      slots,
    },
    { keyId: keyIdOf(keys.privateKey), key: keys.privateKey },
  )
  const text = certificateText(certificate)
  const keep = (name: string, content: string) =>
    client.create(CONFIG_MAPS, {
      metadata: { namespace: NAMESPACE, name: `${name}-certificate` },
      binaryData: { 'certificate.json.gz': gzipSync(content).toString('base64') },
    })
  const pem = async (name: string, key: typeof keys.publicKey) => {
    const file = join(folder, name)
    await writeFile(file, key.export({ type: 'spki', format: 'pem' }))
    return file
  }

  it('tells people what was proved, and gives scripts the certificate as it was issued', async () => {
    await keep('migration-completed', text)
    const { stdout } = await flk('report', 'migration-completed')
    await expect(stdout.replaceAll(keyIdOf(keys.publicKey), 'KEY')).toMatchFileSnapshot(golden('report'))
    expect((await flk('report', 'smig/migration-completed', '-o', 'json')).stdout).toBe(text)
  })

  it('verifies content and signature', async () => {
    const mine = await pem('mine.pem', keys.publicKey)
    const other = await pem('other.pem', others.publicKey)
    expect(await flk('report', 'migration-completed', '--verify')).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('not checked'),
    })
    expect(await flk('report', 'migration-completed', '--verify', '--public-key', mine)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`signed by the key ${keyIdOf(keys.publicKey)}`),
    })
    expect(await flk('report', 'migration-completed', '--verify', '--public-key', other)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the signature is not by this key'),
    })
    await keep('forged', text.replace('"keysAfter":183', '"keysAfter":999'))
    expect(await flk('report', 'forged', '--verify')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('its content is not what it was issued with'),
    })
  })

  it('says where there is none yet', async () => {
    expect(await flk('report', 'migration-cutover')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('it is issued when both sides were compared'),
    })
    expect(await flk('report', 'crrp/crr-new')).toMatchObject({ code: 2 })
  })
})

describe('a fleet', () => {
  it('is shown with what became of its upgrade', async () => {
    const labels = { 'app.kubernetes.io/name': 'fractal-lba', 'app.kubernetes.io/component': 'verifier' }
    const nowMs = Date.UTC(2026, 9, 1, 12)
    const reading = {
      metric: 'maxErrorRate' as const,
      subject: 'canary' as const,
      verdict: 'Fail' as const,
      query: '100 * failed / total over 30 s of 1 of 1 pods',
      value: 12.5,
      threshold: 1,
      samples: 800,
      atMs: nowMs,
      message: '12.5 %, allowed is at most 1 %',
    }
    const halt = { reason: 'GateFailed' as const, message: 'A health gate failed.', at: '2026-10-01T12:00:00.000Z', reading }
    const rolledBack: Parameters<typeof writeRolloutStatus>[0] = {
      ...freshRollout(nowMs),
      phase: 'RolledBack',
      reason: 'RolledBack',
      message: 'The failed revision was taken back.',
      revision: 'fleet-7c9',
      failedRevision: 'fleet-7c9',
      replicas: 3,
      halt,
      decisions: [{ at: halt.at, action: 'Rollback', reason: 'GateFailed', message: halt.message, reading }],
    }
    const status = writeRolloutStatus(rolledBack)
    await client.create(STATEFUL_SETS, {
      metadata: {
        namespace: NAMESPACE,
        name: 'production',
        labels,
        annotations: { [`${GROUP}/managed-rollout`]: 'true', [`${GROUP}/rollout-status`]: status },
      },
      spec: {
        replicas: 3,
        serviceName: 'production',
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'verifier', image: 'verifier' }] } },
      },
    })
    const { code, stdout } = await flk('why', 'fleet/production')
    expect(code).toBe(0)
    await expect(stdout).toMatchFileSnapshot(golden('why-fleet'))
    expect((await flk('status')).stdout).toMatch(/^fleet\/production +RolledBack +0 % +/m)
    expect(await flk('plan', 'fleet/production')).toMatchObject({ code: 1, stderr: expect.stringContaining('without a plan') })
  })
})

describe('what goes wrong', () => {
  it.each([
    ['an object that is not there', ['why', 'nobody'], 3, 'there is no ShardMigration, CRRPolicy, TieringPolicy "nobody" here'],
    [
      'a kind that is none',
      ['why', 'pod/x'],
      2,
      'the kinds are shardmigration (smig), crrpolicy (crrp), tieringpolicy (tierp), fleet',
    ],
    ['a verb that is none', ['promote', 'x'], 2, "unknown command 'promote'"],
    ['no name', ['plan'], 2, "missing required argument 'name'"],
    ['a time that is none', ['pause', 'x', '--timeout', 'long'], 2, 'give seconds, from 0 to 86400'],
    ['a plan that is not made', ['plan', 'crr-new'], 1, 'has no plan yet; kubectl flk why crrp/crr-new'],
    ['a context that is not there', ['status', '--context', 'nowhere'], 4, 'Check --kubeconfig and --context'],
    ['a cluster that is not there', ['status', '--server', 'https://127.0.0.1:1'], 4, 'Check --kubeconfig and --context'],
  ])('%s is said, with what to do and its exit code', async (_what, args, code, message) => {
    expect(await flk(...args)).toMatchObject({ code, stderr: expect.stringContaining(message) })
  })

  it('a name that several kinds have is asked back', async () => {
    for (const kind of ['CRRPolicy', 'TieringPolicy'])
      await client.create(typeOf(kind), { metadata: { namespace: NAMESPACE, name: 'twin' }, spec: GOOD[kind] })
    expect(await flk('why', 'twin')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('say which: crrp/twin, tierp/twin'),
    })
    expect(await flk('why', 'tierp/twin')).toMatchObject({ code: 0 })
  })

  it('a user without rights is told to ask for them', async () => {
    expect(await flk('status', '--as', 'nobody')).toMatchObject({ code: 4, stderr: expect.stringContaining('Ask for a role') })
  })

  it('a cluster without the kinds is told from one without objects', async () => {
    const bare = await startControlPlane()
    try {
      expect(await flk('status', '--kubeconfig', bare.kubeconfig)).toMatchObject({
        code: 4,
        stderr: expect.stringContaining('install the chart fractal-lba-operator'),
      })
    } finally {
      await bare.stop()
    }
  })

  it('a kubectl that is not there is said', async () => {
    const env = { ...environment(), KUBECTL: 'no-such-kubectl' }
    expect(await runProgram(join(dist, 'kubectl-flk'), ['status'], env)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('no-such-kubectl was not found; install kubectl, or name it in $KUBECTL'),
    })
  })
})

describe('completion', () => {
  /** What kubectl itself proposes for a line, through the shell's own way of asking. */
  const proposed = async (...words: string[]): Promise<string[]> => {
    const file = join(folder, 'kubectl_complete-flk')
    if (!existsSync(file)) await symlink(join(dist, 'kubectl-flk'), file)
    const env = { ...environment(), PATH: `${folder}${delimiter}${environment().PATH}` }
    const { stdout } = await runProgram(programPath('kubectl'), ['__complete', 'flk', ...words], env)
    return stdout.split('\n').filter((line) => line !== '' && !line.startsWith(':'))
  }

  it('proposes commands, names, kinds and flags', async () => {
    expect(await proposed('re')).toEqual(['resume', 'retry', 'report'])
    expect(await proposed('why', 'migration-f')).toEqual(['migration-frozen'])
    expect(await proposed('why', '-n', 'default', 'tierp/tiering-a')).toEqual(['tierp/tiering-active'])
    expect(await proposed('why', '-n', 'kube-s')).toEqual(['kube-system'])
    expect(await proposed('status', '-o', '')).toEqual(['text', 'json'])
    expect(await proposed('approve', 'x', '--p')).toEqual(['--plan'])
    expect(await proposed('why', 'x', '')).toEqual([])
  })
})

describe('the file', () => {
  it('is all that is needed, wherever it is put', async () => {
    const file = join(folder, 'kubectl-flk')
    await writeFile(file, await readFile(join(dist, 'kubectl-flk')), { mode: 0o755 })
    const elsewhere = join(folder, 'kubeconfig')
    await writeFile(elsewhere, await readFile(plane.kubeconfig))
    const env = { ...environment(), KUBECONFIG: '' }
    expect(await runProgram(file, ['status', 'crr-new', '--kubeconfig', elsewhere], env)).toMatchObject({ code: 0 })
  })

  const older = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => existsSync(path))
  it('runs with an older Node too', async ({ skip }) => {
    skip(older === undefined, 'this machine has no Node besides ours')
    const ran = await runProgram(older as string, [join(dist, 'kubectl-flk'), 'why', 'migration-frozen'], environment())
    expect(ran).toMatchObject({ code: 0, stdout: await readFile(golden('why-frozen'), 'utf8') })
  })
})
