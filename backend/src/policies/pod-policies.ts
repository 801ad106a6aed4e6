/**
 * The policies that this pod was given. They are kept beside its log, so that a pod that starts again still refuses an operator that it
 * had seen deposed; a new pod takes the desired ones from the file that `FLK_POLICIES` names. Invariant: the epoch never falls.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkPoliciesPush, NO_POLICIES, type PoliciesPush } from '@fractal-lba/protocol/config/policies'
import type { Config } from '../config/read-config.ts'
import { replaceFile } from '../config/replace-file.ts'

const KEPT_FILE = 'policies.json'

export type PoliciesResult =
  | { readonly kind: 'applied' }
  /** Whoever sent it was deposed: a higher epoch has been seen. */
  | { readonly kind: 'fenced'; readonly seen: number }

export class PodPolicies {
  readonly #keep: (push: PoliciesPush) => Promise<void>
  #current: PoliciesPush
  #applying: Promise<unknown> = Promise.resolve()

  constructor(started: PoliciesPush, keep: (push: PoliciesPush) => Promise<void>) {
    this.#current = started
    this.#keep = keep
  }

  get current(): PoliciesPush {
    return this.#current
  }

  /** One after the other, in the order in which they came; kept before it counts. @param push checked */
  apply(push: PoliciesPush): Promise<PoliciesResult> {
    const result = this.#applying.then(() => this.#apply(push))
    this.#applying = result.catch(() => {})
    return result
  }

  async #apply(push: PoliciesPush): Promise<PoliciesResult> {
    const { epoch, revision } = this.#current
    if (push.epoch < epoch) return { kind: 'fenced', seen: epoch }
    if (push.epoch !== epoch || push.revision !== revision) await this.#keep(push)
    this.#current = push
    return { kind: 'applied' }
  }
}

/** @throws Error that names the file and the field that cannot be used. */
export async function openPolicies(config: Pick<Config, 'walDir' | 'policiesPath' | 'pod'>): Promise<PodPolicies> {
  await mkdir(config.walDir, { recursive: true })
  const path = join(config.walDir, KEPT_FILE)
  const kept = await readPolicies(path)
  const desired = config.policiesPath === undefined ? undefined : await readPolicies(config.policiesPath, 'FLK_POLICIES')
  return new PodPolicies(newer(kept, desired) ?? NO_POLICIES, (push) =>
    replaceFile(path, `${JSON.stringify(push)}\n`, config.pod),
  )
}

/** Of one epoch, the desired ones: they have passed their gates, and what this pod was given may have been taken back meanwhile. */
function newer(kept: PoliciesPush | undefined, desired: PoliciesPush | undefined): PoliciesPush | undefined {
  if (!kept || !desired) return kept ?? desired
  return kept.epoch > desired.epoch ? kept : desired
}

async function readPolicies(path: string, variable?: string): Promise<PoliciesPush | undefined> {
  const name = variable === undefined ? path : `${path} (${variable})`
  let value: unknown
  try {
    value = JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (error instanceof SyntaxError) throw new Error(`${name} is not JSON`)
    throw error
  }
  const checked = checkPoliciesPush(value)
  if (!checked.ok) throw new Error(`${name}: ${checked.field} ${checked.problem}`)
  return checked.push
}
