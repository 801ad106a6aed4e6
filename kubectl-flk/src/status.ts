/** `status`: how objects stand, once or live. */
import { statusTable } from '@fractal-lba/operator/cli/status-table'
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

/**
 * Shows the table again whenever it changes: in place on a terminal, else one below the other. Ends when what is watched needs no
 * further watching: `once` all of the objects are done or failed.
 */
export async function watchStatus(
  read: () => Promise<readonly Custom[]>,
  show: (objects: readonly Custom[]) => string,
  screen: Screen,
  clock: Clock,
  intervalSeconds: number,
): Promise<'done' | 'failed'> {
  let shown: string | undefined
  for (;;) {
    const objects = await read()
    const text = show(objects)
    if (text !== shown) screen.write(screen.isTerminal ? `${CLEAR}${text}\n` : `${shown === undefined ? '' : '\n'}${text}\n`)
    shown = text
    const states = objects.map(stateOf)
    if (objects.length > 0 && !states.includes('under way')) return states.includes('failed') ? 'failed' : 'done'
    await clock.sleep(intervalSeconds * 1000)
  }
}
