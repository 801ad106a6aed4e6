/** What a run came past, counted: a check that never meets what it is for shows nothing. */

export const SIGHTS = [
  'pod started again',
  'entry run again after a start',
  'torn tail cut',
  'log full',
  'log failed',
  'old segment deleted',
  'put sent on to another shard',
  'put left for later',
  'duplicate',
  'equivocation',
  'decided again after its expiry',
  'submission repeated',
  'call of a deposed one refused',
  'lease held by another',
  'two lead at once',
  'stale observation',
  'write from an old version refused',
  'slot switched',
  'slot switched back',
  'migration tried again',
  'gates failed',
  'certificate',
] as const
export type Sight = (typeof SIGHTS)[number]

export class Seen {
  readonly counts = new Map<Sight, number>()

  add(sight: Sight, count = 1): void {
    if (count > 0) this.counts.set(sight, (this.counts.get(sight) ?? 0) + count)
  }
}
