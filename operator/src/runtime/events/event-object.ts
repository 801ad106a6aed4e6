/** An event of `events.k8s.io/v1`, and what of two reports makes them repeats of one. */
import type { KubeObject, ResourceType } from '../client/objects.ts'
import { microTime } from '../micro-time.ts'

export interface ObjectReference {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid?: string
  readonly resourceVersion?: string
}

export interface EventObject extends KubeObject {
  readonly eventTime: string
  readonly reportingController: string
  readonly reportingInstance: string
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly action: string
  readonly note: string
  readonly regarding: ObjectReference
  readonly related?: ObjectReference
  readonly series?: { readonly count: number; readonly lastObservedTime: string }
}

export const EVENT: ResourceType<EventObject> = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

/** What a controller reports. */
export interface Report {
  readonly regarding: ObjectReference
  readonly related?: ObjectReference
  readonly type: 'Normal' | 'Warning'
  /** Why, UpperCamelCase, from a fixed set. At most 128 characters. */
  readonly reason: string
  /** What was done or tried, UpperCamelCase. At most 128 characters. */
  readonly action: string
  /** For people. Cut at 1 kB. */
  readonly note: string
}

/** The API server's limit. */
const MAX_NOTE_BYTES = 1024
const MAX_WORD_CHARACTERS = 128

/**
 * Reports with equal keys are one event. The note counts too: a reading that differs is news, and the API server lets nobody change the
 * note of an event that is there.
 */
export function seriesKey(report: Report): string {
  const { regarding, related, type, reason, action, note } = report
  return JSON.stringify([
    regarding.uid,
    regarding.kind,
    regarding.namespace,
    regarding.name,
    related?.uid,
    related?.name,
    type,
    reason,
    action,
    note,
  ])
}

/** An event lies where its object does; where that has no namespace, in `default`. */
export function namespaceOf({ regarding }: Report): string {
  return regarding.namespace ?? 'default'
}

export function eventOf(
  report: Report,
  by: { readonly controller: string; readonly instance: string; readonly nowMs: number; readonly name: string },
): EventObject {
  const { regarding, related, type } = report
  return {
    metadata: { name: by.name, namespace: namespaceOf(report) },
    eventTime: microTime(by.nowMs),
    reportingController: by.controller,
    reportingInstance: by.instance.slice(0, MAX_WORD_CHARACTERS),
    type,
    reason: report.reason.slice(0, MAX_WORD_CHARACTERS),
    action: report.action.slice(0, MAX_WORD_CHARACTERS),
    note: cut(report.note, MAX_NOTE_BYTES),
    regarding,
    ...(related && { related }),
  }
}

/** To at most so many bytes of UTF-8, at the end of a character, with a sign that it was cut. */
function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text
  let bytes = Buffer.from(text).subarray(0, maxBytes - Buffer.byteLength('…'))
  // 10xxxxxx continues a character: the cut is in the middle of it as long as what follows continues.
  const all = Buffer.from(text)
  while (((all[bytes.length] ?? 0) & 0xc0) === 0x80) bytes = bytes.subarray(0, -1)
  return `${bytes.toString('utf8')}…`
}
