/** The cluster as its users have it: kubectl and helm with a kubeconfig; and reads of this process's own. */
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { ObjectReader, type ResourceName } from './object-reader.ts'
import { type RunOptions, run } from './run-command.ts'

/** An object as `kubectl -o json` prints it. */
export interface Resource {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly generation?: number
    readonly creationTimestamp?: string
    readonly deletionTimestamp?: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
    readonly finalizers?: string[]
  }
  readonly spec?: Record<string, unknown>
  readonly status?: Record<string, unknown>
  readonly data?: Record<string, string>
  readonly binaryData?: Record<string, string>
}

export class Kubectl {
  readonly #kubeconfig: string
  readonly #reader: ObjectReader

  constructor(kubeconfig: string) {
    this.#kubeconfig = kubeconfig
    this.#reader = new ObjectReader(kubeconfig)
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, KUBECONFIG: this.#kubeconfig, KUBECTL: programPath('kubectl') }
  }

  run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run(programPath('kubectl'), args, { ...options, env: this.env })
  }

  helm(args: readonly string[], options: RunOptions = {}): Promise<string> {
    return run(programPath('helm'), args, { ...options, env: this.env })
  }

  async apply(...objects: object[]): Promise<void> {
    await this.run(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: listOf(objects) })
  }

  get<T extends Resource = Resource>(resource: ResourceName, namespace: string | undefined, name: string): Promise<T> {
    return this.#reader.read<T>(resource, namespace, `/${name}`)
  }

  async list<T extends Resource = Resource>(resource: ResourceName, namespace: string | undefined, selector = ''): Promise<T[]> {
    const query = selector === '' ? '' : `?labelSelector=${encodeURIComponent(selector)}`
    return (await this.#reader.read<{ items: T[] }>(resource, namespace, query)).items
  }

  /** Gone when it resolves, with all that was in it. */
  async deleteNamespace(namespace: string): Promise<void> {
    await this.run(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=true', '--timeout=180s'])
  }
}

const listOf = (objects: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
