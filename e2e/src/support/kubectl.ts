/** The cluster as its users have it: kubectl and helm with a kubeconfig. */
import { programPath } from '@fractal-lba/servers/kubernetes/build'
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

  constructor(kubeconfig: string) {
    this.#kubeconfig = kubeconfig
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

  async get<T extends Resource = Resource>(kind: string, namespace: string, name: string): Promise<T> {
    return JSON.parse(await this.run(['-n', namespace, 'get', kind, name, '-o', 'json'])) as T
  }

  async list<T extends Resource = Resource>(kind: string, namespace: string, selector = ''): Promise<T[]> {
    const args = ['-n', namespace, 'get', kind, '-o', 'json', ...(selector === '' ? [] : ['-l', selector])]
    return (JSON.parse(await this.run(args)) as { items: T[] }).items
  }

  /** Gone when it resolves, with all that was in it. */
  async deleteNamespace(namespace: string): Promise<void> {
    await this.run(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=true', '--timeout=180s'])
  }
}

const listOf = (objects: readonly object[]): string => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
