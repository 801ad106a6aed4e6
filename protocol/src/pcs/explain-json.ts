/**
 * Says what is wrong with a body that was refused, and where: a careful reader that keeps the path of the value it is in. Runs for
 * refused bodies only, so it may take its time; it is bounded in depth and, by the body, in size.
 */
import { isUtf8 } from 'node:buffer'

export interface JsonFault {
  /** Path of the value such as `ft.notes[2]`; `body` for the whole. */
  readonly field: string
  readonly reason: string
}

/** Nothing in a summary is nested as deep. */
export const MAX_JSON_DEPTH = 32

/** @returns undefined when the text is strict JSON. */
export function explainJson(body: Buffer): JsonFault | undefined {
  if (!isUtf8(body)) return { field: fieldAtBadUtf8(body), reason: 'is not valid UTF-8' }
  try {
    new Reader(body.toString('utf8')).document()
    return undefined
  } catch (error) {
    if (error instanceof Found) return error.fault
    throw error
  }
}

class Found extends Error {
  readonly fault: JsonFault
  constructor(fault: JsonFault) {
    super(fault.reason)
    this.fault = fault
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const STRING = /"(?:[ !#-[\]-\u{10ffff}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy
const WORD = /true|false|null/y
const SPACE = /[ \t\n\r]*/y

class Reader {
  readonly #text: string
  #at = 0
  readonly #path: (string | number)[] = []

  constructor(text: string) {
    this.#text = text
  }

  /** Where the reader stands, for whoever fed it a text that breaks off. */
  get field(): string {
    return pathText(this.#path)
  }

  document(): void {
    this.#skipSpace()
    if (this.#at === this.#text.length) this.#fail('is empty')
    this.#value()
    this.#skipSpace()
    if (this.#at < this.#text.length) this.#fail(`has something behind its end, at character ${this.#at + 1}`)
  }

  #value(): void {
    if (this.#path.length > MAX_JSON_DEPTH) this.#fail(`is nested deeper than ${MAX_JSON_DEPTH} levels`)
    const next = this.#text[this.#at]
    if (next === '{') this.#object()
    else if (next === '[') this.#array()
    else if (next === '"') this.#string()
    else if (this.#match(WORD) === undefined) this.#number()
  }

  #object(): void {
    const seen = new Set<string>()
    this.#at++
    this.#skipSpace()
    if (this.#take('}')) return
    do {
      this.#skipSpace()
      if (this.#text[this.#at] !== '"') this.#syntax('a member name')
      const key = this.#string()
      this.#path.push(key)
      if (key === '__proto__') this.#fail('is not an allowed member name')
      if (seen.has(key)) this.#fail('is there twice')
      seen.add(key)
      this.#skipSpace()
      if (!this.#take(':')) this.#syntax('":"')
      this.#skipSpace()
      this.#value()
      this.#path.pop()
      this.#skipSpace()
    } while (this.#take(','))
    if (!this.#take('}')) this.#syntax('"," or "}"')
  }

  #array(): void {
    this.#at++
    this.#skipSpace()
    if (this.#take(']')) return
    let index = 0
    do {
      this.#path.push(index++)
      this.#skipSpace()
      this.#value()
      this.#path.pop()
      this.#skipSpace()
    } while (this.#take(','))
    if (!this.#take(']')) this.#syntax('"," or "]"')
  }

  #string(): string {
    const text = this.#match(STRING)
    if (text === undefined) this.#syntax('a string with its end, and control characters escaped')
    return JSON.parse(text)
  }

  #number(): void {
    const text = this.#match(NUMBER)
    if (text === undefined) this.#syntax('a value')
    if (!Number.isFinite(Number(text))) this.#fail('is a number out of range')
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    this.#at += found?.length ?? 0
    return found
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at++
    return true
  }

  #skipSpace(): void {
    this.#match(SPACE)
  }

  #syntax(wanted: string): never {
    const what = this.#at >= this.#text.length ? 'its end' : `character ${this.#at + 1}`
    this.#fail(`is not JSON: ${wanted} is missing at ${what}`)
  }

  #fail(reason: string): never {
    throw new Found({ field: this.field, reason })
  }
}

function pathText(path: readonly (string | number)[]): string {
  if (path.length === 0) return 'body'
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += `${text === '' ? '' : '.'}${printable(part)}`
  }
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

/** Names come from outside, so what ends up in answers and logs is short and visible. */
function printable(name: string): string {
  return /^[\w$-]{1,64}$/.test(name) ? name : JSON.stringify(name.slice(0, 64))
}

/** The field that the first bad byte lies in: what is before it is good text that breaks off there. */
function fieldAtBadUtf8(body: Buffer): string {
  let low = 0
  let high = body.length
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    // A prefix may end inside a good character; up to three more bytes tell that from a bad one.
    const good = [0, 1, 2, 3].some((more) => isUtf8(body.subarray(0, Math.min(middle + more, body.length))))
    if (good) low = middle
    else high = middle
  }
  const reader = new Reader(body.toString('latin1', 0, low))
  try {
    reader.document()
  } catch (error) {
    if (!(error instanceof Found)) throw error
  }
  return reader.field
}
