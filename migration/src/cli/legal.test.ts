import type { MigrationId } from '@fractal-lba/shards/port'
import { describe, expect, it } from 'vitest'
import type { MigrationDocument } from '../document.ts'
import { type Verb, whyNotLegal } from './legal.ts'

const BASE = { id: 'm' as MigrationId, direction: 'forward', steps: [] } as unknown as MigrationDocument
const at = (change: Partial<MigrationDocument>): MigrationDocument => ({ ...BASE, ...change })

describe('an order', () => {
  it.each<[Verb, MigrationDocument | undefined, RegExp | undefined]>([
    ['run', undefined, undefined],
    ['copy', undefined, undefined],
    ['verify', undefined, /`copy` comes first/],
    ['verify', BASE, /not copied yet: `copy` comes before `verify`/],
    ['verify', at({ copiedAtMs: 1 }), undefined],
    ['dual-write', at({ copiedAtMs: 1 }), /not verified yet/],
    ['cutover', at({ copiedAtMs: 1, verifiedAtMs: 2 }), /not through its soak yet: `dual-write`/],
    ['cutover', at({ copiedAtMs: 1, verifiedAtMs: 2, soakedAtMs: 3 }), undefined],
    ['cleanup', at({ copiedAtMs: 1, verifiedAtMs: 2, soakedAtMs: 3, cutOverAtMs: 4 }), /not certified yet: `cutover`/],
    ['run', at({ direction: 'back' }), /on its way back: finish that with `rollback`/],
    ['rollback', undefined, /no migration to roll back/],
    ['rollback', at({ cleanupAtMs: 9 }), /past its point of no return: finish it with `cleanup`/],
    ['rollback', at({ copiedAtMs: 1 }), undefined],
    ['run', at({ outcome: 'rolled-back', direction: 'back' }), undefined],
    ['cutover', at({ outcome: 'rolled-back', direction: 'back' }), /is rolled back: begin it again/],
    ['verify', at({ outcome: 'completed' }), undefined],
  ])('%s is legal in its place only', (verb, document, refused) => {
    const why = whyNotLegal(verb, document)
    if (refused) expect(why).toMatch(refused)
    else expect(why).toBeUndefined()
  })
})
