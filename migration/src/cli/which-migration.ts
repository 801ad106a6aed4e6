/** Which migration an order is about: the one named, else the one under way at these shards, else a new one named after its plan. */
import type { MigrationId, ShardDescription, ShardId } from '@fractal-lba/shards/port'
import { documentsOf, type MigrationDocument, unfinished } from '../document.ts'
import { type MigrationSpec, planHash } from '../plan.ts'
import { CommandFailed, EXIT } from './exit-codes.ts'
import { type Options, usage } from './options.ts'

export interface Chosen {
  readonly spec: MigrationSpec
  readonly document: MigrationDocument | undefined
}

/** @returns undefined when there is none and no target was given to make one from. */
export function chooseMigration(options: Options, descriptions: readonly ShardDescription[]): Chosen | undefined {
  const documents = documentsOf(descriptions)
  const [running] = unfinished(documents.values())
  const document = options.id === undefined ? running : documents.get(options.id as MigrationId)
  if (document) return { spec: specOf(document, options), document }
  const to = options.to.map(({ id }) => id)
  if (to.length === 0) return undefined
  const from = options.from.map(({ id }) => id)
  const unnamed = { id: '' as MigrationId, from, to, vnodes: options.vnodes }
  const id = (options.id ?? `m-${planHash(unnamed, descriptions)}`) as MigrationId
  const known = documents.get(id)
  return { spec: { ...unnamed, id }, document: known }
}

/** The migration to speak of when nothing is to be done: the one named, else the one under way, else the last. */
export function latestMigration(options: Options, descriptions: readonly ShardDescription[]): MigrationDocument | undefined {
  const documents = documentsOf(descriptions)
  if (options.id !== undefined) return documents.get(options.id as MigrationId)
  const [running] = unfinished(documents.values())
  return running ?? [...documents.values()].sort((a, b) => b.createdAtMs - a.createdAtMs)[0]
}

/** What is recorded counts; the command line has to fit it. */
function specOf(document: MigrationDocument, options: Options): MigrationSpec {
  const to = options.to.map(({ id }) => id)
  if (to.length > 0 && !sameSet(to, document.to))
    throw new CommandFailed(
      EXIT.refused,
      `migration ${document.id} is under way to ${document.to.join(', ')}, not to ${to.join(', ')}: finish it or roll it back first`,
    )
  const given = new Set<ShardId>(options.shards.map(({ id }) => id))
  const absent = [...document.from, ...document.to].filter((id) => !given.has(id))
  if (absent.length > 0)
    throw usage(`migration ${document.id} needs the addresses of ${[...new Set(absent)].join(', ')} too, in --from or --to`)
  return { id: document.id, from: document.from, to: document.to, vnodes: document.vnodes }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item))
}
