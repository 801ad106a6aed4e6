/**
 * The checkers are themselves checked: each way in which a history can be wrong is put into a sound one by hand, and the command has to
 * end with 1. What a register knows of, Porcupine must see too, and both must name the same key.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GoPrograms } from '@fractal-lba/servers/go-programs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HistoryLine } from '../format/lines.ts'
import { contentOf, historyText, keyOf, type SoundHistory, soundHistory } from '../testing/sound-history.ts'
import type { Checked } from './check.ts'
import { type FindingKind, REGISTER_KINDS } from './judge-key.ts'
import { PORCUPINE } from './porcupine.ts'

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))
const VICTIM = 3
const KEY = keyOf(VICTIM)

type Line = SoundHistory['lines'][number]
/** Replaces the lines of the victim that `which` picks; by nothing where `by` gives undefined. */
const change =
  (which: (line: Line) => boolean, by: (line: Line) => Line | undefined) =>
  (lines: readonly Line[]): Line[] =>
    lines.flatMap((line) => (line.key === KEY && which(line) ? (by(line) ?? []) : [line]))
const is = (t: Line['t'], op?: string) => (line: Line) =>
  line.t === t && (op === undefined || ('op' in line && line.op.endsWith(op)))

const CORRUPTIONS: readonly (readonly [string, FindingKind, (lines: readonly Line[]) => Line[]])[] = [
  ['a lost record', 'lost', change(is('record'), () => undefined)],
  ['a changed byte in a record', 'record-contradicts', change(is('record'), (line) => ({ ...line, budget: 0.7 }) as Line)],
  [
    'a record about another content',
    'record-contradicts',
    change(is('record'), (line) => ({ ...line, content: 'nobodys' }) as Line),
  ],
  [
    "the loser's record",
    'record-contradicts',
    change(is('record'), (line) => ({ ...line, content: contentOf(VICTIM, 1), budget: 0.501 }) as Line),
  ],
  [
    'records of two keys in each other’s place',
    'record-contradicts',
    (lines) =>
      lines.map((line) =>
        line.t === 'record' && (line.key === KEY || line.key === keyOf(4))
          ? { ...line, key: line.key === KEY ? keyOf(4) : KEY }
          : line,
      ),
  ],
  ['an expiry that is wrong', 'expiry', change(is('record'), (line) => ({ ...line, expiresAtMs: 9000 }) as Line)],
  [
    'a doubled effect',
    'effects',
    (lines) => [...lines, { t: 'effect', key: KEY, content: contentOf(VICTIM, 2), origin: 'pod-2 9:9' }],
  ],
  ['an effect that never ran', 'effects', change(is('effect'), () => undefined)],
  ['an effect of the loser', 'effects', change(is('effect'), (line) => ({ ...line, content: contentOf(VICTIM, 1) }) as Line)],
  ['an effect of another entry', 'origin', change(is('effect'), (line) => ({ ...line, origin: 'pod-1 7:999' }) as Line)],
  ['two winners', 'two-winners', change(is('answer', '/3'), (line) => ({ ...line, budget: 0.503 }) as Line)],
  ['two outcomes of one winner', 'two-winners', change(is('answer', '/3'), (line) => ({ ...line, accepted: false }) as Line)],
  ['a winner that nobody sent', 'not-submitted', change(is('answer'), (line) => ({ ...line, budget: 0.9 }) as Line)],
  [
    'an answer about an attempt that was not made yet',
    'out-of-order',
    change(is('sent', '/2'), (line) => ({ ...line, us: 2150 }) as Line),
  ],
  [
    'a refusal of what is well-formed',
    'refused',
    change(is('unanswered'), (line) => ({ ...line, t: 'refused', pod: 'pod-1', message: '401' }) as unknown as Line),
  ],
]

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'flk-history-test-'))
  await new GoPrograms('history').ensure([PORCUPINE], console.warn)
}, 120_000)
afterAll(() => rm(dir, { recursive: true, force: true }))

async function check(text: string): Promise<{ code: number | null; checked: Checked | undefined; stderr: string }> {
  const file = join(dir, 'history.ndjson')
  await writeFile(file, text)
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, 'check', file, '--output', 'json'], { encoding: 'utf8' })
  return { code: status, checked: stdout === '' ? undefined : (JSON.parse(stdout) as Checked), stderr }
}

describe('npm run history -- check', { timeout: 60_000 }, () => {
  it('finds nothing in a sound history, whatever the order of its lines', async () => {
    const { lines } = soundHistory()
    for (const order of [lines, lines.toReversed()]) {
      const { code, checked, stderr } = await check(historyText(order))
      expect(code, stderr).toBe(0)
      expect(checked).toMatchObject({
        own: { keys: 6, operations: 24, acknowledged: 18, unknown: 6, findingsCount: 0 },
        porcupine: { keys: 6, operations: 24, badKeys: [], untold: [] },
        disagreements: [],
      })
    }
  })

  it('takes an unknown attempt for one that may have won, or not', async () => {
    const { lines } = soundHistory()
    // The fourth attempt, of which nobody heard, wins: then it is what later answers and the record are about.
    const won = change(is('sent', '/4'), (line) => ({ ...line, us: 1050 }) as Line)
    const told = change(
      (line) => line.t === 'answer' || line.t === 'record',
      (line) => ({ ...line, budget: 0.504, ...(line.t === 'record' && { content: contentOf(VICTIM, 4) }) }) as Line,
    )
    const effect = change(is('effect'), (line) => ({ ...line, content: contentOf(VICTIM, 4) }) as Line)
    const { code, checked } = await check(historyText(effect(told(won(lines)))))
    expect([code, checked?.own.findings, checked?.porcupine.badKeys]).toEqual([0, [], []])
  })

  it.each(CORRUPTIONS)('ends with 1 for %s', async (_what, kind, corrupt) => {
    const { code, checked, stderr } = await check(historyText(corrupt(soundHistory().lines) as HistoryLine[]))
    expect(code, stderr).toBe(1)
    const ofVictim = checked?.own.findings.filter(({ key }) => key === KEY).map((finding) => finding.kind)
    expect(ofVictim).toContain(kind)
    expect(checked?.disagreements).toEqual([])
    if (REGISTER_KINDS.has(kind)) expect(checked?.porcupine.badKeys).toContain(KEY)
  })

  it.each([
    ['that was cut off', (text: string) => text.slice(0, text.lastIndexOf('{"t":"end"')), /cut off/],
    ['with a line missing', (text: string) => text.replace(/\{"t":"effect".*\n/, ''), /the end line counts/],
    ['with half a line', (text: string) => text.replace('"tenant":"acme"', '"tenant":"ac'), /is not JSON/],
    ['of a later version', (text: string) => text.replace('"version":1', '"version":2'), /version 2/],
    ['with a call twice', (text: string) => text.replace('load/3/2', 'load/3/1'), /two lines of the kind sent/],
  ])('ends with 2 and says nothing about a history %s', async (_what, spoil, message) => {
    const { code, stderr } = await check(spoil(historyText(soundHistory().lines)))
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) })
  })
})
