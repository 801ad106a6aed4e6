/** A verifier that decides at shards: one pod of a fleet, as a process of its own. */
import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BENCH_HMAC_KEY } from './bodies.ts'
import { startProcess } from './processes.ts'

const ADMIN_TOKEN = 'bench-admin-token'

export interface Pod {
  readonly submitUrl: string
  readonly adminUrl: string
  readonly adminTokenFile: string
  stop(): Promise<void>
}

/**
 * @param dir where its log goes; must be empty
 * @param started gets the process at once, so that it can be ended early
 */
export async function startPod(
  store: string,
  shardUrls: readonly string[],
  dir: string,
  started?: (child: ChildProcess) => void,
): Promise<Pod> {
  const adminTokenFile = join(dir, 'admin-token')
  await writeFile(adminTokenFile, ADMIN_TOKEN)
  const env = {
    PORT: '0',
    FLK_HOST: '127.0.0.1',
    FLK_ADMIN_PORT: '0',
    FLK_ADMIN_TOKEN: ADMIN_TOKEN,
    FLK_POD_NAME: 'bench-0',
    FLK_LOG_LEVEL: 'warn',
    TOKEN_RATE: '0',
    PCS_SIGN_ALG: 'hmac',
    PCS_HMAC_KEY: BENCH_HMAC_KEY,
    DEDUP_BACKEND: store,
    DEDUP_SHARDS: shardUrls.join(','),
    WAL_DIR: join(dir, 'wal'),
  }
  const { listening, stop } = await startProcess('backend/src/main.ts', env, started)
  const urlAt = (port: number | undefined) => `http://127.0.0.1:${port}`
  return {
    submitUrl: `${urlAt(listening.port)}/v1/pcs/submit`,
    adminUrl: urlAt(listening.adminPort),
    adminTokenFile,
    stop,
  }
}
