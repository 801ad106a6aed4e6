/** Which kinds of fault a run can have on this machine with this store. What is left out is said, never left out silently. */
import { FAULT_KINDS, type FaultKind } from '../faults/schedule.ts'
import type { Backend } from '../fleet/shards.ts'

const NEED_STRACE: ReadonlySet<FaultKind> = new Set([
  'pod-killed-in-write',
  'pod-disk-full',
  'pod-disk-fails',
  'pod-disk-slow',
  'shard-power-cut',
  'shard-sync-fails',
  'shard-disk-full',
  'shard-sync-slow',
])

export interface ChosenKinds {
  readonly kinds: readonly FaultKind[]
  /** Sentences. */
  readonly leftOut: readonly string[]
}

export function chooseKinds(backend: Backend, noStrace: string | undefined): ChosenKinds {
  const leftOut: string[] = []
  let kinds: readonly FaultKind[] = FAULT_KINDS
  // Its log is written in place over recycled files, so a length cannot tell what was synced.
  if (backend === 'postgres') kinds = kinds.filter((kind) => kind !== 'shard-power-cut')
  if (noStrace !== undefined) {
    kinds = kinds.filter((kind) => !NEED_STRACE.has(kind))
    leftOut.push(`no disk fails in this run: ${noStrace}`)
  }
  return { kinds, leftOut }
}
