/** `history`: what happened, from the object's decisions and the cluster's events, in one order. */
import type { Kubectl } from './kubectl.ts'
import { type Custom, refOf } from './objects.ts'

interface Entry {
  readonly at: string
  readonly kind: 'event' | 'decision'
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly text: string
  readonly count: number
}

interface SentEvent {
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly count?: number
  readonly eventTime?: string | null
  readonly lastTimestamp?: string | null
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | null
  readonly metadata?: { readonly creationTimestamp?: string }
}

export interface History {
  readonly entries: readonly Entry[]
}

export async function readHistory(kubectl: Kubectl, object: Custom): Promise<History> {
  const selector = `involvedObject.kind=${object.names.kind},involvedObject.name=${object.name}`
  const list = (await kubectl.json(['get', 'events', '-n', object.namespace, '--field-selector', selector])) as {
    items?: readonly SentEvent[]
  }
  const events = (list.items ?? []).map(entryOf)
  const decisions = (object.status?.decisions ?? []).map(
    ({ at, phase, action, reason, message }): Entry => ({
      at,
      kind: 'decision',
      type: 'Normal',
      reason,
      text: `${phase}: ${action}. ${message}`,
      count: 1,
    }),
  )
  // Times come with and without fractions of a second.
  return { entries: [...events, ...decisions].sort((a, b) => Date.parse(a.at) - Date.parse(b.at)) }
}

function entryOf(event: SentEvent): Entry {
  return {
    at: event.series?.lastObservedTime ?? event.eventTime ?? event.lastTimestamp ?? event.metadata?.creationTimestamp ?? '',
    kind: 'event',
    type: event.type === 'Warning' ? 'Warning' : 'Normal',
    reason: event.reason ?? '',
    text: event.message ?? '',
    count: event.series?.count ?? event.count ?? 1,
  }
}

export function historyText(object: Custom, { entries }: History): string {
  if (entries.length === 0)
    return `${refOf(object)} in ${object.namespace}: nothing has happened yet, or its events have expired.`
  return entries
    .map(({ at, kind, type, reason, text, count }) => {
      const mark = type === 'Warning' ? 'Warning ' : kind === 'decision' ? 'Decision' : 'Event   '
      return `${at.slice(0, 19)}Z  ${mark}  ${reason}${count > 1 ? ` (${count} times)` : ''}: ${text}`
    })
    .join('\n')
}
