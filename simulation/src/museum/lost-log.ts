/** What was answered is lost with the power, or with the next start: three ways in which a log can fail to keep its word. */
import { openWal } from '@fractal-lba/backend/wal/open'
import type { Wal } from '@fractal-lba/backend/wal/port'
import { readLog } from '@fractal-lba/backend/wal/read'
import { variantOf } from '../mutants/all.ts'
import { SimulatedDisk } from '../world/disk.ts'
import type { Process } from '../world/process.ts'
import type { Variant } from '../world/variant.ts'
import { type Exhibit, mustHold } from './exhibit.ts'
import { onStage, type Stage } from './stage.ts'

export const ANSWER_BEFORE_SYNC: Exhibit = {
  name: 'answer-before-sync',
  happened: 'Messages were acknowledged up to two minutes before they were synced: one loss of power took 131,418 of 930,005.',
  where: 'nats-io/nats-server#7564, Jepsen on NATS 2.12.1',
  ours: 'Nobody is answered before the write that holds the bytes is on disk; one sync serves all who wait for it.',
  naive: variantOf('answer-before-sync'),
  play: lossOfPower,
}

export const MISSING_DIRECTORY_SYNC: Exhibit = {
  name: 'missing-directory-sync',
  happened: 'Files were synced and their directory was not: after a loss of power the files had no name.',
  where: 'etcd-io/etcd#6368, cockroachdb/pebble#125',
  ours: 'The first write to a segment counts only once the directory is synced as well.',
  naive: variantOf('directory-not-synced'),
  play: lossOfPower,
}

export const TORN_TAIL_APPENDED_TO: Exhibit = {
  name: 'torn-tail-appended-to',
  happened: 'A start appended behind the torn end of a log, and the start after that could read nothing of it.',
  where: 'pmcfadin/cqlite#1390, #1391',
  ours: 'A torn tail is cut off durably before anything else is written, and the log goes on in a new segment.',
  naive: variantOf('torn-tail-left'),
  play: (variant) =>
    onStage(variant, async (stage) => {
      // Of the write that is under way the first half arrives.
      const machine = new Machine(stage, variant, [0.3, 0.5])
      const first = await machine.start()
      await first.append('first')
      await first.dieWhileWriting('second')
      const again = await machine.start()
      await again.append('third')
      await again.dieWithPower()
      const bodies = await machine.bodies()
      mustHold(
        bodies.includes('first') && bodies.includes('third'),
        `lost: of what was answered the log has ${bodies.join(', ')}`,
      )
    }),
}

async function lossOfPower(variant: Variant): Promise<void> {
  await onStage(variant, async (stage) => {
    const machine = new Machine(stage, variant, [0.1])
    const running = await machine.start()
    await running.append('first')
    // In the same segment: its write has nothing to wait for but itself.
    await running.append('answered')
    await running.dieWithPower()
    const bodies = await machine.bodies()
    mustHold(bodies.includes('answered'), 'lost: what was answered is not on the disk')
  })
}

/** A disk, and the processes that have a log on it, one after the other. */
class Machine {
  readonly #stage: Stage
  readonly #variant: Variant
  readonly #disk: SimulatedDisk

  /** @param fates what the disk draws when a write is torn */
  constructor(stage: Stage, variant: Variant, fates: number[]) {
    this.#stage = stage
    this.#variant = variant
    this.#disk = new SimulatedDisk({ faultOf: () => undefined, onCrash: () => undefined, random: () => fates.shift() ?? 0 })
  }

  async start() {
    const process = this.#stage.process('pod')
    const die = (powerLost: boolean) => {
      process.alive = false
      this.#disk.crashed(powerLost)
    }
    let onAnswered = (): void => undefined
    let onWriting = (): void => undefined
    let wal: Wal<undefined> | undefined
    const append = (body: string) =>
      wal?.append({ tenant: 'default', body: Buffer.from(body), receivedAtMs: process.now(), context: undefined })
    const opened = await openWal<undefined>({
      dir: '/wal',
      pod: 'pod',
      segmentBytes: 4096,
      files: this.#files(process),
      clock: {
        nowMs: () => process.now(),
        after: (ms, run) => process.after(ms, run),
        soon: (run) => process.soon(run),
      },
      onDurable: () => onAnswered(),
      onWriting: () => onWriting(),
      onRefused: () => undefined,
      onFailed: (error) => {
        throw error
      },
    })
    wal = opened.wal
    return {
      append: (body: string) =>
        new Promise<void>((resolve) => {
          onAnswered = resolve
          append(body)
        }),
      dieWhileWriting: (body: string) =>
        new Promise<void>((resolve) => {
          onWriting = () => {
            die(false)
            resolve()
          }
          append(body)
        }),
      dieWithPower: async () => die(true),
    }
  }

  /** All that a reader finds in the log. */
  async bodies(): Promise<string[]> {
    const bodies: string[] = []
    const files = this.#disk.files(this.#stage.process('reader'))
    // A folder without a name is a log without an entry.
    if ((await files.makeDirectory('/wal')) !== undefined) return bodies
    for await (const records of readLog('/wal', files))
      for (const record of records) if (record.kind === 'entry') bodies.push(record.body.toString())
    return bodies
  }

  #files(process: Process) {
    const ours = this.#disk.files(process)
    return this.#variant.podFiles?.(ours) ?? ours
  }
}
