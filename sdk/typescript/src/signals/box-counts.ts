/**
 * N_j: how many boxes of a grid the points occupy, for each scale. A point p is in the box floor(p · scale) of each axis, so a scale is
 * the number of boxes a unit length; coordinates are expected in about 0..1 (see `unit-box.ts`).
 */

/** @returns the counts in the order of `scales`. */
export function boxCounts(points: readonly (readonly number[])[], scales: readonly number[]): number[] {
  return scales.map((scale) => occupiedBoxes(points, scale))
}

function occupiedBoxes(points: readonly (readonly number[])[], scale: number): number {
  const axes = points[0]?.length ?? 0
  const lowest = new Array<number>(axes).fill(Number.POSITIVE_INFINITY)
  const highest = new Array<number>(axes).fill(Number.NEGATIVE_INFINITY)
  for (const point of points) {
    for (let axis = 0; axis < axes; axis++) {
      const box = Math.floor((point[axis] as number) * scale)
      if (box < lowest[axis]!) lowest[axis] = box
      if (box > highest[axis]!) highest[axis] = box
    }
  }
  const widths = lowest.map((low, axis) => highest[axis]! - low + 1)
  // Boxes of the bounding grid are numbered where the numbers are exact; a set of numbers is far cheaper than one of texts.
  const numbered = widths.reduce((product, width) => product * width, 1) < Number.MAX_SAFE_INTEGER
  const occupied = new Set<number | string>()
  for (const point of points) {
    if (numbered) {
      let box = 0
      for (let axis = 0; axis < axes; axis++)
        box = box * widths[axis]! + Math.floor((point[axis] as number) * scale) - lowest[axis]!
      occupied.add(box)
    } else {
      occupied.add(point.map((coordinate) => Math.floor(coordinate * scale)).join())
    }
  }
  return occupied.size
}
