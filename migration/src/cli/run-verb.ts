/** Carries out one verb: choose the migration, check that the order is legal, drive the engine to its goals, report. */
import type { FleetConfig } from '@fractal-lba/protocol/config/fleet-config'
import type { Clock } from '../clock.ts'
import type { EngineOptions } from '../engine.ts'
import { inspect } from '../inspect.ts'
import { holderOf } from '../lease/fleet-lease.ts'
import { type Controls, describeAll } from '../observe.ts'
import { planFrom } from '../phases/begin.ts'
import type { Plan } from '../plan.ts'
import type { Progress } from '../progress.ts'
import { certificateWriter, signerFrom } from './certificate-files.ts'
import { drive } from './drive.ts'
import { CommandFailed, EXIT } from './exit-codes.ts'
import { goalsOf } from './goals.ts'
import { type Verb, whyNotLegal } from './legal.ts'
import { openEngine } from './open-engine.ts'
import type { Options } from './options.ts'
import { ProgressLine } from './output/progress-line.ts'
import { planJson, planText, progressJson, statusText } from './output/reports.ts'
import { PodFeedback } from './pods/pod-feedback.ts'
import { type Chosen, chooseMigration, latestMigration } from './which-migration.ts'

export interface Terminal {
  readonly print: (text: string) => void
  readonly warn: (text: string) => void
  /** Without a line end. */
  readonly progress: { readonly write: (text: string) => void; readonly terminal: boolean }
}

export interface Surroundings {
  readonly controls: Controls
  readonly clock: Clock
  readonly terminal: Terminal
  readonly signal: AbortSignal
  /** Unique to this process. */
  readonly holder: string
}

export async function showPlan(options: Options, around: Surroundings): Promise<void> {
  const chosen = await choose(options, around)
  if (!chosen) throw new CommandFailed(EXIT.usage, '--to (or MIGRATE_TO) must list the shards that shall own the slots')
  if (chosen.document && chosen.document.outcome === undefined)
    throw new CommandFailed(
      EXIT.refused,
      `migration ${chosen.spec.id} is under way: \`status\` shows it, \`run\` goes on with it, \`rollback\` undoes it`,
    )
  printPlan(await planOf(chosen, options, around), options, around)
}

export async function showStatus(options: Options, around: Surroundings): Promise<void> {
  const document = latestMigration(options, await describeAll(around.controls))
  if (!document) {
    around.terminal.print(options.output === 'json' ? 'null' : 'No migration is recorded at these shards.')
    return
  }
  const { view, progress } = await inspect(around.controls, document.id, around.clock)
  const holder = holderOf(view.descriptions.map(({ lease }) => lease))
  const text = options.output === 'json' ? progressJson(document.id, progress) : statusText(document.id, progress)
  around.terminal.print(options.output === 'json' ? text : `${text}\nLease       ${holder ?? 'nobody'}`)
}

export async function runVerb(verb: Verb, options: Options, around: Surroundings): Promise<void> {
  const chosen = await choose(options, around)
  const refused = whyNotLegal(verb, chosen?.document)
  if (refused) throw new CommandFailed(EXIT.refused, refused)
  if (!chosen) throw new CommandFailed(EXIT.usage, '--to (or MIGRATE_TO) must list the shards that shall own the slots')
  const ended = chosen.document?.outcome
  if (ended === 'completed' || (ended === 'rolled-back' && verb === 'rollback')) {
    around.terminal.print(
      options.output === 'json'
        ? JSON.stringify({ id: chosen.spec.id, outcome: ended })
        : `Migration ${chosen.spec.id} is ${ended} already: nothing to do.`,
    )
    return
  }
  let plan: Plan | undefined
  if (!chosen.document || options.dryRun) {
    plan = await planOf(chosen, options, around)
    if (options.dryRun || plan.slots === 0) return printPlan(plan, options, around)
    if (options.output === 'table') around.terminal.warn(`${planText(plan)}\n`)
  }
  if ((verb === 'run' || verb === 'cutover') && options.pods.kind === 'unsaid')
    throw new CommandFailed(
      EXIT.refused,
      'after a cutover pods are sent to shards that they may not know: give their admin ports (--pods URL,URL --admin-token-file FILE), or say --pods-know-targets when every pod lists the targets in DEDUP_SHARDS',
    )
  await withEngine(verb, { ...chosen, plan }, options, around)
}

interface Planned extends Chosen {
  /** Made by this command just now; undefined where the migration was begun before. */
  readonly plan: Plan | undefined
}

async function withEngine(verb: Verb, chosen: Planned, options: Options, around: Surroundings): Promise<void> {
  const { clock, terminal } = around
  const engine = await openEngine(await engineOptions(chosen, options, around), clock, around.signal, terminal.warn)
  const line = new ProgressLine(terminal.progress, clock)
  const pods =
    options.pods.kind === 'push' ? new PodFeedback(options.pods, fleetConfig(options), options.maxP95Ms, clock) : undefined
  try {
    if (verb === 'run' || verb === 'cutover') await pods?.introduce(engine)
    const progress = await drive(
      {
        engine,
        clock,
        signal: around.signal,
        show: (shown) => line.show(shown),
        warn: (message) => {
          line.end()
          terminal.warn(message)
        },
        onProgress: async (shown) => pods?.onProgress(engine, shown),
      },
      goalsOf(verb, options.steps, options.stepMs),
    )
    line.end()
    report(verb, chosen, progress, options, around)
  } finally {
    line.end()
    await engine.close()
  }
}

async function engineOptions(chosen: Planned, options: Options, around: Surroundings): Promise<EngineOptions> {
  return {
    controls: around.controls,
    spec: chosen.spec,
    ...(chosen.plan && { earlierPlan: chosen.plan }),
    holder: around.holder,
    takeOver: options.takeOver,
    settings: {
      throttleQps: options.throttleQps,
      soakMs: options.soakMs,
      settleMs: options.soakMs,
      ...(options.batchKeys !== undefined && { batchKeys: options.batchKeys }),
      ...(options.maxLagMs !== undefined && { maxLagMs: options.maxLagMs }),
      ...(options.convergeDeadlineMs !== undefined && { convergeDeadlineMs: options.convergeDeadlineMs }),
    },
    ...(options.approvedPlan !== undefined && { approvedPlan: options.approvedPlan }),
    ...(options.keyFile !== undefined && { signer: await signerFrom(options.keyFile) }),
    onCertificate: certificateWriter(options.certificateFile ?? `${chosen.spec.id}.certificate.json`, (file) =>
      around.terminal.warn(`Certificate: ${file}`),
    ),
    clock: around.clock,
  }
}

function report(verb: Verb, chosen: Chosen, progress: Progress, options: Options, { terminal }: Surroundings): void {
  terminal.print(options.output === 'json' ? progressJson(chosen.spec.id, progress) : statusText(chosen.spec.id, progress))
  if (options.output === 'json') return
  const next = NEXT[verb]
  if (next && progress.outcome === undefined) terminal.print(`\nNext: ${next}`)
}

const NEXT: Partial<Record<Verb, string>> = {
  copy: '`verify`',
  verify: '`dual-write`',
  'dual-write': '`cutover`',
  cutover: '`cleanup` ends the way back; `rollback` takes it',
}

async function choose(options: Options, { controls }: Surroundings): Promise<Chosen | undefined> {
  return chooseMigration(options, await describeAll(controls))
}

async function planOf({ spec }: Chosen, options: Options, { controls }: Surroundings): Promise<Plan> {
  const plan = await planFrom(controls, spec, options.throttleQps)
  if ('refused' in plan) throw new CommandFailed(EXIT.refused, plan.refused)
  return plan
}

function printPlan(plan: Plan, options: Options, { terminal }: Surroundings): void {
  terminal.print(options.output === 'json' ? planJson(plan) : planText(plan))
}

/** All shards of the migration: before its end the pods meet both sides. */
function fleetConfig(options: Options): FleetConfig {
  return { shards: options.shards.map(({ url }) => url) }
}
