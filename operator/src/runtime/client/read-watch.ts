/**
 * Reads a watch's body: one JSON object a line. Ends when the server ends it. Every other ending is an error: silence beyond the limit,
 * a reset, a line that is no event, an ERROR event (as `ApiError` with the status that the server gave, e.g. 410).
 */
import type { IncomingMessage } from 'node:http'
import { apiErrorOf, TransportError } from './api-error.ts'
import type { KubeObject, WatchEvent } from './objects.ts'

/** Longest line. etcd takes objects up to 1.5 MB; as JSON with escapes they may be several times as long. */
const MAX_LINE_BYTES = 16 << 20
const NEWLINE = 0x0a

export async function* readWatch<T extends KubeObject>(
  body: IncomingMessage,
  doing: string,
  inactivityMs: number,
): AsyncGenerator<WatchEvent<T>, void> {
  let silence: NodeJS.Timeout | undefined
  const heard = () => {
    clearTimeout(silence)
    silence = setTimeout(() => body.destroy(new Error(`no byte within ${inactivityMs} ms`)), inactivityMs)
  }
  let rest: Buffer[] = []
  let restBytes = 0
  heard()
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      heard()
      let from = 0
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
        const line = Buffer.concat([...rest, chunk.subarray(from, at)])
        rest = []
        restBytes = 0
        from = at + 1
        if (line.length > 0) yield eventOf<T>(line, doing)
      }
      // While we were away with an event, silence on the wire was ours.
      heard()
      rest.push(chunk.subarray(from))
      restBytes += chunk.length - from
      if (restBytes > MAX_LINE_BYTES) throw new TransportError(doing, `an event is longer than ${MAX_LINE_BYTES} bytes`)
    }
    if (restBytes > 0) throw new TransportError(doing, 'the stream ended in the middle of an event')
  } catch (error) {
    if (error instanceof Error && (error.name === 'ApiError' || error.name === 'TransportError')) throw error
    throw new TransportError(doing, error instanceof Error ? error.message : String(error), { cause: error })
  } finally {
    clearTimeout(silence)
    body.destroy()
  }
}

function eventOf<T extends KubeObject>(line: Buffer, doing: string): WatchEvent<T> {
  let event: { readonly type?: unknown; readonly object?: unknown }
  try {
    event = JSON.parse(line.toString('utf8'))
  } catch {
    throw new TransportError(doing, 'a line of the stream is not JSON')
  }
  if (event?.type === 'ERROR') throw apiErrorOf(doing, 200, event.object)
  const object = event?.object as T | undefined
  const metadata = object?.metadata
  if (typeof metadata !== 'object' || metadata === null || typeof metadata.resourceVersion !== 'string') {
    throw new TransportError(doing, 'a line of the stream is not a watch event')
  }
  switch (event.type) {
    case 'BOOKMARK':
      return { type: 'BOOKMARK', resourceVersion: metadata.resourceVersion }
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (typeof metadata.name !== 'string') throw new TransportError(doing, 'a watch event names no object')
      return { type: event.type, object: object as T }
    default:
      throw new TransportError(doing, `a watch event has the unknown type ${JSON.stringify(event.type)}`)
  }
}
