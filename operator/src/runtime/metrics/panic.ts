/**
 * Whether an exception is a fault of the program itself, what Go calls a panic, and not a condition of the world: a property of
 * undefined, a call of no function, an assertion. (`fetch` reports a failed connection as a TypeError, with its cause.)
 */
import { AssertionError } from 'node:assert'

export function isPanic(error: unknown): boolean {
  if (error === undefined) return false
  if (!(error instanceof Error)) return true
  if (error.cause !== undefined) return false
  return [TypeError, ReferenceError, RangeError, SyntaxError, AssertionError].some((fault) => error instanceof fault)
}
