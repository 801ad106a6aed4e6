import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ApiError } from '../../runtime/client/api-error.ts'
import { loadConnection } from '../../runtime/client/connection.ts'
import { KubeClient } from '../../runtime/client/kube-client.ts'
import type { KubeObject, ResourceType } from '../../runtime/client/objects.ts'
import { until } from '../../runtime/testing/until.ts'
import { CRR_POLICY_KIND, GROUP, KINDS, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND, VERSION } from '../group.ts'
import { ACCEPTED, BAD, type BadSpec, changed, type Fields, GOOD } from '../testing/specs.ts'
import { statusFixtures } from '../testing/statuses.ts'
import { problemsText, type Validated, validateCrrPolicy, validateSpec, validateTieringPolicy } from '../validate.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../../../..')
const NAMESPACE = 'default'

interface Custom extends KubeObject {
  readonly spec?: Fields
  readonly status?: Fields
}

const TYPES: Readonly<Record<string, ResourceType<Custom>>> = Object.fromEntries(
  KINDS.map(({ kind, plural }) => [kind, { group: GROUP, version: VERSION, plural, kind, namespaced: true }]),
)
const typeOf = (kind: string) => TYPES[kind] as ResourceType<Custom>
const goodOf = (kind: string) => GOOD[kind] as Fields

const VALIDATE: Readonly<Record<string, (spec: unknown) => Validated<unknown>>> = {
  [SHARD_MIGRATION_KIND]: (spec) => validateSpec(spec, { credentials: 'refused' }),
  [CRR_POLICY_KIND]: validateCrrPolicy,
  [TIERING_POLICY_KIND]: validateTieringPolicy,
}

let plane: ControlPlane
let client: KubeClient
let folder: string

const kubectl = async (...args: string[]): Promise<string> =>
  (await run(programPath('kubectl'), ['--kubeconfig', plane.kubeconfig, ...args])).stdout

/** What the API server says to a spec, without storing it; undefined: accepted. */
async function refusal(kind: string, name: string, spec: Fields): Promise<string | undefined> {
  try {
    await client.create(typeOf(kind), { metadata: { namespace: NAMESPACE, name }, spec }, { dryRun: true })
    return undefined
  } catch (error) {
    if (error instanceof ApiError && error.status === 422) return error.message
    throw error
  }
}

async function refusalOfUpdate({ kind, change }: BadSpec): Promise<string | undefined> {
  try {
    const spec = Object.fromEntries(Object.entries(change))
    await client.mergePatch(typeOf(kind), { namespace: NAMESPACE, name: 'good' }, { spec }, { dryRun: true })
    return undefined
  } catch (error) {
    if (error instanceof ApiError && error.status === 422) return error.message
    throw error
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flk-crds-'))
  plane = await startControlPlane()
  client = new KubeClient({
    connection: await loadConnection({ env: {}, kubeconfig: plane.kubeconfig }),
    userAgent: 'crds-test',
    fieldManager: 'crds-test',
  })
  await kubectl('apply', '--server-side', '-f', join(root, 'crds'))
  for (const { kind } of KINDS) {
    await until(`${kind} is served`, () =>
      client.listPage(typeOf(kind)).then(
        () => true,
        () => false,
      ),
    )
    await client.create(typeOf(kind), { metadata: { namespace: NAMESPACE, name: 'good' }, spec: goodOf(kind) })
  }
})

afterAll(async () => {
  client?.close()
  await plane?.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('the API server refuses', () => {
  it('at least a hundred specs, of each kind, of creations and of changes', () => {
    expect(BAD.length).toBeGreaterThanOrEqual(100)
    expect(new Set(BAD.map(({ kind }) => kind)).size).toBe(3)
  })

  it.each(BAD.filter(({ update }) => !update))('a $kind with $what, and names the field and the remedy', async (bad) => {
    const { kind, change, says } = bad
    const spec = changed(goodOf(kind), change)
    const message = await refusal(kind, 'bad', spec)
    expect(message).toBeDefined()
    for (const part of says) expect(message).toContain(part)
    // The operator, which checks again, refuses it too, and names the same field.
    const validated = VALIDATE[kind]?.(spec)
    expect(validated?.ok).toBe(false)
    const [field] = says[0]?.split('[') ?? []
    if (validated && !validated.ok) expect(problemsText(validated.problems)).toContain(field)
  })

  it.each(BAD.filter(({ update }) => update))('a change of a $kind to $what, and says what to do instead', async (bad) => {
    const message = await refusalOfUpdate(bad)
    expect(message).toBeDefined()
    for (const part of bad.says) expect(message).toContain(part)
    // As a new object it would be good: what is refused is the change.
    expect(await refusal(bad.kind, 'another', changed(goodOf(bad.kind), bad.change))).toBeUndefined()
  })

  it.each(KINDS.map(({ kind }) => kind))('a %s whose name leaves no room for the names made from it', async (kind) => {
    expect(await refusal(kind, 'n'.repeat(64), goodOf(kind))).toContain('metadata.name must have at most 63 characters')
    expect(await refusal(kind, 'n'.repeat(63), goodOf(kind))).toBeUndefined()
  })

  it.each(KINDS.map(({ kind }) => kind))('a %s without a spec', async (kind) => {
    await expect(
      client.create(typeOf(kind), { metadata: { namespace: NAMESPACE, name: 'bare' } }, { dryRun: true }),
    ).rejects.toThrow('spec: Required value')
  })

  it('a misspelt field, as kubectl sends it', async () => {
    const manifest = { apiVersion: `${GROUP}/${VERSION}`, kind: SHARD_MIGRATION_KIND, metadata: { name: 'misspelt' } }
    const file = join(folder, 'misspelt.json')
    await writeFile(file, JSON.stringify({ ...manifest, spec: { ...goodOf(SHARD_MIGRATION_KIND), batchsize: 5 } }))
    await expect(kubectl('apply', '-f', file)).rejects.toMatchObject({
      stderr: expect.stringContaining('unknown field "spec.batchsize"'),
    })
  })

  it('a password without repeating it', async () => {
    const spec = changed(goodOf(SHARD_MIGRATION_KIND), { targetShards: ['redis://:hunter2@b:6379'] })
    const message = await refusal(SHARD_MIGRATION_KIND, 'secret', spec)
    expect(message).toContain('must hold no credentials')
    expect(message).not.toContain('hunter2')
  })
})

describe('the API server accepts', () => {
  it.each(ACCEPTED)('a $kind with $what, and keeps every value', async ({ kind, spec }) => {
    const stored = await client.create(
      typeOf(kind),
      { metadata: { namespace: NAMESPACE, name: 'accepted' }, spec },
      { dryRun: true },
    )
    expect(stored.spec).toMatchObject(spec)
    expect(VALIDATE[kind]?.(spec)).toMatchObject({ ok: true })
  })

  it.each(KINDS.map(({ kind }) => kind))(
    'a %s with the least, and fills in the defaults that the operator would',
    async (kind) => {
      const stored = await client.get(typeOf(kind), { namespace: NAMESPACE, name: 'good' })
      const own = VALIDATE[kind]?.(goodOf(kind))
      expect(own).toMatchObject({ ok: true, spec: stored?.spec })
      // What is left to the operator depends on other fields, or has no default.
      const left = Object.keys((own as { spec: Fields }).spec).filter((field) => !(field in (stored?.spec ?? {})))
      expect(left.sort()).toEqual(
        { [SHARD_MIGRATION_KIND]: ['fleet', 'onGateFailure'], [CRR_POLICY_KIND]: ['fleet', 'tenantSelector'] }[kind] ?? ['fleet'],
      )
      expect(VALIDATE[kind]?.(stored?.spec)).toEqual(own)
    },
  )

  it('every sample, as a server-side dry run', async () => {
    const samples = (await readdir(join(root, 'config/samples'))).filter((file) => file.endsWith('.yaml'))
    const answer = await kubectl('apply', '--server-side', '--dry-run=server', '-f', join(root, 'config/samples'))
    expect(answer.trim().split('\n')).toHaveLength(samples.length)
    expect(samples).toEqual(expect.arrayContaining(KINDS.map(({ singular }) => `${singular}.yaml`)))
  })
})

describe('the status', () => {
  it.each(statusFixtures())(
    'of a $kind ($name) is stored whole, through the status subresource only',
    async ({ kind, name, status }) => {
      const ref = { namespace: NAMESPACE, name }
      await client.create(typeOf(kind), { metadata: ref, spec: goodOf(kind) })
      const ignored = await client.mergePatch(typeOf(kind), ref, { status })
      expect(ignored.status).toBeUndefined()
      const plain = JSON.parse(JSON.stringify(status)) as Fields
      const stored = await client.mergePatch(typeOf(kind), ref, { status: plain }, { subresource: 'status' })
      // Nothing was pruned: the schema knows each field that the operator writes.
      expect(stored.status).toEqual(plain)
      expect(stored.metadata.generation).toBe(1)
    },
  )

  it('of an operator of another version is stored as far as it is known, never refused', async () => {
    const ref = { namespace: NAMESPACE, name: 'good' }
    for (const { kind } of KINDS) {
      const status = { phase: 'Hibernating', gates: [{ verdict: 'Perhaps', colour: 'red' }], news: 1 }
      const stored = await client.mergePatch(typeOf(kind), ref, { status }, { subresource: 'status', dryRun: true })
      expect(stored.status).toEqual({ phase: 'Hibernating', gates: [{ verdict: 'Perhaps' }] })
    }
  })

  it('has one condition a type, each with the generation that it is about', async () => {
    for (const { kind, plural } of KINDS) {
      const text = await readFile(join(root, 'crds', `${KINDS.find((each) => each.kind === kind)?.singular}.yaml`), 'utf8')
      expect(text).toContain('x-kubernetes-list-type: map')
      const condition = {
        status: 'True',
        reason: 'R',
        message: 'm',
        observedGeneration: 1,
        lastTransitionTime: '2026-01-01T00:00:00Z',
      }
      const twice = {
        status: {
          conditions: [
            { type: 'Ready', ...condition },
            { type: 'Ready', ...condition },
          ],
        },
      }
      const ref = { namespace: NAMESPACE, name: 'good' }
      const refused = client.mergePatch(typeOf(kind), ref, twice, { subresource: 'status', dryRun: true })
      await expect(refused, plural).rejects.toThrow('Duplicate value')
      const { observedGeneration: _, ...without } = condition
      const bare = { status: { conditions: [{ type: 'Ready', ...without }] } }
      await expect(client.mergePatch(typeOf(kind), ref, bare, { subresource: 'status', dryRun: true })).rejects.toThrow(
        'status.conditions[0].observedGeneration: Required value',
      )
    }
  })
})

describe('kubectl', () => {
  const withoutAge = (table: string) =>
    table
      .replace(/\b\d+(s|m|h|m\d+s)(?=\s|$)/gm, 'AGE')
      .replace(/ +/g, ' ')
      .replace(/ $/gm, '')

  it('shows phase, progress, gate, way back and age, and more on request', async () => {
    expect(withoutAge(await kubectl('get', 'smig', 'migration-cutover'))).toBe(
      ['NAME PHASE PROGRESS GATE REVERSIBLE AGE', 'migration-cutover Cutover 82.5 GatesPassed true AGE', ''].join('\n'),
    )
    expect(withoutAge(await kubectl('get', 'smig', 'migration-cutover', '-o', 'wide'))).toBe(
      [
        'NAME PHASE PROGRESS GATE REVERSIBLE AGE PLAN LAG REASON',
        'migration-cutover Cutover 82.5 GatesPassed true AGE 3f6c2a90b1d4 0.4 CuttingOver',
        '',
      ].join('\n'),
    )
    expect(withoutAge(await kubectl('get', 'crrp', 'crr-unsupported', '-o', 'wide'))).toBe(
      [
        'NAME PHASE PROGRESS GATE REVERSIBLE AGE MODE ACTIVE PLAN LAG REASON',
        'crr-unsupported Ready 100 GatesPassed true AGE full false 77aa01c3d2e4 NotSupportedByFleet',
        '',
      ].join('\n'),
    )
    expect(withoutAge(await kubectl('get', 'tierp', 'tiering-rolled-back'))).toBe(
      ['NAME PHASE PROGRESS GATE REVERSIBLE AGE', 'tiering-rolled-back RolledBack 0 GateFailed false AGE', ''].join('\n'),
    )
  })

  it('knows short names and the category, and explains each field', async () => {
    const all = await kubectl('get', 'flk', '-o', 'name')
    for (const { singular } of KINDS) expect(all).toContain(`${singular}.${GROUP}/good`)
    expect(await kubectl('explain', 'smig.spec.approval')).toContain('nothing changes before the annotation')
    expect(await kubectl('explain', 'crrp.spec.healthGates')).toContain('maxLagSeconds (default 60)')
    expect(await kubectl('explain', 'tierp.spec.coldTier.ttl')).toContain('Age at which a record expires')
  })

  it('waits for conditions', async () => {
    const wait = kubectl('wait', '--for=condition=Reversible', 'smig/migration-cutover', '--timeout=10s')
    expect(await wait).toContain('condition met')
  })
})
