/** Statuses of each kind on a real API server: a write that comes late never replaces what was decided since. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { established } from '@fractal-lba/servers/kubernetes/established'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CRR_POLICY_KIND, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND } from '../api/group.ts'
import { GOOD } from '../api/testing/specs.ts'
import { statusFixtures } from '../api/testing/statuses.ts'
import { validateCrrPolicy, validateTieringPolicy } from '../api/validate.ts'
import type { ObjectsOf, ObservedObject } from '../controllers/objects.ts'
import { loadConnection } from '../runtime/client/connection.ts'
import { KubeClient } from '../runtime/client/kube-client.ts'
import type { ResourceType } from '../runtime/client/objects.ts'
import { systemClock } from '../runtime/clock.ts'
import { EventRecorder } from '../runtime/events/event-recorder.ts'
import { Outdated } from '../runtime/reconcile.ts'
import type { SeenRequest } from '../runtime/testing/fault-proxy.ts'
import { type ProxiedClient, proxiedClient } from '../runtime/testing/proxied.ts'
import { until } from '../runtime/testing/until.ts'
import type { CustomObjectsParts } from './custom-objects.ts'
import { KubernetesMigrationObjects } from './migration-objects.ts'
import { policyObjects } from './policy-objects.ts'
import { CRR_POLICIES, type CustomObject, SHARD_MIGRATIONS, TIERING_POLICIES } from './resources.ts'

const CRDS = join(import.meta.dirname, '../../../crds')
const NAMESPACE = 'default'

/** An object as an operator saw it, and what it makes of that. */
interface Look {
  readonly phase: string | undefined
  write(status: string): Promise<void>
}

interface Subject {
  readonly kind: string
  /** Fixtures of statuses. */
  readonly older: string
  readonly newer: string
  create(name: string): Promise<void>
  /** An operator of its own, with a warm cache. @returns how it looks at an object. */
  operator(through: ProxiedClient): Promise<(name: string) => Promise<Look>>
  /** In the cluster. */
  phase(name: string): Promise<string | undefined>
}

let plane: ControlPlane
let direct: KubeClient
let name: string
let names = 0

beforeAll(async () => {
  plane = await startControlPlane()
  direct = new KubeClient({
    connection: await loadConnection({ env: {}, kubeconfig: plane.kubeconfig }),
    userAgent: 'direct',
    fieldManager: 'user',
  })
  const kubectl = async (...args: string[]) =>
    (await promisify(execFile)(programPath('kubectl'), ['--kubeconfig', plane.kubeconfig, ...args])).stdout
  await kubectl('apply', '--server-side', '-f', CRDS)
  await established(kubectl, '-f', CRDS)
})
afterAll(async () => {
  direct?.close()
  await plane?.stop()
})
beforeEach(() => {
  name = `object-${++names}`
})

function subject<Status extends { readonly phase: string }, Seen extends ObservedObject<unknown, Status>>(
  kind: string,
  type: ResourceType<CustomObject<Status>>,
  open: (parts: CustomObjectsParts<Status>) => Pick<ObjectsOf<Seen>, 'get' | 'writeStatus'>,
  [older, newer]: readonly [string, string],
): Subject {
  const fixture = (of: string) => statusFixtures().find((one) => one.name === of)?.status as unknown as Status
  return {
    ...{ kind, older: fixture(older).phase, newer: fixture(newer).phase },
    create: async (name) => {
      await direct.create(type, { metadata: { namespace: NAMESPACE, name }, spec: GOOD[kind] })
    },
    operator: async (through) => {
      const cache = through.cacheOf({ type })
      cache.start()
      await cache.synced()
      const common = { client: through.client, clock: systemClock, random: Math.random, onError: () => {} }
      const events = new EventRecorder({ ...common, controller: 'fractal.lba.io/operator', instance: 'test' })
      const objects = open({ client: through.client, cache, events, namespace: NAMESPACE, now: Date.now })
      return async (name) => {
        await until('the object is seen', () => cache.get({ namespace: NAMESPACE, name }) !== undefined)
        const seen = (await objects.get(name)) as Seen
        const statuses = new Map([older, newer].map((of) => [fixture(of).phase, fixture(of)]))
        return {
          phase: seen.status?.phase,
          write: (phase) => objects.writeStatus(seen, statuses.get(phase) as NonNullable<Seen['status']>),
        }
      }
    },
    phase: async (name) => (await direct.get(type, { namespace: NAMESPACE, name }))?.status?.phase,
  }
}

const MIGRATION = subject(SHARD_MIGRATION_KIND, SHARD_MIGRATIONS, (parts) => new KubernetesMigrationObjects(parts), [
  'migration-rolled-back',
  'migration-cutover',
])
const SUBJECTS = [
  MIGRATION,
  subject(CRR_POLICY_KIND, CRR_POLICIES, (parts) => policyObjects(parts, validateCrrPolicy), [
    'crr-unsupported',
    'crr-progressing',
  ]),
  subject(TIERING_POLICY_KIND, TIERING_POLICIES, (parts) => policyObjects(parts, validateTieringPolicy), [
    'tiering-rolled-back',
    'tiering-active',
  ]),
]

const isStatusWrite = ({ method, path }: SeenRequest) => method === 'PATCH' && path.endsWith('/status')
const annotate = (name: string) =>
  direct.mergePatch(SHARD_MIGRATIONS, { namespace: NAMESPACE, name }, { metadata: { annotations: { 'a-person/says': 'hello' } } })

describe.each(SUBJECTS)('a status of a $kind', ({ older, newer, create, operator, phase }) => {
  it('that comes late is refused with 409 when the next leader has written another', async () => {
    await create(name)
    await using before = await proxiedClient(plane)
    await using after = await proxiedClient(plane)
    const arrival = Promise.withResolvers<void>()
    before.proxy.add({ when: isStatusWrite, times: 1, fault: { kind: 'late', until: arrival.promise } })
    await expect((await (await operator(before))(name)).write(older)).rejects.toThrow('PATCH')
    await (await (await operator(after))(name)).write(newer)
    arrival.resolve()
    await until('it has arrived', () => before.proxy.lateAnswers.length === 1)
    expect(before.proxy.lateAnswers).toEqual([409])
    expect(await phase(name)).toBe(newer)
  })
})

describe('a status', () => {
  const { older, newer, create, operator, phase } = MIGRATION

  it('that comes late is refused when its own operator has written another, which went on from the one that may yet come', async () => {
    await create(name)
    await using through = await proxiedClient(plane)
    const look = await operator(through)
    const arrival = Promise.withResolvers<void>()
    through.proxy.add({ when: isStatusWrite, times: 1, fault: { kind: 'late', until: arrival.promise } })
    await expect((await look(name)).write(older)).rejects.toThrow('PATCH')
    const next = await look(name)
    expect([next.phase, await phase(name)]).toEqual([older, undefined])
    await next.write(newer)
    arrival.resolve()
    await until('it has arrived', () => through.proxy.lateAnswers.length === 1)
    expect([through.proxy.lateAnswers, await phase(name)]).toEqual([[409], newer])
    await (await look(name)).write(older)
    expect(await phase(name)).toBe(older)
  })

  it('whose answer was lost stands, and the next waits no longer than for the news of it', async () => {
    await create(name)
    await using through = await proxiedClient(plane)
    const look = await operator(through)
    through.proxy.add({ when: isStatusWrite, times: 1, fault: { kind: 'lose-answer' } })
    await expect((await look(name)).write(older)).rejects.toThrow('PATCH')
    expect((await look(name)).phase).toBe(older)
    let outdated = 0
    await until('the next is written', async () => {
      try {
        await (await look(name)).write(newer)
        return true
      } catch (error) {
        expect(error).toBeInstanceOf(Outdated)
        outdated++
        return false
      }
    })
    expect(await phase(name)).toBe(newer)
    expect(through.codes.filter((code) => code === '409')).toHaveLength(outdated)
  })

  it('is not written over what a person has changed since, which is looked at first', async () => {
    await create(name)
    await using through = await proxiedClient(plane)
    const look = await operator(through)
    const seen = await look(name)
    await annotate(name)
    await expect(seen.write(older)).rejects.toBeInstanceOf(Outdated)
    expect(await phase(name)).toBeUndefined()
    await until('it is seen', async () => {
      const again = await look(name)
      return again.write(newer).then(
        () => true,
        () => false,
      )
    })
    expect(await phase(name)).toBe(newer)
  })

  it('is in the way of none that follows, though nothing of it has come back by the watch', async () => {
    await create(name)
    await using through = await proxiedClient(plane)
    const look = await operator(through)
    await look(name)
    const silence = Promise.withResolvers<void>()
    through.proxy.add({ when: ({ isWatch }) => isWatch, fault: { kind: 'hold', until: silence.promise } })
    const watches = () => through.proxy.requests.filter(({ isWatch }) => isWatch).length
    const before = watches()
    through.proxy.cut()
    await until('the watch that is held is open', () => watches() > before && through.proxy.openWatches === 1)
    for (let i = 0; i < 20; i++) await (await look(name)).write(i % 2 === 0 ? older : newer)
    silence.resolve()
    expect(through.codes.filter((code) => code === '409')).toEqual([])
    expect(await phase(name)).toBe(newer)
  })
})
