/** Applies a batch, and stops everything when the target holds another record than the source: nobody but us may write there. */
import type { ApplyResult, RecordBatch, ShardId } from '@fractal-lba/shards/port'
import { MigrationStopped } from '../stopped.ts'
import { controlOf, fenceOf, type PhaseContext } from './context.ts'

export async function applyAt(context: PhaseContext, target: ShardId, batch: RecordBatch): Promise<ApplyResult> {
  const result = await controlOf(context, target).apply(fenceOf(context), batch)
  const [first] = result.conflicts
  if (first) {
    const more = result.conflicts.length > 1 ? ` and ${result.conflicts.length - 1} more` : ''
    throw new MigrationStopped(
      'Intruder',
      `${target} holds another record for key ${first.toString('hex')}${more} than the shard that owns it: something else writes into slots that are being moved`,
    )
  }
  return result
}
