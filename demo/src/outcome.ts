/** How a run ended, for people and for machines. */
import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { Verdict } from './audit/judge.ts'
import { reportLines } from './audit/report.ts'
import type { Agents } from './fleet/agents.ts'
import type { Options } from './options.ts'
import type { Told } from './stories/story.ts'
import { count, ms } from './view/frame.ts'

export interface Outcome {
  readonly ok: boolean
  readonly interrupted: boolean
  readonly backend: string
  readonly fault: string | undefined
  readonly seconds: number
  readonly migration: { readonly end: string; readonly keysCopied: number } | undefined
  readonly load: {
    readonly answers: number
    readonly repeated: number
    readonly held: number
    readonly p50Ms: number | undefined
    readonly p95Ms: number | undefined
    readonly p99Ms: number | undefined
  }
  readonly audit: Verdict | { readonly failed: string }
  /** What went otherwise than it should have, besides what the auditor found. */
  readonly problems: readonly string[]
  /** Logs, journals, data; undefined when they were removed because all went well. */
  readonly kept: string | undefined
}

export interface Ending {
  readonly options: Options
  readonly seconds: number
  readonly interrupted: boolean
  readonly told: Told | undefined
  readonly agents: Agents | undefined
  readonly audit: Outcome['audit']
  readonly problems: readonly string[]
}

export function outcomeOf({ options, seconds, interrupted, told, agents, audit, problems }: Ending): Omit<Outcome, 'kept'> {
  const load = agents?.read()
  const latency = agents?.latency
  const quantile = (q: number) => latency && Histogram.quantile(latency, q)
  const all = [...problems, ...(told?.problems ?? [])]
  return {
    ok: !interrupted && all.length === 0 && 'findings' in audit && audit.findings.length === 0,
    interrupted,
    backend: options.backend,
    fault: options.fault,
    seconds: Math.round(seconds * 10) / 10,
    migration: told?.migration && { end: told.migration.ended ?? told.migration.phase, keysCopied: told.migration.keysCopied },
    load: {
      answers: load?.answered ?? 0,
      repeated: load?.repeated ?? 0,
      held: load?.held ?? 0,
      p50Ms: quantile(0.5),
      p95Ms: quantile(0.95),
      p99Ms: quantile(0.99),
    },
    audit,
    problems: all,
  }
}

export function exitCodeOf({ ok, interrupted }: Pick<Outcome, 'ok' | 'interrupted'>): number {
  if (interrupted) return 130
  return ok ? 0 : 1
}

export function outcomeLines(outcome: Outcome): string[] {
  const { load, audit } = outcome
  return [
    '',
    `Run      ${outcome.backend}${outcome.fault ? `, fault ${outcome.fault}` : ''}, ${outcome.seconds.toFixed(0)} s${outcome.interrupted ? ', interrupted' : ''}`,
    ...(outcome.migration ? [`Change   ${outcome.migration.end}, ${count(outcome.migration.keysCopied)} keys copied`] : []),
    `Load     ${count(load.answers)} answers, latency p50 ${ms(load.p50Ms)}, p95 ${ms(load.p95Ms)}, p99 ${ms(load.p99Ms)}; ${count(load.repeated)} attempts repeated, ${count(load.held)} held back`,
    ...('findings' in audit ? reportLines(audit) : [`the audit could not be made: ${audit.failed}`]).map(
      (line, i) => `${i === 0 ? 'Audit    ' : '         '}${line}`,
    ),
    ...outcome.problems.map((problem) => `Problem  ${problem}`),
    ...(outcome.kept ? [`Kept     ${outcome.kept} (logs/, journals/, pods/, shards/, operator/)`] : []),
    outcome.ok ? 'OK' : outcome.interrupted ? 'INTERRUPTED' : 'FAILED',
  ]
}
