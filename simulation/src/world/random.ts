/** Random numbers from a seed and a name, so that what one part of a run draws does not change what another one does. */

export type Random = () => number

/** A stream of its own for each `name`. */
export function randomOf(seed: number, name: string): Random {
  return mulberry32(fnv1a(name, Math.imul(seed, 0x9e3779b1)))
}

/** FNV-1a over the UTF-16 units of `text`, from `start`. */
export function fnv1a(text: string, start: number): number {
  let mixed = (start ^ 0x811c9dc5) >>> 0
  for (let index = 0; index < text.length; index++) mixed = Math.imul(mixed ^ text.charCodeAt(index), 0x01000193)
  return mixed >>> 0
}

export function chance(random: Random, probability: number): boolean {
  return random() < probability
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T
}

/** A whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1))
}

/** A small generator with a good enough spread. */
function mulberry32(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
