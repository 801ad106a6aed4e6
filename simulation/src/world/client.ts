/** An agent: submits summaries, each until it has an answer, at whichever pod; new ones, the same again, and others under the same id. */
import { bodyOf, CONTENTS, type Subject } from './corpus.ts'
import type { CallRates } from './faults.ts'
import type { History } from './history.ts'
import type { Network } from './network.ts'
import type { PodAnswer, SimulatedPod } from './pod.ts'
import type { Process } from './process.ts'
import { chance, pick, type Random } from './random.ts'
import type { Seen } from './seen.ts'

export interface ClientParts {
  readonly process: Process
  readonly network: Network
  readonly pods: readonly SimulatedPod[]
  readonly subjects: readonly Subject[]
  readonly history: History
  readonly seen: Seen
  readonly random: Random
  readonly rates: () => CallRates
  readonly expires: (pcsId: string) => boolean
  readonly thinkMs: number
}

class NoAnswer extends Error {}

export async function submitUntil(parts: ClientParts, over: () => boolean): Promise<void> {
  const { process, random, subjects, thinkMs } = parts
  while (!over()) {
    const subject = pick(random, subjects)
    const content = chance(random, 0.2) ? Math.floor(random() * CONTENTS) : 0
    await submit(parts, subject, bodyOf(subject, content), over)
    await process.sleep(random() * 2 * thinkMs)
  }
}

/** Repeats the very same bytes until they are answered, as agents' outboxes do. Gives up only when the run is over. */
async function submit(
  { process, network, pods, history, seen, random, rates, expires }: ClientParts,
  subject: Subject,
  body: Buffer,
  over: () => boolean,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const pod = pick(random, pods)
    let answer: PodAnswer | undefined
    try {
      const perform = () => pod.submit(body)
      answer = await network.call({ from: process, to: pod, rates: rates(), perform, unanswered: (why) => new NoAnswer(why) })
    } catch {
      // No answer: it may have been decided or not.
    }
    if (answer?.kind === 'decided') {
      history.answered(subject, answer.body, expires(subject.pcsId))
      return
    }
    seen.add('submission repeated')
    if (answer?.code === 'log_unavailable') seen.add('log full')
    if (answer && !RETRIED.has(answer.code)) throw new Error(`answers: a sound summary was refused: ${answer.code}`)
    if (over() && attempt > 0) return
    await process.sleep(20 + random() * 50 * Math.min(attempt + 1, 8))
  }
}

const RETRIED: ReadonlySet<string> = new Set(['store_unavailable', 'store_backlog', 'log_unavailable', 'overloaded', 'draining'])
