/** Which orders are legal now (pure). A refusal says what to do instead. */
import { MILESTONES, type Milestone, milestoneOf } from '../decide.ts'
import type { MigrationDocument } from '../document.ts'

export type Verb = 'copy' | 'verify' | 'dual-write' | 'cutover' | 'cleanup' | 'rollback' | 'run'

/** What has to be done before a verb, and which verb does it. */
const NEEDS: Partial<Record<Verb, { readonly milestone: Milestone; readonly by: Verb }>> = {
  verify: { milestone: 'copied', by: 'copy' },
  'dual-write': { milestone: 'verified', by: 'verify' },
  cutover: { milestone: 'soaked', by: 'dual-write' },
  cleanup: { milestone: 'certified', by: 'cutover' },
}

/** @returns why the order is refused; undefined when it is legal, also when it was carried out before. */
export function whyNotLegal(verb: Verb, document: MigrationDocument | undefined): string | undefined {
  if (verb === 'rollback') return whyNoRollback(document)
  const needs = NEEDS[verb]
  if (!document) return needs && `nothing is copied yet: \`copy\` comes first, or \`run\` does everything`
  if (document.outcome === 'completed') return undefined
  if (document.outcome === 'rolled-back')
    return needs && `migration ${document.id} is rolled back: begin it again with \`copy\` or \`run\``
  if (document.direction === 'back') return `migration ${document.id} is on its way back: finish that with \`rollback\``
  if (!needs || reached(document, needs.milestone)) return undefined
  return `migration ${document.id} is not ${describe(needs.milestone)} yet: \`${needs.by}\` comes before \`${verb}\``
}

function whyNoRollback(document: MigrationDocument | undefined): string | undefined {
  if (!document) return 'there is no migration to roll back'
  if (document.cleanupAtMs === undefined) return undefined
  return `migration ${document.id} is past its point of no return: ${document.outcome === 'completed' ? '' : 'finish it with `cleanup`, then '}go back with a new migration that has the source list as --to`
}

function reached(document: MigrationDocument, wanted: Milestone): boolean {
  const milestone = milestoneOf(document)
  return milestone !== undefined && MILESTONES.indexOf(milestone) >= MILESTONES.indexOf(wanted)
}

function describe(milestone: Milestone): string {
  return milestone === 'soaked' ? 'through its soak' : milestone
}
