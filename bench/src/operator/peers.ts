/**
 * What others make of the same: the informers of @kubernetes/client-node on the same objects, and a queue that works off one event after the
 * other on the same events. Each informer is a process of its own.
 */
import { systemClock } from '@fractal-lba/operator/runtime/clock'
import { WorkQueue } from '@fractal-lba/operator/runtime/work-queue'
import type { Figure } from '../measure.ts'
import { startChild } from './child.ts'
import type { InformerFigures } from './informer.ts'
import type { Scene } from './scene.ts'

const EVENTS = 10_000
const KEYS = 1_000

async function informer(scene: Scene, kind: 'ours' | 'client-node'): Promise<InformerFigures> {
  const child = startChild('bench/src/operator/informer.ts', [kind, scene.plane.kubeconfig], {})
  try {
    return JSON.parse(await child.line('stdout', (line) => line.startsWith('{'))) as InformerFigures
  } finally {
    await child.stop()
  }
}

export async function compareInformers(scene: Scene, say: (line: string) => void): Promise<Figure[]> {
  say('operator: caches, and the informers of @kubernetes/client-node ...')
  const ours = await informer(scene, 'ours')
  const theirs = await informer(scene, 'client-node')
  const figure = (what: string, unit: string, of: keyof InformerFigures, atMost: number): Figure => ({
    name: `caches: ${what}`,
    value: ours[of],
    unit,
    ceiling: { name: 'client-node 2.0.1 informers', value: theirs[of] },
    wanted: { atMost },
  })
  return [
    figure('start until all objects are there, modules loaded', 'ms', 'syncMs', 1),
    figure('write → handler, p50', 'ms', 'eventMs', 1.1),
    figure('resident memory of the process', 'MiB', 'residentMiB', 1),
  ]
}

/** Work that takes a turn of the event loop, as any that asks a server does. */
const work = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A burst, as a rollout makes it: each key changes ten times before anybody gets to it. */
export async function measureQueue(): Promise<Figure> {
  let runs = 0
  const idle = Promise.withResolvers<void>()
  const queue = new WorkQueue({
    clock: systemClock,
    onError: (_, error) => idle.reject(error),
    reconcile: async () => {
      await work()
      runs++
      if (queue.depth === 0) setImmediate(() => queue.running.size === 0 && idle.resolve())
      return { kind: 'done' }
    },
  })
  const sinceMs = performance.now()
  for (let n = 0; n < EVENTS; n++) queue.add(`key-${n % KEYS}`)
  await idle.promise
  const tookMs = performance.now() - sinceMs
  await queue.stop()
  return {
    name: `work queue: reconciles for ${EVENTS} events on ${KEYS} keys`,
    value: runs,
    unit: 'runs',
    ceiling: { name: 'keys', value: KEYS },
    wanted: { atMost: 1.01 },
    note: `${tookMs.toFixed(0)} ms; a queue that calls for each event, in order, makes ${EVENTS}`,
  }
}
