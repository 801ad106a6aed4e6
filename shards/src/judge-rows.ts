/** Judges the rows that a control call names, and gathers what is to be written. All or nothing: the first illegal row refuses the call. */
import type { SlotId } from '@fractal-lba/protocol/ring/slots'
import { type ShardId, ShardRefused, type SlotRow } from './port.ts'
import { describeRow, type SlotRule } from './slot-rules.ts'

export interface RowChange {
  readonly slot: SlotId
  readonly before: SlotRow | undefined
  readonly after: SlotRow | undefined
}

/** @throws ShardRefused naming the first slot that is not in a state that the rule allows. */
export function judgeRows(
  shard: ShardId,
  rule: SlotRule,
  slots: readonly SlotId[],
  rowOf: (slot: SlotId) => SlotRow | undefined,
): RowChange[] {
  const changes: RowChange[] = []
  for (const slot of new Set(slots)) {
    const before = rowOf(slot)
    const verdict = rule.judge(slot, before)
    if (verdict.kind === 'illegal') throw refusal(shard, rule, slot, describeRow(before))
    if (verdict.kind === 'set') changes.push({ slot, before, after: verdict.row })
  }
  return changes
}

export function refusal(shard: ShardId, rule: { call: string; needs: string }, slot: SlotId, is: string): ShardRefused {
  return new ShardRefused(shard, rule.call, { kind: 'illegal', slot, needs: rule.needs, is })
}
