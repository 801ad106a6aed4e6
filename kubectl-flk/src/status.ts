/** `status`: how objects stand, once or live. */

import { statusTable } from '@fractal-lba/operator/cli/status-table'
import { CommandFailed } from './exit.ts'
import { type Custom, refOf } from './objects.ts'
import type { Clock } from './verbs.ts'

export function statusText(objects: readonly Custom[], allNamespaces: boolean): string {
  if (objects.length === 0)
    return 'There is no ShardMigration, CRRPolicy or TieringPolicy here; kubectl flk status -A looks everywhere.'
  return statusTable(
    objects.map((object) => ({
      name: refOf(object),
      ...(allNamespaces ? { namespace: object.namespace } : {}),
      status: object.status,
    })),
  )
}

export const statusJson = (objects: readonly Custom[]): unknown =>
  objects.map(({ names, namespace, name, rawStatus }) => ({ kind: names.kind, namespace, name, status: rawStatus ?? null }))

/** As kstatus reads it: whether there is anything to wait for. */
export function stateOf({ status, generation }: Custom): 'done' | 'failed' | 'under way' {
  const is = (type: string) => status?.conditions.find((condition) => condition.type === type)?.status === 'True'
  if (!status || status.observedGeneration !== generation || is('Reconciling')) return 'under way'
  if (is('Stalled')) return 'failed'
  return is('Ready') ? 'done' : 'under way'
}

export interface Screen {
  readonly isTerminal: boolean
  write(text: string): void
}

const CLEAR = '\u001b[H\u001b[2J\u001b[3J'

/** So often in a row may the cluster not answer before watching ends: long enough for an API server that is restarted. */
const MAX_UNANSWERED = 120

/**
 * Reads again where the cluster does not answer for a while: what is watched at 3 a.m. is often what makes it so. The first read has to
 * succeed, since a wrong kubeconfig does not mend itself.
 */
export function readPatiently<T>(read: () => Promise<T>, say: (line: string) => void): () => Promise<T | undefined> {
  let unanswered = 0
  let succeeded = false
  return async () => {
    try {
      const result = await read()
      if (unanswered > 0) say('the cluster answers again')
      succeeded = true
      unanswered = 0
      return result
    } catch (error) {
      const passing = succeeded && error instanceof CommandFailed && error.ending === 'cluster' && unanswered < MAX_UNANSWERED
      if (!passing) throw error
      if (unanswered++ === 0) say(`the cluster does not answer, trying again: ${error.message}`)
      return undefined
    }
  }
}

/**
 * Shows the table again whenever it changes: in place on a terminal, else one below the other. Ends when what is watched needs no
 * further watching: `once` all of the objects are done or failed.
 */
export async function watchStatus(
  read: () => Promise<readonly Custom[] | undefined>,
  show: (objects: readonly Custom[]) => string,
  screen: Screen,
  clock: Clock,
  intervalSeconds: number,
): Promise<'done' | 'failed'> {
  let shown: string | undefined
  for (;;) {
    const objects = await read()
    if (objects === undefined) {
      await clock.sleep(intervalSeconds * 1000)
      continue
    }
    const text = show(objects)
    if (text !== shown) screen.write(screen.isTerminal ? `${CLEAR}${text}\n` : `${shown === undefined ? '' : '\n'}${text}\n`)
    shown = text
    const states = objects.map(stateOf)
    if (objects.length > 0 && !states.includes('under way')) return states.includes('failed') ? 'failed' : 'done'
    await clock.sleep(intervalSeconds * 1000)
  }
}
