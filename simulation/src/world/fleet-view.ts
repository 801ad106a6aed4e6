/** What an operator sees of the pods: their reports, and the config that it gives them, over a network that loses and delays. */
import { type Fleet, FleetUnavailable, type PodReading, type PushResult } from '@fractal-lba/operator/fleet/port'
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import type { CallRates } from './faults.ts'
import type { Network } from './network.ts'
import { API } from './objects.ts'
import type { SimulatedPod } from './pod.ts'
import type { Process } from './process.ts'

class PodDown extends Error {}

export interface FleetViewParts {
  readonly process: Process
  readonly network: Network
  readonly pods: readonly SimulatedPod[]
  readonly rates: () => CallRates
  /** Kept beside the objects: what pods that start are to run with. */
  readonly desired: { push: ConfigPush | undefined }
}

export class FleetView implements Fleet {
  readonly #parts: FleetViewParts

  constructor(parts: FleetViewParts) {
    this.#parts = parts
  }

  exists(): boolean {
    return true
  }

  read(): Promise<readonly PodReading[]> {
    return Promise.all(this.#parts.pods.map((pod) => this.#readOne(pod)))
  }

  async #readOne(pod: SimulatedPod): Promise<PodReading> {
    try {
      return { pod: pod.name, report: await this.#ask(pod, () => pod.report()), error: undefined }
    } catch (error) {
      return { pod: pod.name, report: undefined, error: (error as Error).message }
    }
  }

  async configure(push: ConfigPush): Promise<readonly PushResult[]> {
    const { process, network, rates, pods, desired } = this.#parts
    const keep = async (): Promise<number | undefined> => {
      if (desired.push && desired.push.generation > push.generation) return desired.push.generation
      desired.push = push
      return undefined
    }
    const unanswered = (why: string) => new FleetUnavailable('FleetMisconfigured', why)
    const fenced = await network.call({ from: process, to: API, rates: rates(), perform: keep, unanswered })
    if (fenced !== undefined) return pods.map(({ name }) => ({ pod: name, kind: 'fenced', seen: fenced }))
    return Promise.all(pods.map((pod) => this.#push(pod, push)))
  }

  async #push(pod: SimulatedPod, push: ConfigPush): Promise<PushResult> {
    try {
      const result = await this.#ask(pod, () => pod.applyConfig(push))
      if (result.kind === 'applied') return { pod: pod.name, kind: 'applied' }
      if (result.kind === 'fenced') return { pod: pod.name, kind: 'fenced', seen: result.seen }
      return { pod: pod.name, kind: 'unreachable', error: result.problem }
    } catch (error) {
      return { pod: pod.name, kind: 'unreachable', error: (error as Error).message }
    }
  }

  #ask<T>(pod: SimulatedPod, perform: () => Promise<T>): Promise<T> {
    const { process, network, rates } = this.#parts
    return network.call({ from: process, to: pod, rates: rates(), perform, unanswered: (why) => new PodDown(why) })
  }
}
