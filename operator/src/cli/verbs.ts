/** The verbs of the command line: each sets the annotation that the operator then takes, as `kubectl annotate` would in a cluster. */
import { annotationOf, type Verb } from '../api/group.ts'
import { setAnnotation } from '../local/annotations.ts'
import { ManifestFolder } from '../local/folder.ts'
import { readStatus } from '../local/status-file.ts'
import type { Clock } from '../runtime/clock.ts'

export interface VerbOrder {
  readonly folder: string
  readonly name: string
  readonly verb: Verb
  /** Of `approve`: the plan that is approved; undefined: the one in status. */
  readonly plan: string | undefined
}

/** @returns what was done, for people. @throws Error that says why it cannot be done. */
export async function giveVerb({ folder, name, verb, plan }: VerbOrder, clock: Clock): Promise<string> {
  const manifests = new ManifestFolder(folder, clock, () => undefined)
  await manifests.rescan()
  const object = manifests.content.objects.get(name)
  if (!object) throw new Error(`there is no ShardMigration "${name}" in ${folder}`)
  const value = verb === 'approve' ? (plan ?? (await currentPlan(folder, name))) : new Date(clock.now()).toISOString()
  await setAnnotation({ folder, file: object.file, name }, annotationOf(verb), value)
  return `${annotationOf(verb)}: ${value} set on ${name}; its status says what became of it`
}

async function currentPlan(folder: string, name: string): Promise<string> {
  const hash = (await readStatus(folder, name))?.status?.planHash
  if (!hash) throw new Error(`${name} has no plan yet: start the operator on ${folder}, and approve once its status shows one`)
  return hash
}
