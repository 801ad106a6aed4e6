/**
 * All records of one PostgreSQL shard to another server, by the command and by PostgreSQL's own tools. What the tools can do ends when the rows are
 * there; so ours is timed until then, digests compared and writes captured, and once more until the new shard owns all.
 */
import { type RunningPostgres, startPostgres } from '@fractal-lba/servers/postgres'
import { fillShards } from '../fill-shards.ts'
import type { Figure, Section } from '../measure.ts'
import { startPod } from '../pod.ts'
import { migrate, missingAt, type OurRun } from './our-migration.ts'
import { ask, postgresTools, rowsOf, type Tool } from './postgres-tools.ts'
import { type Measured, measureWay, rateOf, type Scene, sideBySide, stepsOf, type Timed, type Way } from './side-by-side.ts'
import type { Tools } from './tools.ts'
import type { Workbench } from './workbench.ts'
import { keyOf } from './writers.ts'

/**
 * Of all servers, ours and theirs: what logical replication needs, memory as a server has it that does nothing else, and room for the log, so that
 * no checkpoint falls into one run and not into another.
 */
const SETTINGS = { wal_level: 'logical', shared_buffers: '1GB', max_wal_size: '8GB' }
/** So many numbers of keys no run under load uses up. */
const NUMBERS_A_RUN = 10_000_000

export async function besidePostgresTools(bench: Workbench, keys: number, tools: Tools): Promise<Section> {
  const start = starter(tools)
  const theirs = await withSource(bench, keys, start, async (source, target) => {
    const measured: (Measured<Timed> & Pick<Tool, 'yardstick'>)[] = []
    for (const [index, tool] of postgresTools(bench, tools.postgresBin).entries()) {
      const way = toolWay(tool, source, target, keys + index * NUMBERS_A_RUN)
      measured.push({ ...(await measureWay(bench, way)), ...(tool.yardstick && { yardstick: true }) })
    }
    return measured
  })
  const ours = await measureWay(bench, ourWay(bench, keys, start))
  const throughPod = await measureWay(bench, throughPodWay(bench, keys, start))
  const copied = part(ours, 'all is copied', 'no', ({ copiedSeconds }) => copiedSeconds)
  const verified = part(ours, 'all digests have met', 'yes', ({ verifiedSeconds }) => verifiedSeconds)
  return {
    title: `Moving a PostgreSQL ${tools.postgresVersion} shard of ${keys.toLocaleString('en-US')} keys, beside its own tools`,
    figures: theirs.filter(({ yardstick }) => yardstick).flatMap((other) => figuresOf(copied, verified, other)),
    table: sideBySide([copied, verified, ours, throughPod, ...theirs]),
  }
}

/** How many steps that takes. */
export function postgresSteps(bench: Workbench, keys: number, tools: Tools): number {
  const ours = stepsOf([ourWay(bench, keys, starter(tools)), throughPodWay(bench, keys, starter(tools))])
  return ours + 2 * postgresTools(bench, tools.postgresBin).length
}

type Start = (dataDir: string) => Promise<RunningPostgres>

function starter({ postgresBin }: Tools): Start {
  return (dataDir) => startPostgres({ dataDir, ownSession: true, settings: SETTINGS, binDir: postgresBin })
}

/** A shard with records, and a server that has nothing yet. */
function withSource<T>(
  bench: Workbench,
  keys: number,
  start: Start,
  use: (source: RunningPostgres, target: RunningPostgres) => Promise<T>,
): Promise<T> {
  return bench.servers(2, start, async ([source, target]) => {
    if (!source || !target) throw new Error('two servers were asked for')
    await fillShards([source.url], keys)
    await ask(source.url, 'VACUUM ANALYZE flk.decision', 'CHECKPOINT')
    return await use(source, target)
  })
}

/** Into a database that is new each time. */
function toolWay(tool: Tool, source: RunningPostgres, target: RunningPostgres, firstKey: number): Way<Timed> {
  return {
    name: `postgres: ${tool.name}`,
    atRest: true,
    verified: 'no',
    leaves: tool.catchUp
      ? 'later writes follow; to switch over, writers are stopped by hand'
      : 'a copy as it was when it began; the source still owns all',
    withScene: async (use) => {
      const url = target.urlOf('copy')
      await ask(target.url, 'CREATE DATABASE copy')
      await ask(url, 'CREATE SCHEMA flk')
      try {
        return await use({
          writers: { kind: 'shards', urls: [source.url], owners: 1 },
          firstKey,
          run: async () => {
            const started = performance.now()
            await tool.run(source.url, url)
            const seconds = (performance.now() - started) / 1000
            return { keys: await rowsOf(url), seconds }
          },
          missing: async () => {
            await tool.catchUp?.(source.url, url)
            return (await rowsOf(source.url)) - (await rowsOf(url))
          },
        })
      } finally {
        await tool.end?.(source.url, url)
        await ask(target.url, 'DROP DATABASE copy')
      }
    },
  }
}

const OURS = {
  verified: 'twice, and certified',
  leaves: 'the new shard owns all slots, the old copies are deleted',
}

function ourWay(bench: Workbench, keys: number, start: Start): Way<OurRun> {
  return {
    ...OURS,
    name: 'postgres: dedup-migrate run',
    atRest: true,
    withScene: (use) =>
      withSource(bench, keys, start, (source, target) =>
        use({
          writers: { kind: 'shards', urls: [source.url, target.url], owners: 1 },
          firstKey: keys,
          run: () => migrate(bench, [source.url], [target.url]),
          missing: missingFrom(target, 'shards'),
        }),
      ),
  }
}

function throughPodWay(bench: Workbench, keys: number, start: Start): Way<OurRun> {
  return {
    ...OURS,
    name: 'postgres: dedup-migrate run, signed summaries through a pod',
    atRest: false,
    withScene: (use) =>
      withSource(bench, keys, start, async (source, target) => {
        const pod = await startPod('postgres', [source.url], await bench.folder('pod'), (child) => bench.adopt(child))
        try {
          return await use({
            writers: { kind: 'pod', submitUrl: pod.submitUrl },
            firstKey: keys,
            run: () => migrate(bench, [source.url], [target.url], { pod }),
            missing: missingFrom(target, 'pod'),
          })
        } finally {
          await pod.stop()
        }
      }),
  }
}

function missingFrom(target: RunningPostgres, kind: 'shards' | 'pod'): Scene<Timed>['missing'] {
  return (numbers) =>
    missingAt(
      [target.url],
      numbers.map((n) => keyOf(kind, n)),
    )
}

/** The part of a migration until then: what the tools do too is the copy, and the comparison they leave to their users. */
function part(whole: Measured<OurRun>, until: string, verified: string, secondsOf: (run: OurRun) => number): Measured<Timed> {
  const timed = (run: OurRun): Timed => ({ keys: run.keys, seconds: secondsOf(run) })
  return {
    ...whole,
    name: `${whole.name}, until ${until}`,
    idle: whole.idle && timed(whole.idle),
    loaded: { ...whole.loaded, result: timed(whole.loaded.result) },
    verified,
    leaves: 'later writes follow, and slots can be switched while they do',
  }
}

function figuresOf(copied: Measured<Timed>, verified: Measured<Timed>, theirs: Measured<Timed>): Figure[] {
  const rate = (what: string, our: Timed, their: Timed): Figure => ({
    name: `${what}, against ${theirs.name}`,
    value: rateOf(our),
    unit: 'keys/s',
    ceiling: { name: 'theirs, not compared', value: rateOf(their) },
    wanted: { atLeast: 1 },
  })
  const atRest = (what: string, ours: Measured<Timed>) =>
    ours.idle && theirs.idle ? [rate(`at rest: ${what}`, ours.idle, theirs.idle)] : []
  return [
    ...atRest('copied', copied),
    ...atRest('copied and compared', verified),
    rate('under load: copied', copied.loaded.result, theirs.loaded.result),
    rate('under load: copied and compared', verified.loaded.result, theirs.loaded.result),
  ]
}
