/**
 * How a fleet's own upgrades are rolled out, from the annotations `fractal.lba.io/rollout-…` of its StatefulSet. Strict: an annotation of
 * this family that nobody reads is refused, since a misspelt gate that is silently ignored is a gate that always passes.
 */
import { GROUP } from '../../api/group.ts'
import type { StepSize } from '../../rollout/steps.ts'
import type { WatchSettings } from '../../rollout/watch.ts'

export interface RolloutSettings {
  readonly steps: readonly StepSize[]
  /** A pod of the new revision has this long to become ready. */
  readonly readyMs: number
  readonly onGateFailure: 'Rollback' | 'Freeze'
  readonly watch: WatchSettings
}

/** Holds the rollout's status; the only annotation of the family that is not a setting. */
export const STATUS_ANNOTATION = `${GROUP}/rollout-status`
export const MANAGED_ANNOTATION = `${GROUP}/managed-rollout`
const FAMILY = `${GROUP}/rollout-`

interface Setting {
  readonly byDefault: string
  /** @throws Error that says what the value must be. */
  readonly check: (text: string) => unknown
}

/** In a small fleet that is pod by pod, in a large one the first pod decides and the rest follows in quarters. */
const DEFAULT_STEPS = '1, 25%, 50%, 100%'
const MAX_STEPS = 20
/** Below these, one figure being twice the other says nothing. */
const LATENCY_FLOOR_MS = 25
const ERROR_RATE_FLOOR_PERCENT = 0.5

const SETTINGS = {
  steps: { byDefault: DEFAULT_STEPS, check: stepsOf },
  'step-seconds': number(0, 86_400, 30),
  /** A pod replays its log before it is ready. */
  'ready-seconds': number(5, 86_400, 300),
  'window-seconds': number(1, 3600, 30),
  'interval-seconds': number(1, 600, 5),
  'min-samples': number(1, 1_000_000, 20),
  failures: number(1, 20, 2),
  of: number(1, 20, 3),
  'progress-deadline-seconds': number(10, 86_400, 600),
  'max-latency-p95-millis': number(0.001, 60_000, 200),
  'max-error-rate-percent': number(0, 100, 1),
  /** 0: the canary is held to the limits above, and not compared with the rest. */
  'canary-factor': number(0, 1000, 2),
  'on-no-data': choice(['Hold', 'Fail', 'Pass']),
  'on-gate-failure': choice(['Rollback', 'Freeze']),
} satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS
export const settingAnnotation = (name: SettingName): string => `${FAMILY}${name}`

export type ReadSettings =
  | { readonly ok: true; readonly settings: RolloutSettings }
  | { readonly ok: false; readonly problems: string }

export function readSettings(annotations: Readonly<Record<string, string>>): ReadSettings {
  const problems: string[] = []
  for (const key of Object.keys(annotations)) {
    if (!key.startsWith(FAMILY) || key === STATUS_ANNOTATION) continue
    if (!Object.hasOwn(SETTINGS, key.slice(FAMILY.length)))
      problems.push(`${key.slice(0, 80)}: there is no such setting; remove it`)
  }
  function read<N extends SettingName>(name: N): ReturnType<(typeof SETTINGS)[N]['check']> {
    type Value = ReturnType<(typeof SETTINGS)[N]['check']>
    const { byDefault, check } = SETTINGS[name]
    const given = annotations[settingAnnotation(name)]
    try {
      return check(given ?? byDefault) as Value
    } catch (error) {
      problems.push(`${settingAnnotation(name)}: ${(error as Error).message}`)
      return check(byDefault) as Value
    }
  }
  const minSamples = read('min-samples')
  const factor = read('canary-factor')
  const settings: RolloutSettings = {
    steps: read('steps'),
    readyMs: read('ready-seconds') * 1000,
    onGateFailure: read('on-gate-failure') as RolloutSettings['onGateFailure'],
    watch: {
      gates: [
        { metric: 'maxLatencyP95', threshold: read('max-latency-p95-millis'), minSamples },
        { metric: 'maxErrorRate', threshold: read('max-error-rate-percent'), minSamples },
      ],
      canary:
        factor === 0
          ? {}
          : { maxLatencyP95: { factor, floor: LATENCY_FLOOR_MS }, maxErrorRate: { factor, floor: ERROR_RATE_FLOOR_PERCENT } },
      windowMs: read('window-seconds') * 1000,
      intervalMs: read('interval-seconds') * 1000,
      stepMs: read('step-seconds') * 1000,
      failures: read('failures'),
      of: read('of'),
      onNoData: read('on-no-data') as WatchSettings['onNoData'],
      deadlineMs: read('progress-deadline-seconds') * 1000,
    },
  }
  const { watch } = settings
  if (watch.failures > watch.of)
    problems.push(`${settingAnnotation('failures')}: must be at most ${settingAnnotation('of')}, else the gate can never fail`)
  if (watch.intervalMs > watch.windowMs)
    problems.push(`${settingAnnotation('interval-seconds')}: must be at most the window, else traffic goes unseen`)
  if (watch.deadlineMs < watch.windowMs)
    problems.push(`${settingAnnotation('progress-deadline-seconds')}: must be at least the window, else no gate can answer`)
  return problems.length === 0 ? { ok: true, settings } : { ok: false, problems: problems.slice(0, 5).join('; ') }
}

function number(min: number, max: number, byDefault: number): { byDefault: string; check: (text: string) => number } {
  return {
    byDefault: String(byDefault),
    check(text) {
      const value = /^\d{1,9}(\.\d{1,6})?$/.test(text.trim()) ? Number(text) : Number.NaN
      if (value >= min && value <= max) return value
      throw new Error(`must be a number from ${min} to ${max}`)
    },
  }
}

function choice(allowed: readonly [string, ...string[]]): { byDefault: string; check: (text: string) => string } {
  return {
    byDefault: allowed[0],
    check(text) {
      if (allowed.includes(text)) return text
      throw new Error(`must be one of ${allowed.join(', ')}`)
    },
  }
}

function stepsOf(text: string): StepSize[] {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length > MAX_STEPS) throw new Error(`must be at most ${MAX_STEPS} steps`)
  return parts.map((part) => {
    const [, digits, percent] = /^(\d{1,4})(%?)$/.exec(part) ?? []
    const value = Number(digits)
    if (!(value >= 1) || (percent && value > 100))
      throw new Error('must be numbers of pods or percentages, such as "1, 25%, 100%"')
    return percent ? { percent: value } : { units: value }
  })
}
