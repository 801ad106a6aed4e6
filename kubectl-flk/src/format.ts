/** Figures for people. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`
}

export const countText = (count: number): string => count.toLocaleString('en-US')
/** Four digits say all that a measurement knows. */
export const figureText = (value: number): string =>
  String(Math.abs(value) < 1000 ? Number(value.toPrecision(4)) : Math.round(value))
export const percentText = (percent: number): string => `${Math.round(percent * 10) / 10} %`

export const plural = (count: number, noun: string): string => `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
