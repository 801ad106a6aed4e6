/** What the command prints at its end: tables for people, one JSON object for machines. */

import { formatSlots } from '@fractal-lba/protocol/ring/slot-ranges'
import type { Plan } from '../../plan.ts'
import type { Progress } from '../../progress.ts'
import { bytesText, countText, durationText } from './quantities.ts'
import { table } from './table.ts'

export function planText(plan: Plan): string {
  if (plan.slots === 0) return 'Nothing to move: every slot is where the target list puts it.'
  const moves = table(
    [
      { title: 'FROM', value: (move) => move.source },
      { title: 'TO', value: (move) => move.target },
      { title: 'SLOTS', value: (move) => move.slots.length },
      { title: 'KEYS', value: (move) => move.keys },
      { title: 'SIZE', value: (move) => bytesText(move.bytes) },
    ],
    plan.moves,
  )
  const lines = [
    moves,
    '',
    `Migration   ${plan.id}`,
    `Plan        ${plan.planHash}`,
    `Moves       ${countText(plan.slots)} of 16,384 slots, about ${countText(plan.keys)} keys (${bytesText(plan.bytes)})`,
    `Copy takes  about ${durationText(plan.copySeconds * 1000)}`,
    ...(plan.leaving.length > 0 ? [`Leaving     ${plan.leaving.join(', ')} (will own nothing)`] : []),
    ...plan.warnings.map((warning) => `Warning     ${warning}`),
  ]
  return lines.join('\n')
}

export function planJson(plan: Plan): string {
  return JSON.stringify({
    ...plan,
    moves: plan.moves.map((move) => ({ ...move, slots: formatSlots(move.slots), slotCount: move.slots.length })),
  })
}

export function statusText(id: string, progress: Progress): string {
  const states = Object.entries(progress.slotsByState).map(([state, count]) => `${countText(count)} ${state}`)
  const lines: readonly (readonly [string, string])[] = [
    ['Migration', id],
    ['Phase', progress.phase],
    ['Slots', `${countText(progress.totalSlots)}: ${states.join(', ') || 'none moves'}`],
    ['Cut over', `${progress.cutoverPercent.toFixed(1)} %`],
    ['Copied', `about ${countText(progress.keysCopied)} of ${countText(progress.totalKeys)} keys`],
    ['Change log', `${countText(progress.backlog.keys)} keys, ${durationText(progress.backlog.lagMs)} behind`],
    ['Repaired', `${countText(progress.repaired)} keys`],
    ['Way back', wayBack(progress)],
    ['Certificate', progress.certificate?.contentId ?? 'none yet'],
    ...(progress.blocked ? [['Blocked', `${progress.blocked.reason}: ${progress.blocked.message}`] as const] : []),
  ]
  return lines.map(([name, value]) => `${name.padEnd(12)}${value}`).join('\n')
}

function wayBack(progress: Progress): string {
  if (progress.outcome === 'rolled-back') return 'taken'
  if (progress.pastNoReturn) return 'none: the point of no return is passed'
  return progress.reversible ? 'open: `rollback` loses nothing' : 'open, once the change log is applied'
}

export function progressJson(id: string, progress: Progress): string {
  const { slowdown: _slots, ...rest } = progress
  return JSON.stringify({ id, ...rest })
}
