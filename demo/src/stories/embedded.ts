/**
 * The story of the embedded store: one verifier holds all records in its memory, so there are no shards to move slots between. What is to be
 * shown is that a kill loses nothing: the store is rebuilt from the log.
 */
import { loadUntil, type Stage, type Told } from './story.ts'

const DURATION_SECONDS = 20
const KILL_AFTER_SECONDS = 8

export async function tellEmbedded({ options, events, watch, pods }: Stage, loadStartedAtSeconds: number): Promise<Told> {
  const pod = pods[0]
  if (!pod) throw new Error('there is no verifier')
  events.info(
    'the memory store lives inside its one verifier, so there are no shards and nothing to reshard; instead the verifier will be killed',
  )
  const duration = options.durationSeconds ?? DURATION_SECONDS
  await loadUntil(watch, loadStartedAtSeconds + Math.min(KILL_AFTER_SECONDS, duration / 2))
  events.warn(`${pod.name} (pid ${pod.process?.pid}) is killed, and with it everything it held in memory`)
  const killedAt = performance.now()
  await pod.killAndRestart()
  events.good(`${pod.name} is back after ${((performance.now() - killedAt) / 1000).toFixed(1)} s, its store rebuilt from its log`)
  await loadUntil(watch, loadStartedAtSeconds + duration)
  await watch.end('the run is over')
  return { migration: undefined, settled: true, problems: [] }
}
