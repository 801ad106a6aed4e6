/** One moment as lines for a terminal of a given width. Pure; `tty.ts` puts them on the screen. */
import { stripVTControlCharacters, styleText } from 'node:util'
import { SHARD_MARKS, slotColumns, slotShares } from './slot-map.ts'
import type { GateReading, PodState, Snapshot } from './snapshot.ts'

const PHASES = ['Pending', 'Planning', 'Copying', 'Verifying', 'DualWrite', 'Cutover', 'Cleanup', 'Completed']
const SHARD_COLOURS = ['blue', 'magenta', 'cyan', 'yellow', 'green', 'red'] as const
const BAR_WIDTH = 40

type Style = Parameters<typeof styleText>[0]
const paint = (style: Style, text: string) => styleText(style, text, { validateStream: false })

export function drawFrame(snapshot: Snapshot, columns: number): string[] {
  const { load, pods, migration, slotOwners } = snapshot
  const lines = [
    '',
    label(
      'load',
      `${rate(load.requestsPerSecond)} of ${load.targetRate}/s   p95 ${ms(load.p95Ms)}   answered ${count(load.answered)}   in flight ${load.inFlight}   repeated ${load.repeated}${load.held > 0 ? `   held back ${load.held}` : ''}`,
    ),
    label('pods', pods.map(drawPod).join('   ')),
  ]
  if (migration) {
    lines.push(
      label('phase', drawPhases(migration.phase)),
      label(
        'done',
        `${bar(migration.percentage)} ${migration.percentage.toFixed(0).padStart(3)} %   ${count(migration.keysCopied)} keys copied (planned ${count(migration.totalKeys)})   ${rate(migration.keysPerSecond)} keys/s`,
      ),
      label('gates', migration.gates.length > 0 ? migration.gates.map(drawGate).join('   ') : paint('dim', 'not measured yet')),
    )
  }
  if (slotOwners) lines.push(label('slots', drawSlots(slotOwners, Math.max(16, Math.min(64, columns - 40)))))
  if (migration) lines.push(label('says', migration.message))
  return lines.map((line) => cut(line, columns))
}

function label(name: string, text: string): string {
  return `${paint('dim', name.padStart(7))}  ${text}`
}

function drawPod({ name, state, requestsPerSecond, p95Ms }: PodState): string {
  const mark = state === 'ready' ? paint('green', '●') : state === 'down' ? paint('red', '✗') : paint('yellow', '○')
  return state === 'ready' ? `${mark} ${name} ${rate(requestsPerSecond)}/s p95 ${ms(p95Ms)}` : `${mark} ${name} ${state}`
}

function drawPhases(phase: string): string {
  const at = PHASES.indexOf(phase)
  if (at < 0) return paint(phase === 'Completed' ? 'green' : 'red', phase)
  return PHASES.map((name, i) =>
    i === at ? paint(['bold', name === 'Completed' ? 'green' : 'cyan'], name) : paint('dim', i < at ? `${name} ✓` : name),
  ).join(paint('dim', ' → '))
}

function drawGate({ name, outcome, value, threshold, unit }: GateReading): string {
  const style: Style = outcome === 'Pass' ? 'green' : outcome === 'Fail' ? 'red' : 'yellow'
  const reading = value === undefined ? '' : ` ${value.toFixed(1)}`
  return `${paint(style, outcome)} ${name}${reading} (limit ${threshold}${unit && ` ${unit}`})`
}

function drawSlots(owners: Int8Array, width: number): string {
  const map = slotColumns(owners, width)
    .map(({ shard, whole }) =>
      shard < 0 ? paint('red', '·') : paint(whole ? shardColour(shard) : ['dim', shardColour(shard)], SHARD_MARKS[shard] ?? '+'),
    )
    .join('')
  const shards = Math.max(...owners) + 1
  return `${map}  ${slotShares(owners, shards)
    .map((n, i) => paint(shardColour(i), `${i + 1}: ${n}`))
    .join(' ')}`
}

function shardColour(shard: number): (typeof SHARD_COLOURS)[number] {
  return SHARD_COLOURS[shard % SHARD_COLOURS.length] as (typeof SHARD_COLOURS)[number]
}

function bar(percentage: number): string {
  const full = Math.round((Math.min(100, Math.max(0, percentage)) * BAR_WIDTH) / 100)
  return paint('cyan', '█'.repeat(full)) + paint('dim', '░'.repeat(BAR_WIDTH - full))
}

/** Cuts to the width of the terminal; a line that wraps would break the redrawing of the frame. */
export function cut(line: string, columns: number): string {
  if (stripVTControlCharacters(line).length <= columns) return line
  let visible = 0
  let out = ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith('\x1b[')) out += part
    else {
      out += part.slice(0, Math.max(0, columns - visible))
      visible += part.length
    }
  }
  return out
}

export const rate = (perSecond: number) => perSecond.toFixed(0)
export const ms = (value: number | undefined) =>
  value === undefined ? '–' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
export const count = (n: number) => n.toLocaleString('en-US')
