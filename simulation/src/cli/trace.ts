/** What happened in a life, a line each: when, who, what, where; faults are marked. For people who look for the cause. */
import type { SlotRow } from '@fractal-lba/shards/port'
import type { SimulationEvent } from '../world/events.ts'
import type { Fault } from '../world/faults.ts'

const WHO_COLUMNS = 14

export function traceLine(event: SimulationEvent): string {
  const when = `${String(event.turn).padStart(6)}  ${(event.atMs / 1000).toFixed(3).padStart(8)} s`
  const { mark, who, what } = told(event)
  return `${when}  ${mark} ${who.padEnd(WHO_COLUMNS)} ${what}`
}

function told(event: SimulationEvent): { mark: string; who: string; what: string } {
  switch (event.kind) {
    case 'row':
      return {
        mark: '*',
        who: event.process,
        what: `${event.call}: slot ${event.slot} at ${event.shard} is ${rowText(event.after)}, was ${rowText(event.before)}`,
      }
    case 'call':
      return {
        mark: event.problem === undefined ? ' ' : '-',
        who: event.process,
        what: `${event.call} at ${event.shard}${event.problem === undefined ? '' : `: ${event.problem}`}`,
      }
    case 'fault':
      return { mark: '!', who: 'fault', what: faultText(event.fault) }
    case 'process':
      return { mark: event.what === 'died' ? '!' : ' ', who: event.process, what: event.what }
    case 'note':
      return { mark: ' ', who: event.process, what: event.text }
  }
}

export function faultText(fault: Fault): string {
  if ('at' in fault) return `${fault.kind} at ${fault.at}${fault.ms > 0 ? `, ${fault.ms} ms` : ''}`
  const between = fault.b === undefined ? fault.a : `${fault.a} and ${fault.b}`
  const size = fault.ms === undefined ? '' : `, by ${fault.ms} ms`
  return `${fault.kind} of ${between} at ${(fault.atMs / 1000).toFixed(3)} s${size}, for ${fault.forMs} ms`
}

function rowText(row: SlotRow | undefined): string {
  switch (row?.role) {
    case undefined:
      return 'unknown'
    case 'owned':
      return `owned (${row.generation}${row.capture ? `, captured for ${row.capture.to}` : ''})`
    case 'importing':
      return `importing from ${row.from} (${row.copy})`
    case 'released':
      return `released to ${row.to} (${row.generation}${row.migration === undefined ? ', cleaned up' : ''})`
  }
}
