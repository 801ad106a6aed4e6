/** Where a pod keeps the fleet config that it was given, for its next start. */
import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { readFleetConfigFile } from '../config/fleet-config-file.ts'
import { replaceFile } from '../config/replace-file.ts'

export interface KeptFleetConfig {
  /** Undefined where none was kept. */
  read(): Promise<ConfigPush | undefined>
  keep(push: ConfigPush): Promise<void>
}

/** The file that `FLK_FLEET_CONFIG` names, if it does. */
export function keptInFile(path: string | undefined, pod: string): KeptFleetConfig {
  return {
    read: async () => (path ? await readFleetConfigFile(path) : undefined),
    async keep(push) {
      if (path === undefined) return
      try {
        await replaceFile(path, `${JSON.stringify(push)}\n`, pod)
      } catch (error) {
        // A mounted ConfigMap cannot be written, and need not be: whoever pushed this has put it there as well.
        if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error
      }
    },
  }
}
