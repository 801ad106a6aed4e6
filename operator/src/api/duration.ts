/**
 * Durations as manifests write them: what Go prints (`1h30m0s`), or whole days (`7d`). Bounded, so that both the operator and the API
 * server can calculate with any that they accept.
 */

const GO_DURATION = '([0-9]{1,6}([.][0-9]{1,6})?h)?([0-9]{1,7}([.][0-9]{1,6})?m)?([0-9]{1,9}([.][0-9]{1,6})?s)?([0-9]{1,9}ms)?'
export const DURATION_PATTERN = `^([0-9]{1,5}d|${GO_DURATION})$`
export const MAX_DURATION_LENGTH = 32
export const MAX_DURATION_HOURS = 87_600

const UNITS_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }

/** Milliseconds, or undefined where the text is no duration, or not above zero, or longer than ten years. */
export function parseDurationMs(text: string): number | undefined {
  if (text.length < 2 || text.length > MAX_DURATION_LENGTH || !new RegExp(DURATION_PATTERN).test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(ms|[dhms])/g))
    total += Number(amount) * (UNITS_MS[unit as string] as number)
  return total > 0 && total <= MAX_DURATION_HOURS * 3_600_000 ? total : undefined
}

/** For people, and as short as it can be told: `1h5m`, `2m30s`, `7s`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  return h > 0 ? `${h}h${m}m` : m > 0 ? `${m}m${s}s` : `${s}s`
}

/** CEL: the whole seconds of the duration that the expression `text` holds. (Rules that build strings cost more than a CRD may spend.) */
export const celSeconds = (text: string): string =>
  `(${text}.endsWith('d') ? int(${text}.substring(0, ${text}.size() - 1)) * 86400 : duration(${text}).getSeconds())`

/** CEL: whether it is above zero and at most ten years. */
export const celInBounds = (text: string): string =>
  `(${text}.endsWith('d') ? int(${text}.substring(0, ${text}.size() - 1)) > 0 : duration(${text}) > duration('0s')) && ${celSeconds(text)} <= ${MAX_DURATION_HOURS * 3600}`
