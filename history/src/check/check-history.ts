/**
 * The project's own checker: rules key by key, over a file of any size in bounded memory. One pass deals the lines out by key into files
 * of a size that fits, so a key's lines come together whatever their order was; then each of those is judged by itself.
 */
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type HeaderLine, type KeyLine, parseHistoryLine } from '../format/lines.ts'
import { readHistory } from '../format/read-history.ts'
import { type Finding, judgeKey } from './judge-key.ts'

export interface OwnVerdict {
  readonly header: HeaderLine
  readonly keys: number
  readonly operations: number
  readonly acknowledged: number
  readonly unknown: number
  /** At most so many as were asked for. */
  readonly findings: readonly Finding[]
  readonly findingsCount: number
}

/** Bytes of history that are judged at a time; in memory they are some times that. */
const PART_BYTES = 16 * 1024 * 1024
const PARTS_MAX = 512
const BUFFERED_CHARS = 64 * 1024

/** @throws Error where the file is no whole history: then nothing is said about it. */
export async function checkHistory(file: string, options: { readonly findingsMax: number }): Promise<OwnVerdict> {
  const parts = Math.min(PARTS_MAX, Math.max(1, Math.ceil(statSync(file).size / PART_BYTES)))
  const dir = await mkdtemp(join(tmpdir(), 'flk-history-parts-'))
  try {
    const { header, files } = await dealOut(file, parts, dir)
    const sum = { keys: 0, operations: 0, acknowledged: 0, unknown: 0, findingsCount: 0 }
    const findings: Finding[] = []
    for (const part of files) {
      for (const [key, lines] of readPart(part)) {
        const judged = judgeKey(key, lines)
        sum.keys++
        sum.operations += judged.tally.calls
        sum.acknowledged += judged.tally.acknowledged
        sum.unknown += judged.tally.unknown
        sum.findingsCount += judged.findings.length
        for (const finding of judged.findings) if (findings.length < options.findingsMax) findings.push(finding)
      }
    }
    if (sum.acknowledged === 0) throw new Error(`${file} holds no acknowledged answer: there is nothing to vouch for`)
    return { header, ...sum, findings }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function dealOut(file: string, parts: number, dir: string): Promise<{ header: HeaderLine; files: string[] }> {
  const files = Array.from({ length: parts }, (_, i) => join(dir, `${i}.ndjson`))
  const descriptors = files.map((name) => openSync(name, 'w'))
  const buffers = new Array<string>(parts).fill('')
  let header: HeaderLine | undefined
  try {
    for await (const { line, text } of readHistory(file, (first) => (header = first))) {
      const part = Number.parseInt(line.key.slice(0, 8), 16) % parts
      buffers[part] += `${text}\n`
      if ((buffers[part] as string).length < BUFFERED_CHARS) continue
      writeSync(descriptors[part] as number, buffers[part] as string)
      buffers[part] = ''
    }
    for (const [part, rest] of buffers.entries()) writeSync(descriptors[part] as number, rest)
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor)
  }
  return { header: header as HeaderLine, files }
}

function readPart(file: string): Map<string, KeyLine[]> {
  const byKey = new Map<string, KeyLine[]>()
  for (const text of readFileSync(file, 'utf8').split('\n')) {
    if (text === '') continue
    const line = parseHistoryLine(text, file) as KeyLine
    const known = byKey.get(line.key)
    if (known) known.push(line)
    else byKey.set(line.key, [line])
  }
  return byKey
}
