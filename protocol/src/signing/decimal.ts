/**
 * Doubles as decimal text, in the three ways that signatures in the field use. Nine decimals are rounded half to even *on the exact
 * value of the double*, as C and Python do. `toFixed(9)` is exact too, but rounds a tie away from zero; ties are the odd multiples of
 * 2^-10 and nothing else (a tie is an odd multiple of 2^-10 · 5^-9, and a double is one only if the fives cancel). It also writes
 * -0 without its sign and turns to exponents at 1e21.
 */

/** `x` with exactly nine decimals, e.g. `1.000000000`; a zero keeps its sign, as in Python. @throws RangeError for NaN and infinities. */
export function nineDecimals(x: number): string {
  if (!Number.isFinite(x)) throw new RangeError(`${x} has no decimal form`)
  const magnitude = Math.abs(x)
  // From 2^53 on every double is an integer.
  if (magnitude >= 2 ** 53) return `${BigInt(x)}.000000000`
  if (x === 0) return Object.is(x, -0) ? '-0.000000000' : '0.000000000'
  const text = x.toFixed(9)
  if ((magnitude * 1024) % 2 !== 1) return text
  // A tie, so ten decimals are the exact value and end in 5: where toFixed made the last digit odd, cutting off is even.
  return text.charCodeAt(text.length - 1) & 1 ? x.toFixed(10).slice(0, -1) : text
}

/** The double nearest to `x` rounded to nine decimals: Python's `round(x, 9)`. */
export function roundToNine(x: number): number {
  return Number(nineDecimals(x))
}

/** Python's `repr(x)`: shortest digits that read back, always with a point or an exponent (`1.0`, `1e-09`, `1e+16`). */
export function pythonRepr(x: number): string {
  const magnitude = Math.abs(x)
  if (magnitude >= 1e-4 && magnitude < 1e16) return Number.isInteger(x) ? `${x}.0` : `${x}`
  if (x === 0) return Object.is(x, -0) ? '-0.0' : '0.0'
  const [digits, exponent] = x.toExponential().split('e') as [string, string]
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}

/** The shortest JSON number that reads back: ECMAScript's own form, which Go's encoder writes too (`1`, `1e-9`). */
export function shortestJson(x: number): string {
  return JSON.stringify(x)
}
