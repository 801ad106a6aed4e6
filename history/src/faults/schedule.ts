/**
 * What goes wrong, and when: a pure function of a seed, without an end, since a run lasts as long as its operations take. The same seed gives
 * the same faults on the same targets in the same order; when exactly they meet which request is up to the machine.
 */
import { seeded } from '@fractal-lba/demo/agents/mix'

export const FAULT_KINDS = [
  'pod-killed',
  'pod-killed-in-write',
  'pod-disk-full',
  'pod-disk-fails',
  'pod-disk-slow',
  'pod-answers-lost',
  'pod-network-reset',
  'pod-network-slow',
  'shard-killed',
  'shard-power-cut',
  'shard-sync-fails',
  'shard-disk-full',
  'shard-sync-slow',
  'shard-network-cut',
  'shard-black-hole',
  'shard-replies-lost',
  'shard-network-slow',
  'operator-killed',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

export interface PlannedFault {
  readonly number: number
  /** After the start of the one before. */
  readonly afterMs: number
  readonly kind: FaultKind
  /** Index of the pod or shard. */
  readonly target: number
  readonly holdMs: number
  /** In [0, 1): how much of it, where a kind can be dosed. */
  readonly dose: number
}

export interface ScheduleOptions {
  readonly seed: number
  readonly kinds: readonly FaultKind[]
  readonly targets: number
  /** Between the starts of two, on average. */
  readonly gapMs: number
}

const HOLD_MS = { from: 300, to: 2500 } as const

export function* schedule({ seed, kinds, targets, gapMs }: ScheduleOptions): Generator<PlannedFault, never> {
  const random = seeded(seed)
  // Dealt from a deck, so that each kind comes once before any comes twice.
  let deck: FaultKind[] = []
  for (let number = 1; ; number++) {
    if (deck.length === 0) deck = [...kinds]
    const [kind] = deck.splice(Math.floor(random() * deck.length), 1)
    yield {
      number,
      afterMs: Math.round(gapMs * (0.5 + random())),
      kind: kind as FaultKind,
      target: Math.floor(random() * targets),
      holdMs: Math.round(HOLD_MS.from + random() * (HOLD_MS.to - HOLD_MS.from)),
      dose: random(),
    }
  }
}
