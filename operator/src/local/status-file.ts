/**
 * The status of an object, beside its manifest (`NAME.status.yaml`): what a cluster keeps in `.status`, with the uid and generation that
 * a cluster's API server would assign. It is the operator's memory; what the shards know is not repeated in it.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { API_VERSION, SHARD_MIGRATION_KIND } from '../api/group.ts'
import type { ShardMigrationStatus } from '../api/status.ts'
import { removeFile, replaceFile } from './atomic-file.ts'

export interface StoredStatus {
  readonly uid: string
  readonly generation: number
  /** Hash of the spec that `generation` stands for. */
  readonly specHash: string
  readonly status: ShardMigrationStatus | undefined
}

export const STATUS_SUFFIX = '.status.yaml'

export const statusPath = (folder: string, name: string): string => join(folder, `${name}${STATUS_SUFFIX}`)

/** Undefined where there is none. @throws Error when the file cannot be understood: it is not replaced by a guess. */
export async function readStatus(folder: string, name: string): Promise<StoredStatus | undefined> {
  const path = statusPath(folder, name)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const value = parse(text) as {
    metadata?: { uid?: string; generation?: number; specHash?: string }
    status?: ShardMigrationStatus
  } | null
  const { uid, generation, specHash } = value?.metadata ?? {}
  if (typeof uid !== 'string' || typeof generation !== 'number' || typeof specHash !== 'string') {
    throw new Error(
      `${path} has no metadata.uid, generation and specHash: it was edited; restore it, or remove it once the migration is rolled back`,
    )
  }
  return { uid, generation, specHash, status: value?.status }
}

export async function writeStatus(folder: string, name: string, stored: StoredStatus): Promise<void> {
  const { uid, generation, specHash, status } = stored
  const object = { apiVersion: API_VERSION, kind: SHARD_MIGRATION_KIND, metadata: { name, uid, generation, specHash }, status }
  // Through JSON: what is undefined is left out.
  await replaceFile(statusPath(folder, name), stringify(JSON.parse(JSON.stringify(object)), { lineWidth: 0 }))
}

export const removeStatus = (folder: string, name: string): Promise<void> => removeFile(statusPath(folder, name))
