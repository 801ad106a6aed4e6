/**
 * The certificate of the admin port, and the CA of those who may call it: read from files, and again when they change, since whoever
 * issues certificates replaces them while the pod runs. Files are compared by content: a mounted Secret is a chain of links whose
 * times say little. Files that cannot be used together (a new certificate whose key is not there yet) change nothing.
 */
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { AdminTls } from '../config/read-config.ts'

export interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly ca?: string
}

const READ_AGAIN_EVERY_MS = 10_000

/** @throws Error that names the file. */
export async function readTls({ certFile, keyFile, clientCaFile }: AdminTls): Promise<TlsMaterial> {
  const [cert, key, ca] = await Promise.all([
    readPem(certFile, 'FLK_ADMIN_TLS_CERT_FILE'),
    readPem(keyFile, 'FLK_ADMIN_TLS_KEY_FILE'),
    clientCaFile === undefined ? undefined : readPem(clientCaFile, 'FLK_ADMIN_TLS_CLIENT_CA_FILE'),
  ])
  return { cert, key, ...(ca !== undefined && { ca }) }
}

async function readPem(path: string, variable: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${path} (${variable}) cannot be read: ${cause.code}`)
  })
  if (!text.includes('-----BEGIN ')) throw new Error(`${path} (${variable}) holds no PEM`)
  return text
}

export class ReloadedTls {
  readonly #files: AdminTls
  readonly #everyMs: number
  readonly #onProblem: (error: unknown) => void
  #material: TlsMaterial
  #timer: NodeJS.Timeout | undefined
  #lastProblem = ''

  constructor(files: AdminTls, material: TlsMaterial, onProblem: (error: unknown) => void, everyMs = READ_AGAIN_EVERY_MS) {
    this.#files = files
    this.#material = material
    this.#onProblem = onProblem
    this.#everyMs = everyMs
  }

  get material(): TlsMaterial {
    return this.#material
  }

  /** Connections made from then on meet the new files. */
  keepFresh(server: Server): void {
    if (!(server instanceof TlsServer)) throw new Error('only a TLS server has certificates')
    this.#timer = setInterval(() => void this.#reload(server), this.#everyMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async #reload(server: TlsServer): Promise<void> {
    try {
      const material = await readTls(this.#files)
      if (JSON.stringify(material) === JSON.stringify(this.#material)) return
      server.setSecureContext({ ...material, minVersion: 'TLSv1.2' })
      this.#material = material
      this.#lastProblem = ''
    } catch (error) {
      // Once, not every ten seconds.
      const problem = (error as Error).message
      if (problem !== this.#lastProblem) this.#onProblem(error)
      this.#lastProblem = problem
    }
  }
}
