/** Reads the statuses of a folder without an operator. */
import { readdir } from 'node:fs/promises'
import { ManifestFolder } from '../local/folder.ts'
import { readStatus, STATUS_SUFFIX } from '../local/status-file.ts'
import type { Clock } from '../runtime/clock.ts'
import type { NamedStatus } from './status-table.ts'

export async function readStatuses(folder: string, only: string | undefined, clock: Clock): Promise<NamedStatus[]> {
  const manifests = new ManifestFolder(folder, clock, () => undefined)
  await manifests.rescan()
  const written = (await readdir(folder))
    .filter((file) => file.endsWith(STATUS_SUFFIX) && !file.startsWith('.'))
    .map((file) => file.slice(0, -STATUS_SUFFIX.length))
  const names = [...new Set([...manifests.content.objects.keys(), ...written])]
    .sort()
    .filter((name) => only === undefined || name === only)
  if (only !== undefined && names.length === 0) throw new Error(`there is no ShardMigration "${only}" in ${folder}`)
  return Promise.all(names.map(async (name) => ({ name, status: (await readStatus(folder, name))?.status })))
}
