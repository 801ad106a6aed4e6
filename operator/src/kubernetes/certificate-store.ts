/**
 * Where users find the certificate of a migration: the ConfigMap `<name>-certificate`, compressed, since one line a slot of plain text
 * would be larger than an object may be. It stays when its migration is deleted: it is a proof, not a state.
 */
import { gzipSync } from 'node:zlib'
import { GROUP } from '../api/group.ts'
import type { KubeClient } from '../runtime/client/kube-client.ts'
import { CONFIG_MAPS } from './resources.ts'

export const CERTIFICATE_KEY = 'certificate.json.gz'
/** An object may hold 1 MiB. */
const MAX_BYTES = 1_000_000

export const certificateName = (migration: string): string => `${migration}-certificate`

/** @throws Error where it is too large: the migration is then not certified, and says so. */
export async function keepCertificate(
  client: Pick<KubeClient, 'apply'>,
  namespace: string,
  migration: string,
  canonicalJson: string,
): Promise<void> {
  const packed = gzipSync(canonicalJson, { level: 9 })
  if (packed.length > MAX_BYTES)
    throw new Error(`the certificate of ${migration} takes ${packed.length} bytes, and a ConfigMap holds ${MAX_BYTES}`)
  await client.apply(CONFIG_MAPS, {
    metadata: {
      name: certificateName(migration),
      namespace,
      labels: { [`${GROUP}/certificate-of`]: migration },
    },
    binaryData: { [CERTIFICATE_KEY]: packed.toString('base64') },
  })
}
