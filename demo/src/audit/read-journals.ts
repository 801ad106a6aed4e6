/** Reads the journals of all agents in a folder (`*.jsonl`). A last line that was cut off by a kill is no statement and is left out. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AnswerLine, JournalLine, RefusedLine } from '../agents/journal.ts'
import type { SubmittedKey } from './evidence.ts'

export interface Journals {
  readonly files: number
  readonly submitted: ReadonlyMap<string, SubmittedKey>
  readonly answers: readonly AnswerLine[]
  readonly refused: readonly RefusedLine[]
}

/** @throws Error that names file and line of what is no journal line. */
export async function readJournals(dir: string): Promise<Journals> {
  const submitted = new Map<string, SubmittedKey & { contents: Set<string> }>()
  const answers: AnswerLine[] = []
  const refused: RefusedLine[] = []
  const files = (await readdir(dir)).filter((name) => name.endsWith('.jsonl')).sort()
  for (const name of files) {
    const lines = (await readFile(join(dir, name), 'utf8')).split('\n')
    for (const [i, text] of lines.entries()) {
      const torn = i === lines.length - 1
      if (text === '' || torn) continue
      const line = parseLine(text, `${name}:${i + 1}`)
      if (line.t === 'answer') answers.push(line)
      else if (line.t === 'refused') refused.push(line)
      else if (line.t === 'sent') {
        const known = submitted.get(line.key)
        if (known) known.contents.add(line.content)
        else submitted.set(line.key, { tenant: line.tenant, pcsId: line.pcs, contents: new Set([line.content]) })
      }
    }
  }
  return { files: files.length, submitted, answers, refused }
}

function parseLine(text: string, where: string): JournalLine {
  let line: unknown
  try {
    line = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${where} is not JSON`, { cause })
  }
  const t = (line as { t?: unknown } | null)?.t
  if (t !== 'sent' && t !== 'answer' && t !== 'refused' && t !== 'unanswered') throw new Error(`${where} is not a journal line`)
  return line as JournalLine
}
