/** Brings points of any units into the unit box, axis by axis, so that scales mean the same for all of them. */

/** Each axis is mapped from its own lowest..highest to 0..1; an axis on which nothing differs becomes 0. */
export function toUnitBox(points: readonly (readonly number[])[]): number[][] {
  const axes = points[0]?.length ?? 0
  const lowest = new Array<number>(axes).fill(Number.POSITIVE_INFINITY)
  const highest = new Array<number>(axes).fill(Number.NEGATIVE_INFINITY)
  for (const point of points) {
    for (let axis = 0; axis < axes; axis++) {
      lowest[axis] = Math.min(lowest[axis]!, point[axis] as number)
      highest[axis] = Math.max(highest[axis]!, point[axis] as number)
    }
  }
  return points.map((point) =>
    point.map((coordinate, axis) =>
      highest[axis]! > lowest[axis]! ? (coordinate - lowest[axis]!) / (highest[axis]! - lowest[axis]!) : 0,
    ),
  )
}
