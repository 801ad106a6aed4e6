/**
 * coh★: how much of the data falls together along some direction. Points are projected on sampled directions; along each, the share of
 * the fullest bin of a histogram over the projections' range is its concentration, and coh★ is the highest of them.
 */
import { seededRandom } from './seeded-random.ts'

export interface Coherence {
  readonly cohStar: number
  /** The unit vector along which it was found; empty without points. */
  readonly vStar: readonly number[]
}

export const DEFAULT_DIRECTIONS = 64
export const HISTOGRAM_BINS = 20

export function coherence(
  points: readonly (readonly number[])[],
  seed: number,
  directions: number = DEFAULT_DIRECTIONS,
): Coherence {
  const axes = points[0]?.length ?? 0
  if (axes === 0) return { cohStar: 0, vStar: [] }
  const random = seededRandom(seed)
  const projections = new Float64Array(points.length)
  let best: Coherence = { cohStar: 0, vStar: [] }
  for (let i = 0; i < directions; i++) {
    const direction = unitVector(axes, random)
    const cohStar = concentration(points, direction, projections)
    if (cohStar > best.cohStar) best = { cohStar, vStar: direction }
  }
  return best
}

function concentration(points: readonly (readonly number[])[], direction: readonly number[], projections: Float64Array): number {
  let lowest = Number.POSITIVE_INFINITY
  let highest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < points.length; i++) {
    const point = points[i] as readonly number[]
    let projection = 0
    for (let axis = 0; axis < direction.length; axis++) projection += (point[axis] as number) * (direction[axis] as number)
    projections[i] = projection
    if (projection < lowest) lowest = projection
    if (projection > highest) highest = projection
  }
  if (!(highest > lowest)) return 1
  const bins = new Uint32Array(HISTOGRAM_BINS)
  const perBin = HISTOGRAM_BINS / (highest - lowest)
  let fullest = 0
  for (let i = 0; i < projections.length; i++) {
    const bin = Math.min(HISTOGRAM_BINS - 1, Math.floor((projections[i]! - lowest) * perBin))
    bins[bin]!++
    if (bins[bin]! > fullest) fullest = bins[bin]!
  }
  return fullest / points.length
}

/** Uniform on the sphere: normal coordinates (Box and Muller 1958), brought to length one. */
function unitVector(axes: number, random: () => number): number[] {
  for (;;) {
    const vector = Array.from({ length: axes }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()))
    const length = Math.hypot(...vector)
    if (length > 1e-9) return vector.map((coordinate) => coordinate / length)
  }
}
