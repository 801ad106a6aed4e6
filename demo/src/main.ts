/**
 * `npm start`: a fleet of verifiers on this machine whose dedup shards go from one to three while it serves, and an audit of the
 * outcome. This file is the whole of it in order: start, tell the story, stop, audit, say.
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { audit } from './audit/audit.ts'
import { type PartialFleet, startFleet } from './fleet/fleet.ts'
import { RunEnded, type Watch } from './fleet/watch.ts'
import { watchFleet } from './fleet/watch-fleet.ts'
import { parseCommandLine } from './options.ts'
import { exitCodeOf, type Outcome, outcomeLines, outcomeOf } from './outcome.ts'
import { onInterrupt } from './processes/interrupt.ts'
import { Nursery } from './processes/nursery.ts'
import { tellEmbedded } from './stories/embedded.ts'
import { tellReshard } from './stories/reshard.ts'
import type { Told } from './stories/story.ts'
import { Events } from './view/events.ts'
import { LinesView } from './view/lines.ts'
import { TtyView } from './view/tty.ts'

const options = parseCommandLine(process.argv.slice(2))
const startedAtMs = Date.now()
const seconds = () => (Date.now() - startedAtMs) / 1000
const live = process.stdout.isTTY && options.output === 'text'
// With --output json stdout holds that one document; what happens meanwhile is told on stderr.
const view = live
  ? new TtyView(process.stdout, startedAtMs)
  : new LinesView((line) => (options.output === 'json' ? console.error(line) : console.log(line)), startedAtMs)
const events = new Events(() => Date.now())
events.onEvent((event) => view.event(event))

const dir = await mkdtemp(join(tmpdir(), 'flk-demo-'))
// As root, PostgreSQL runs as another user, who must get through to its data; nobody but us can list this folder.
await chmod(dir, 0o711)
await mkdir(join(dir, 'logs'))
const nursery = Nursery.open(join(dir, 'logs'))
const fleet: PartialFleet = {}
const problems: string[] = []
let watch: Watch | undefined
let told: Told | undefined
let audited = false
const interrupt = onInterrupt((signal) => {
  events.warn(`${signal}: stopping everything${audited ? '' : ', then auditing what there is'} (once more to leave at once)`)
  watch?.end(`interrupted by ${signal}`)
})

try {
  const running = await startFleet(options, dir, nursery, events, fleet)
  watch = watchFleet(running, events, startedAtMs, (moment) => view.show(moment))
  if (interrupt.caught) watch.end('interrupted')
  const stage = { options, events, watch, ...running }
  const { operator, shards } = running
  told =
    operator && options.backend !== 'memory'
      ? await tellReshard({ ...stage, backend: options.backend, shards, operator }, seconds())
      : await tellEmbedded(stage, seconds())
} catch (error) {
  if (!(error instanceof RunEnded) && !interrupt.caught) problems.push((error as Error).message)
}

await watch?.end('the run is over')
await fleet.agents?.stop()
const keep = options.keep && !interrupt.caught && problems.length === 0
if (!keep) await stopVerifiers()
const evidence = {
  journals: join(dir, 'journals'),
  shards: (fleet.shards ?? []).map(({ url }) => url),
  wals: (fleet.pods ?? []).map(({ walDir }) => walDir),
  settled: told?.settled ?? false,
}
const verdict = fleet.agents ? await auditRun() : { failed: 'the fleet did not start, so there is nothing to audit' }
problems.push(...events.all.filter(({ level }) => level === 'bad').map(({ text }) => text))
const result = outcomeOf({
  options,
  seconds: seconds(),
  interrupted: interrupt.caught,
  told,
  agents: fleet.agents,
  audit: verdict,
  problems,
})
view.close()
audited = true

if (keep) {
  say({ ...result, kept: dir })
  console.error(`
The fleet goes on running:
  verifiers  ${fleet.pods?.map(({ name, url }) => `${name} ${url}`).join('  ')}
  admin      ${fleet.pods?.map(({ adminUrl }) => adminUrl).join('  ')} (Authorization: Bearer ${fleet.adminToken})
  shards     ${evidence.shards.join('  ') || 'none: the store is in the verifier'}
  operator   watches ${join(dir, 'operator')}: write a ShardMigration there, read NAME.status.yaml beside it
  stop it    Ctrl-C here, or kill -INT ${process.pid}`)
  await interrupt.next()
  await stopVerifiers()
}

await Promise.all((fleet.shards ?? []).map((shard) => shard.stop().catch((error: Error) => console.error(error.message))))
await nursery.close()
const kept = result.ok ? undefined : dir
if (!kept) await rm(dir, { recursive: true, force: true })
if (!keep) say({ ...result, kept })
process.exit(exitCodeOf(result))

async function auditRun(): Promise<Outcome['audit']> {
  events.info(evidence.shards.length > 0 ? 'auditing: journals, shards and logs' : 'auditing: journals and logs')
  return audit(evidence).catch((error: Error) => ({ failed: error.message }))
}

async function stopVerifiers(): Promise<void> {
  await fleet.operator?.stop()
  const ends = await Promise.all((fleet.pods ?? []).map(async (pod) => ({ name: pod.name, end: await pod.stop() })))
  for (const { name, end } of ends)
    if (end && end.code !== 0) events.bad(`${name} did not drain and end with 0 but with ${end.signal ?? end.code}`)
}

function say(outcome: Outcome): void {
  if (options.output === 'json') console.log(JSON.stringify(outcome, null, 2))
  else for (const line of outcomeLines(outcome)) console.log(line)
}
