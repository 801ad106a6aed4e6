/** What a user can do now, as commands to copy. Pure. */
import { SHARD_MIGRATION_KIND } from '@fractal-lba/operator/api/group'
import { type Custom, refOf } from './objects.ts'

export function nextSteps(object: Custom): string[] {
  const { status, spec } = object
  const ref = refOf(object)
  const flk = (verb: string) => `kubectl flk ${verb} ${ref} -n ${object.namespace}`
  if (!status)
    return [
      'see whether an operator runs: kubectl get pods -A -l app.kubernetes.io/name=fractal-lba-operator',
      'if one does, its log says why it has written no status: kubectl logs -n NAMESPACE POD',
    ]
  const awaits = status.conditions.some(({ reason }) => reason === 'AwaitingApproval')
  if (awaits) return [`approve it: ${flk('approve')} --plan ${status.planHash ?? 'HASH'}`, `or do without: ${flk('abort')}`]
  if (status.halt?.kind === 'Freeze') return [`fix the cause, then go on: ${flk('retry')}`, `or undo it: ${flk('abort')}`]
  if (status.phase === 'Failed' || status.phase === 'RolledBack') return [`fix the cause, then try again: ${flk('retry')}`]
  if (status.paused) return [`go on: ${flk('resume')}`]
  if (spec.paused === true) return ['go on: set spec.paused to false']
  if (status.phase === 'Completed' && object.names.kind !== SHARD_MIGRATION_KIND) return []
  if (status.phase === 'Completed') return [`see the proof: ${flk('report')}`]
  if (['Ready', 'Idle'].includes(status.phase)) return []
  return [`watch it: ${flk('status')} --watch`, `hold it: ${flk('pause')}`]
}
