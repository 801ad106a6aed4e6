/**
 * Keeps the migration's document at every shard: one writer, changes in order, each at all shards before the next. A crash between two
 * shards leaves two revisions, of which the higher counts; what a document says was done is done before it is written.
 *
 * No two documents have one revision. So after a write that did not succeed everywhere nothing is written until its calls are fenced and
 * the shards were looked at again: the next change, made without knowing whether anyone has that revision, would take the same one, and
 * where a late call then replaced it at a shard, what it said would be forgotten.
 */
import { changed, type DocumentChange, encodeDocument, type MigrationDocument } from './document.ts'
import type { FleetLease } from './lease/fleet-lease.ts'
import type { Controls } from './observe.ts'

export class Ledger {
  #document: MigrationDocument | undefined
  #last: Promise<void> = Promise.resolve()
  /** Of the write that did not succeed everywhere. */
  #failed: { readonly error: unknown } | undefined
  readonly #controls: Controls
  readonly #lease: FleetLease

  constructor(controls: Controls, lease: FleetLease) {
    this.#controls = controls
    this.#lease = lease
  }

  /** What the shards said last; the base of the next change. */
  seen(document: MigrationDocument): void {
    if (!this.#document || document.revision > this.#document.revision) this.#document = document
  }

  /** Whether a write failed, and may be at some shards and not at others. */
  get inDoubt(): boolean {
    return this.#failed !== undefined
  }

  /** No call made so far can arrive any more; the shards are looked at before the next change. */
  fenced(): void {
    this.#failed = undefined
  }

  get document(): MigrationDocument {
    if (!this.#document) throw new Error('the migration has no document yet')
    return this.#document
  }

  /** `change` is made from the document as it is when its turn comes. */
  update(change: (document: MigrationDocument) => DocumentChange): Promise<void> {
    return this.#inTurn(async () => {
      const next = changed(this.document, change(this.document))
      await this.#write(next)
      this.#document = next
    })
  }

  /** The first revision. */
  create(document: MigrationDocument): Promise<void> {
    return this.#inTurn(async () => {
      await this.#write(document)
      this.#document = document
    })
  }

  async #write(document: MigrationDocument): Promise<void> {
    if (this.#failed) throw this.#failed.error
    const text = encodeDocument(document)
    const fence = this.#lease.fence(document.id)
    try {
      await Promise.all([...this.#controls.values()].map((control) => control.putMigration(fence, text)))
    } catch (error) {
      this.#failed = { error }
      throw error
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work, work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
