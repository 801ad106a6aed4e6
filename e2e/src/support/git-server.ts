/** A git repository that is served from this machine over HTTP, by git's own CGI program, and what a team does with it: commit and push. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { run } from './run-command.ts'

const HEADER_END = '\r\n\r\n'

export class GitServer {
  readonly url: string
  readonly #dir: string
  readonly #server: Server

  private constructor(dir: string, server: Server) {
    this.#dir = dir
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/repository.git`
  }

  static async start(): Promise<GitServer> {
    const dir = await mkdtemp(join(tmpdir(), 'flk-git-'))
    await run('git', ['init', '-q', '--bare', '-b', 'main', join(dir, 'repository.git')])
    await run('git', ['init', '-q', '-b', 'main', join(dir, 'work')])
    const server = createServer((request, response) => serve(dir, request, response))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new GitServer(dir, server)
  }

  /** A path of the working copy. */
  path(name: string): string {
    return join(this.#dir, 'work', name)
  }

  async copy(from: string, to: string): Promise<void> {
    await cp(from, this.path(to), { recursive: true })
  }

  async write(name: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(name)), { recursive: true })
    await writeFile(this.path(name), text)
  }

  /** @returns the commit. */
  async push(message: string): Promise<string> {
    const git = (...args: string[]) =>
      run('git', ['-C', join(this.#dir, 'work'), '-c', 'user.name=e2e', '-c', 'user.email=e2e@localhost', ...args])
    await git('add', '-A')
    await git('commit', '-q', '-m', message)
    await git('push', '-q', join(this.#dir, 'repository.git'), 'main')
    return (await git('rev-parse', 'HEAD')).trim()
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await rm(this.#dir, { recursive: true, force: true })
  }
}

/** RFC 3875, as far as `git http-backend` needs it. */
function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const { stdout } = spawnSync('git', ['--exec-path'], { encoding: 'utf8' })
  const child = spawn(join(stdout.trim(), 'git-http-backend'), [], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(child.stdin)
  child.stdin.on('error', () => {
    // It has answered before it had read everything.
  })
  let head: Buffer | undefined = Buffer.alloc(0)
  child.stdout.on('data', (chunk: Buffer) => {
    if (head === undefined) {
      response.write(chunk)
      return
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf(HEADER_END)
    if (end === -1) return
    const fields = head.subarray(0, end).toString().split('\r\n')
    const rest = head.subarray(end + HEADER_END.length)
    head = undefined
    for (const field of fields) {
      const colon = field.indexOf(':')
      const [name, value] = [field.slice(0, colon), field.slice(colon + 1).trim()]
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.write(rest)
  })
  child.on('close', () => response.end())
}
