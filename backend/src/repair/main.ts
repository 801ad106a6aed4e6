/**
 * npm run repair -- --shards URL,... --wals DIR,...
 * Gives shards back the decisions that they lost, from the verifiers' logs. What it does is in `repair.ts`; this is the command.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { originOf } from '@fractal-lba/protocol/records/record'
import { parseShardList, withCredentials } from '@fractal-lba/shards/address'
import { openShardControl, openShardData } from '@fractal-lba/shards/open'
import { type Finding, Repair } from './repair.ts'
import { logBytes, type Winner, winnersOf } from './winners.ts'

const EXIT = { whole: 0, notWhole: 1, couldNotRun: 2, interrupted: 130 } as const
const LISTED_OF_A_KIND = 20
const PROGRESS_EVERY_MS = 2000
const WINNERS_AT_ONCE = 1000

const HELP = `npm run repair -- --shards URL,... --wals DIR,...

Gives shards back the decisions that they have lost (a Redis with appendfsync everysec that was killed, a replica that took
over, an old copy that was put back), from the logs of the verifiers, which hold every submission. A record is put as any
decision is: only where its key has none. Verifiers may run meanwhile. May be stopped anywhere and run again.

  --shards URL,...   all shards of the fleet (default: DEDUP_SHARDS); credentials also by FLK_SHARD_USERNAME and _PASSWORD
  --wals DIR,...     the log folder of every verifier (default: WAL_DIR)
  --dry-run          look only
  --output json      one JSON document on stdout

Exit code: 0 nothing is missing any more; 1 something is: a key was decided again before it was repaired (both are named; what
the shard holds stands), a record was altered, a slot has no owner, or with --dry-run something is lost; 2 it could not look.
Once it ends with 0, verifiers that stopped writing to a shard because it had lost state may be told to go on:
POST /admin/v1/acknowledge {"shard": "<id>"} at the admin port of each.
`

interface Named {
  readonly tenant: string
  readonly pcsId: string
  readonly key: string
  /** Which log entry won. */
  readonly won: string
  readonly decidedAgainBy?: string
  readonly sameContent?: boolean
}

interface Report {
  winners: number
  present: number
  expired: number
  readonly lost: Named[]
  readonly repaired: Named[]
  readonly decidedAgain: Named[]
  readonly altered: Named[]
  readonly unowned: Named[]
}

let interrupted = false
process.on('SIGINT', () => (interrupted = true))
try {
  process.exitCode = await main()
} catch (error) {
  console.error(`the repair could not be made: ${(error as Error).message}`)
  process.exitCode = EXIT.couldNotRun
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      shards: { type: 'string', default: process.env.DEDUP_SHARDS ?? '' },
      wals: { type: 'string', default: process.env.WAL_DIR ?? '' },
      'dry-run': { type: 'boolean', default: false },
      output: { type: 'string', default: 'text' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return EXIT.whole
  }
  const wals = values.wals.split(',').filter((dir) => dir !== '')
  if (wals.length === 0) throw new Error('--wals (or WAL_DIR) must name the log folder of every verifier')
  if (values.output !== 'text' && values.output !== 'json') throw new Error('--output is text or json')
  const password = process.env.FLK_SHARD_PASSWORD
  const username = process.env.FLK_SHARD_USERNAME
  const credentials = password === undefined ? undefined : { password, ...(username !== undefined && { username }) }
  const addresses = parseShardList(values.shards.split(',')).map((address) => withCredentials(address, credentials))
  const shards = addresses.map((address) => ({ control: openShardControl(address), data: openShardData(address) }))
  const dryRun = values['dry-run']
  try {
    const repair = new Repair({ shards, dryRun, wallClock: Date.now, pause: (ms) => pause(ms) })
    const report = await restoreAll(repair, wals)
    console.log(values.output === 'json' ? JSON.stringify({ dryRun, ...report }, null, 2) : textOf(report, dryRun))
    if (interrupted) return EXIT.interrupted
    const whole = [report.lost, report.decidedAgain, report.altered, report.unowned].every((some) => some.length === 0)
    return whole ? EXIT.whole : EXIT.notWhole
  } finally {
    await Promise.all(shards.flatMap(({ control, data }) => [control.close(), data.close()]))
  }
}

async function restoreAll(repair: Repair, wals: readonly string[]): Promise<Report> {
  const report: Report = {
    winners: 0,
    present: 0,
    expired: 0,
    lost: [],
    repaired: [],
    decidedAgain: [],
    altered: [],
    unowned: [],
  }
  const total = (await Promise.all(wals.map(logBytes))).reduce((sum, bytes) => sum + bytes, 0)
  const startedAtMs = performance.now()
  let before = 0
  let toldAtMs = startedAtMs
  for (const dir of wals) {
    for await (const { winners, bytesRead } of winnersOf(dir)) {
      for (let from = 0; from < winners.length; from += WINNERS_AT_ONCE) {
        const some = winners.slice(from, from + WINNERS_AT_ONCE)
        for (const [i, finding] of (await repair.restore(some)).entries()) note(report, some[i] as Winner, finding)
      }
      if (interrupted) return report
      if (performance.now() - toldAtMs < PROGRESS_EVERY_MS) continue
      toldAtMs = performance.now()
      const done = (before + bytesRead) / total
      const left = Math.ceil(((toldAtMs - startedAtMs) / 1000) * (1 / done - 1))
      console.error(
        `${Math.floor(done * 100)} %  ${report.winners} decisions, ${report.repaired.length} repaired; about ${left} s left`,
      )
    }
    before += await logBytes(dir)
  }
  return report
}

function note(report: Report, winner: Winner, finding: Finding): void {
  const { pod, segment, offset } = originOf(winner.record)
  const { tenant, pcsId } = winner
  const named: Named = { tenant, pcsId, key: winner.key.toString('hex'), won: `${pod} ${segment}:${offset}` }
  report.winners++
  if (finding.kind === 'present' || finding.kind === 'expired') report[finding.kind]++
  else if (finding.kind === 'lost') report[finding.applied ? 'repaired' : 'lost'].push(named)
  else if (finding.kind === 'decided-again')
    report.decidedAgain.push({ ...named, decidedAgainBy: finding.by, sameContent: finding.sameContent })
  else report[finding.kind].push(named)
}

function textOf(report: Report, dryRun: boolean): string {
  const { winners, present, expired, lost, repaired, decidedAgain, altered, unowned } = report
  const list = (what: string, some: readonly Named[], more: (each: Named) => string = () => '') =>
    some.length === 0
      ? []
      : [
          `${some.length} ${what}`,
          ...some.slice(0, LISTED_OF_A_KIND).map((each) => `  ${each.tenant}/${each.pcsId}, won by ${each.won}${more(each)}`),
          ...(some.length > LISTED_OF_A_KIND ? [`  and ${some.length - LISTED_OF_A_KIND} more; --output json names all`] : []),
        ]
  return [
    `${winners} decisions in the logs: ${present} present, ${expired} expired${dryRun ? ' (nothing was changed)' : ''}`,
    ...list('were lost and are repaired:', repaired),
    ...list('are lost:', lost),
    ...list(
      'were lost and decided again before they could be repaired; what the shard holds stands:',
      decidedAgain,
      ({ decidedAgainBy, sameContent }) =>
        `, then by ${decidedAgainBy}${sameContent ? ' (the same content)' : ' (another content)'}`,
    ),
    ...list('have a record with other bytes than their entry makes:', altered),
    ...list('have no shard that owns their slot:', unowned),
  ].join('\n')
}
