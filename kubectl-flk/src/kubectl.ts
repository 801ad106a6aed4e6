/**
 * The cluster, through the user's own `kubectl`: so that every kubeconfig, plugin and proxy that works there works here. Arguments are given
 * as a list, never through a shell.
 */
import { spawn } from 'node:child_process'
import { CommandFailed } from './exit.ts'

/** Far above any answer that is asked for; kubectl has no bound of its own. */
const MAX_OUTPUT_BYTES = 64 << 20

export interface Answer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class Kubectl {
  readonly #program: string
  readonly #flags: readonly string[]

  /** `flags`: of the user, passed on with every call, e.g. `--context`. */
  constructor(program: string, flags: readonly string[]) {
    this.#program = program
    this.#flags = flags
  }

  run(args: readonly string[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.#program, [...args, ...this.#flags], { stdio: ['ignore', 'pipe', 'pipe'] })
      const output: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
      let bytes = 0
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > MAX_OUTPUT_BYTES) child.kill()
          else output[name].push(chunk)
        })
      }
      child.on('error', (error: NodeJS.ErrnoException) => {
        const why =
          error.code === 'ENOENT' ? 'was not found; install kubectl, or name it in $KUBECTL' : `cannot be run: ${error.message}`
        reject(new CommandFailed('cluster', `${this.#program} ${why}`))
      })
      child.on('close', (code) => {
        const text = (name: 'stdout' | 'stderr') => Buffer.concat(output[name]).toString('utf8')
        resolve({ code: code ?? 1, stdout: text('stdout'), stderr: text('stderr') })
      })
    })
  }

  /** @throws CommandFailed where kubectl fails. */
  async text(args: readonly string[]): Promise<string> {
    const answer = await this.run(args)
    if (answer.code !== 0) throw failure(answer)
    return answer.stdout
  }

  /** @throws CommandFailed where kubectl fails. */
  async json(args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.text([...args, '-o', 'json']))
  }

  /** @returns undefined where there is no such object. */
  async jsonIfThere(args: readonly string[]): Promise<unknown> {
    const text = await this.text([...args, '--ignore-not-found', '-o', 'json'])
    return text.trim() === '' ? undefined : JSON.parse(text)
  }
}

export function failure({ stderr }: Pick<Answer, 'stderr'>): CommandFailed {
  const said = stderr.trim().split('\n').at(-1)?.slice(0, 1000) || 'kubectl failed and did not say why'
  if (/the server doesn't have a resource type|no matches for kind/.test(stderr))
    return new CommandFailed(
      'cluster',
      `${said}\nThe cluster does not know the kinds of fractal.lba.io: install the chart fractal-lba-operator.`,
    )
  if (/\(Forbidden\)|is forbidden/.test(stderr))
    return new CommandFailed('cluster', `${said}\nAsk for a role that lets you read and annotate objects of fractal.lba.io.`)
  if (/\(NotFound\)/.test(stderr)) return new CommandFailed('notFound', said)
  if (
    /connection refused|no such host|i\/o timeout|Unable to connect|no configuration has been provided|context .* does not exist|Error in configuration/i.test(
      stderr,
    )
  )
    return new CommandFailed('cluster', `${said}\nCheck --kubeconfig and --context: kubectl cluster-info`)
  return new CommandFailed('cluster', said)
}
