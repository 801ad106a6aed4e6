/** Each kind of fault, for real. A strike resolves when its target is whole again. */
import type { Operator } from '@fractal-lba/demo/fleet/operator'
import type { Pod } from '@fractal-lba/demo/fleet/pods'
import type { Nursery } from '@fractal-lba/demo/processes/nursery'
import type { Events } from '@fractal-lba/demo/view/events'
import type { Shard } from '../fleet/shards.ts'
import { appendOnlyFile, cutPower } from './power-cut.ts'
import type { FaultKind, PlannedFault } from './schedule.ts'
import { attach, familyOf } from './strace.ts'
import type { Toxic, Toxiproxy } from './toxiproxy.ts'

export interface Scene {
  readonly pods: readonly Pod[]
  readonly shards: readonly Shard[]
  readonly operator: Operator
  readonly toxiproxy: Toxiproxy
  readonly nursery: Nursery
  readonly events: Events
  /** A server has been started again: it may have lost what it had acknowledged, where it may lose anything. */
  readonly onShardBack: (shard: Shard) => Promise<void>
}

/** How long a dead server stays away at most. */
const DOWN_MS_MAX = 1500
/** A write of the log is one of these. */
const LOG_WRITES = 'pwrite64,pwritev,pwritev2'
const SYNCS = 'fsync,fdatasync'
const START_TRIES = 5

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

type Strike = (scene: Scene, fault: PlannedFault) => Promise<void>

const podOf = ({ pods }: Scene, { target }: PlannedFault) => pods[target % pods.length] as Pod
const shardOf = ({ shards }: Scene, { target }: PlannedFault) => shards[target % shards.length] as Shard

/** Under faults a start may fail like anything else. */
async function bringBack(start: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await start()
    } catch (error) {
      if (tries === START_TRIES) throw error
      await pause(DOWN_MS_MAX)
    }
  }
}

async function bringShardBack({ onShardBack }: Scene, shard: Shard): Promise<void> {
  if (shard.server.pid !== undefined) return
  await bringBack(() => shard.start())
  await onShardBack(shard)
}

const podFault =
  (inject: (fault: PlannedFault) => string): Strike =>
  async (scene, fault) => {
    const pod = podOf(scene, fault)
    const pid = pod.process?.pid
    if (pid === undefined || !pod.process?.alive) return bringBack(() => pod.start())
    pod.mayEnd()
    const rule = inject(fault)
    const calls = rule.slice(0, rule.indexOf(':'))
    const traced = await attach([pid], ['-e', `trace=${calls}`, '-e', `inject=${rule}`])
    await pause(fault.holdMs)
    await traced.detach()
    // A pod that has to exit does so soon; one that need not goes on.
    if (!pod.process?.alive) await pod.process?.ended
    await bringBack(() => pod.start())
  }

const shardFault =
  (inject: (fault: PlannedFault, shard: Shard) => string, filter: (shard: Shard) => Promise<string[]> = async () => []): Strike =>
  async (scene, fault) => {
    const shard = shardOf(scene, fault)
    const pid = shard.server.pid
    if (pid === undefined) return bringShardBack(scene, shard)
    const rule = inject(fault, shard)
    const calls = rule.slice(0, rule.indexOf(':'))
    const traced = await attach(familyOf(pid), [...(await filter(shard)), '-e', `trace=${calls}`, '-e', `inject=${rule}`])
    await pause(Math.min(fault.holdMs, DOWN_MS_MAX))
    await traced.detach()
    await bringShardBack(scene, shard)
  }

const network =
  (which: 'pod' | 'shard', toxicsOf: (fault: PlannedFault) => readonly Toxic[]): Strike =>
  async (scene, fault) => {
    const { name } = which === 'pod' ? podOf(scene, fault) : shardOf(scene, fault)
    for (const toxic of toxicsOf(fault)) await scene.toxiproxy.poison(name, toxic)
    await pause(fault.holdMs)
    await scene.toxiproxy.heal(name)
  }

const slow = ({ dose }: PlannedFault): Toxic[] => {
  const latency = Math.round(5 + dose * 150)
  return (['upstream', 'downstream'] as const).map((stream) => ({
    type: 'latency',
    stream,
    toxicity: 1,
    attributes: { latency, jitter: Math.round(latency / 2) },
  }))
}
/** So many bytes of answers come through, then the connection ends: whoever asked never learns what was done. */
const lost = ({ dose }: PlannedFault): Toxic[] => [
  { type: 'limit_data', stream: 'downstream', toxicity: 1, attributes: { bytes: Math.round(20 + dose * 2000) } },
]

export const STRIKES: Record<FaultKind, Strike> = {
  async 'pod-killed'(scene, fault) {
    const pod = podOf(scene, fault)
    await pod.kill()
    await pause(fault.dose * DOWN_MS_MAX)
    await bringBack(() => pod.start())
  },
  // The call is not carried out: what was on its way to the disk is gone with the process.
  'pod-killed-in-write': podFault(({ dose }) => `${LOG_WRITES}:signal=SIGKILL:when=${1 + Math.floor(dose * 20)}`),
  'pod-disk-full': podFault(() => `${LOG_WRITES}:error=ENOSPC`),
  'pod-disk-fails': podFault(({ dose }) => `${LOG_WRITES},${SYNCS}:error=EIO:when=${1 + Math.floor(dose * 20)}+`),
  'pod-disk-slow': podFault(({ dose }) => `${LOG_WRITES},${SYNCS}:delay_enter=${Math.round(5_000 + dose * 200_000)}`),
  'pod-answers-lost': network('pod', lost),
  'pod-network-reset': network('pod', ({ dose }) => [
    { type: 'reset_peer', stream: 'downstream', toxicity: 1, attributes: { timeout: Math.round(dose * 300) } },
  ]),
  'pod-network-slow': network('pod', slow),
  async 'shard-killed'(scene, fault) {
    const shard = shardOf(scene, fault)
    await shard.kill()
    await pause(fault.dose * DOWN_MS_MAX)
    await bringShardBack(scene, shard)
  },
  async 'shard-power-cut'(scene, fault) {
    const shard = shardOf(scene, fault)
    if (shard.server.pid === undefined) return bringShardBack(scene, shard)
    const { lostBytes } = await cutPower(shard.server, fault.holdMs)
    scene.events.info(`${shard.name}: ${lostBytes} bytes that it had never synced are gone`)
    await bringShardBack(scene, shard)
  },
  'shard-sync-fails': shardFault(({ dose }) => `${SYNCS}:error=EIO:when=${1 + Math.floor(dose * 5)}`),
  'shard-disk-full': shardFault(
    (_, { backend }) => (backend === 'redis' ? 'write:error=ENOSPC' : 'pwrite64,pwritev:error=ENOSPC:when=1'),
    // Redis writes to its clients by the same call.
    async ({ backend, server }) => (backend === 'redis' ? ['-P', await appendOnlyFile(server.dataDir)] : []),
  ),
  'shard-sync-slow': shardFault(({ dose }) => `${SYNCS}:delay_enter=${Math.round(10_000 + dose * 300_000)}`),
  async 'shard-network-cut'(scene, fault) {
    const { name } = shardOf(scene, fault)
    await scene.toxiproxy.cut(name)
    await pause(fault.holdMs)
    await scene.toxiproxy.heal(name)
  },
  // Nothing comes through and nothing is closed, as behind a firewall that drops.
  'shard-black-hole': network('shard', () =>
    (['upstream', 'downstream'] as const).map((stream) => ({ type: 'timeout', stream, toxicity: 1, attributes: { timeout: 0 } })),
  ),
  'shard-replies-lost': network('shard', lost),
  'shard-network-slow': network('shard', slow),
  async 'operator-killed'(scene) {
    await scene.operator.killAndSucceed()
  },
}
