/** Reads a history line by line: any size of file in the same memory. A file that was cut off, or says so itself, is an error. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { type HeaderLine, type KeyLine, parseHistoryLine } from './lines.ts'

/** No line that we write is a tenth as long. */
const LINE_BYTES_MAX = 16 * 1024

export interface KeyText {
  readonly line: KeyLine
  readonly text: string
}

/** @param onHeader told once, before the first line. @throws Error that names file and line of what is no history. */
export async function* readHistory(file: string, onHeader: (header: HeaderLine) => void): AsyncGenerator<KeyText> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })
  let n = 0
  let ended = false
  try {
    for await (const text of lines) {
      n++
      const where = `${file}:${n}`
      if (text.length > LINE_BYTES_MAX) throw new Error(`${where} is longer than ${LINE_BYTES_MAX} characters`)
      if (ended) throw new Error(`${where} comes after the end line`)
      const line = parseHistoryLine(text, where)
      if ((n === 1) !== (line.t === 'history')) throw new Error(`${where}: the header is the first line, and no other`)
      if (line.t === 'history') onHeader(line)
      else if (line.t === 'end') {
        if (line.lines !== n) throw new Error(`${where}: the end line counts ${line.lines} lines, and this is line ${n}`)
        ended = true
      } else yield { line, text }
    }
  } finally {
    lines.close()
  }
  if (!ended) throw new Error(`${file} has no end line: it was cut off, so nothing is said about it`)
}
