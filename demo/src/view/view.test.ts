import { stripVTControlCharacters } from 'node:util'
import { expect, it } from 'vitest'
import { cut, drawFrame } from './frame.ts'
import { LinesView } from './lines.ts'
import { slotColumns } from './slot-map.ts'
import type { Snapshot } from './snapshot.ts'
import { TtyView } from './tty.ts'

const moment: Snapshot = {
  elapsedMs: 12_300,
  load: { targetRate: 600, requestsPerSecond: 598.4, answered: 7312, p95Ms: 8.25, inFlight: 4, repeated: 0, held: 0 },
  pods: [
    { name: 'pod-1', state: 'ready', requestsPerSecond: 300, p95Ms: 7 },
    { name: 'pod-2', state: 'down', requestsPerSecond: 0, p95Ms: undefined },
  ],
  migration: {
    phase: 'Copying',
    percentage: 50,
    keysCopied: 1200,
    totalKeys: 2400,
    keysPerSecond: 910,
    ended: undefined,
    message: 'copying',
    gates: [{ name: 'latencyP95', outcome: 'Pass', value: 7.5, threshold: 200, unit: 'ms' }],
  },
  slotOwners: Int8Array.from({ length: 16384 }, (_, slot) => (slot < 8192 ? 0 : slot < 12288 ? 1 : -1)),
}

it('draws phase, progress, rates, gates and the slot map, no line wider than the terminal', () => {
  for (const columns of [60, 100, 200]) {
    const lines = drawFrame(moment, columns).map(stripVTControlCharacters)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns)
  }
  const text = drawFrame(moment, 200).map(stripVTControlCharacters).join('\n')
  for (const part of [
    '598 of 600/s',
    'p95 8.3 ms',
    '✗ pod-2 down',
    '1,200 keys copied (planned 2,400)',
    'Pass latencyP95 7.5 (limit 200 ms)',
    '1: 8192 2: 4096',
  ])
    expect(text).toContain(part)
})

it('shows each share of the slots as the shard that owns most of it', () => {
  const columns = slotColumns(moment.slotOwners as Int8Array, 8)
  expect(columns.map(({ shard }) => shard)).toEqual([0, 0, 0, 0, 1, 1, -1, -1])
  expect(slotColumns(moment.slotOwners as Int8Array, 3).map(({ whole }) => whole)).toEqual([true, false, false])
})

it('keeps styles whole when it cuts a line', () => {
  expect(cut('\x1b[31mabcdef\x1b[39m', 3)).toBe('\x1b[31mabc\x1b[39m')
})

it('draws a frame over the one before and lets events scroll by above it', () => {
  let written = ''
  const view = new TtyView(
    {
      columns: 100,
      write: (text) => {
        written += text
      },
    },
    0,
  )
  view.show(moment)
  const height = drawFrame(moment, 100).length
  written = ''
  view.event({ atMs: 61_000, level: 'warning', text: 'pod-2 was killed' })
  expect(written.startsWith(`\x1b[${height}A\r\x1b[0J`)).toBe(true)
  expect(stripVTControlCharacters(written)).toContain('01:01  pod-2 was killed\n')
  written = ''
  view.close()
  expect(written).toBe('\x1b[?25h')
})

it('writes plain lines to a pipe: readings when the phase changes and every few seconds, events at once', () => {
  const lines: string[] = []
  const view = new LinesView((line) => lines.push(line), 0)
  view.show(moment)
  view.show({ ...moment, elapsedMs: 12_500 })
  view.show({
    ...moment,
    elapsedMs: 12_600,
    migration: { ...(moment.migration as NonNullable<Snapshot['migration']>), phase: 'Verifying' },
  })
  view.event({ atMs: 13_000, level: 'bad', text: 'pod-2 ended' })
  expect(lines).toHaveLength(3)
  expect(lines[0]).toContain('00:12  598 req/s, p95 8.3 ms, 7,312 answered | Copying 50 %')
  expect(lines[2]).toBe('00:13  !! pod-2 ended')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is tested
  expect(lines.join('')).not.toMatch(/\x1b/)
})
