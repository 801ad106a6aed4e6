/**
 * Order of resource versions of one type: as numbers (which the API promises since 1.35, and etcd-backed servers have always kept).
 * @returns whether `a` is as new as `b`; false where they cannot be compared.
 */
export function isAsNew(a: string, b: string): boolean {
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return a === b
  return a.length === b.length ? a >= b : a.length > b.length
}

const DECIMAL = /^[1-9]\d*$/
