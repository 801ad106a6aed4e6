/** Reads single values of the environment; each problem is collected, with the variable's name and without a secret's value. */
import { VARIABLES } from './variables.ts'

const SECRET = new Set(VARIABLES.filter((variable) => variable.secret).map((variable) => variable.name))

export class ValueReader {
  readonly problems: string[] = []
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env
  }

  /** Undefined when it is not set; an empty value is as good as none (templates leave such behind). */
  text(name: string): string | undefined {
    const value = this.#env[name]
    return value === undefined || value === '' ? undefined : value
  }

  oneOf<T extends string>(name: string, allowed: readonly T[], byDefault: T): T {
    const value = this.text(name)
    if (value === undefined) return byDefault
    const found = allowed.find((candidate) => candidate === value)
    if (found === undefined) this.refuse(name, `must be one of ${allowed.join(', ')}`)
    return found ?? byDefault
  }

  integer(name: string, min: number, max: number, byDefault: number): number {
    const value = this.text(name)
    if (value === undefined) return byDefault
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    this.refuse(name, `must be a whole number from ${min} to ${max}`)
    return byDefault
  }

  number(name: string, min: number, max: number, byDefault: number): number {
    const value = this.text(name)
    if (value === undefined) return byDefault
    const number = /^\d{1,9}(\.\d{1,9})?$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    this.refuse(name, `must be a number from ${min} to ${max}`)
    return byDefault
  }

  /** What `parse` makes of the value; the message of its error becomes the problem. */
  parsed<T>(name: string, parse: (value: string) => T): T | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    try {
      return parse(value)
    } catch (error) {
      this.problems.push(`${name}: ${(error as Error).message}`)
      return undefined
    }
  }

  refuse(name: string, what: string): void {
    const value = this.#env[name]
    this.problems.push(
      value === undefined || value === '' || SECRET.has(name) ? `${name} ${what}` : `${name} ${what}, not "${value}"`,
    )
  }
}
