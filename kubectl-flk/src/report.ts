/**
 * `report`: the certificate of a migration, for people or, with `-o json`, byte for byte as it was issued. `--verify` checks that it is what
 * it was issued as, and with a public key that the operator signed it. It outlives its migration.
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { type Certificate, checkSignature, keyIdOf } from '@fractal-lba/migration/certificate/certificate'
import { parseCertificate } from '@fractal-lba/migration/certificate/read-certificate'
import { durationText } from '@fractal-lba/operator/api/duration'
import { tableLines } from '@fractal-lba/operator/cli/table'
import { CommandFailed } from './exit.ts'
import { countText, plural } from './format.ts'
import type { Kubectl } from './kubectl.ts'
import { parseTarget } from './objects.ts'

const CERTIFICATE_KEY = 'certificate.json.gz'
/** Of all 16384 slots, with room. */
const MAX_CERTIFICATE_BYTES = 64 << 20

/** @returns the text that the operator stored. @throws CommandFailed where there is none. */
export async function readCertificateText(
  kubectl: Kubectl,
  text: string,
  scope: readonly string[],
): Promise<{ name: string; text: string }> {
  const { kinds, name } = parseTarget(text)
  if (!name || !kinds.some(({ kind }) => kind === 'ShardMigration')) {
    throw new CommandFailed('usage', `"${text}" is no ShardMigration, and only those have certificates`)
  }
  const map = (await kubectl.jsonIfThere(['get', 'configmap', `${name}-certificate`, ...scope])) as
    | { binaryData?: Readonly<Record<string, string>> }
    | undefined
  const packed = map?.binaryData?.[CERTIFICATE_KEY]
  if (!packed) {
    throw new CommandFailed(
      'notFound',
      `there is no certificate of "${name}": it is issued when both sides were compared after the cutover; kubectl flk why smig/${name} says how far it is`,
    )
  }
  return { name, text: gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: MAX_CERTIFICATE_BYTES }).toString('utf8') }
}

export interface Verification {
  readonly sound: boolean
  readonly lines: readonly string[]
}

/** Content, and the signature where there is a key to check it with. */
export function verifyCertificate(certificate: Certificate, publicKey: KeyObject | undefined): Verification {
  const differing = certificate.content.slots.filter(
    ({ before, after }) => before.digest.length === 0 || after.digest.length === 0,
  )
  const check = checkSignature(certificate, publicKey)
  const signature = {
    valid: `ok      signed by the key ${certificate.signature?.keyId}`,
    invalid: `FAILED  the signature is not by this key${publicKey ? ` (${keyIdOf(publicKey)})` : ''}, or the content was changed`,
    unsigned: publicKey ? 'FAILED  it is not signed, though a key was given' : 'note    it is not signed',
    'no-key': `note    signed by the key ${certificate.signature?.keyId}, not checked: give --public-key FILE`,
  }[check]
  return {
    sound: check !== 'invalid' && !(check === 'unsigned' && publicKey) && differing.length === 0,
    lines: [
      `ok      the content is what ${certificate.contentId} names`,
      ...(differing.length > 0 ? [`FAILED  ${plural(differing.length, 'slot')} without digest`] : []),
      signature,
    ],
  }
}

export function certificateOf(text: string): Certificate {
  try {
    return parseCertificate(text)
  } catch (error) {
    throw new CommandFailed('refused', `the certificate cannot be trusted: ${(error as Error).message}`)
  }
}

export async function readPublicKey(file: string): Promise<KeyObject> {
  try {
    return createPublicKey(await readFile(file, 'utf8'))
  } catch (error) {
    throw new CommandFailed('usage', `${file} is no public key in PEM form: ${(error as Error).message}`)
  }
}

export function reportText(certificate: Certificate): string {
  const { content, contentId, signature } = certificate
  const pairs = new Map<string, { slots: number; before: number; after: number }>()
  for (const { source, target, before, after } of content.slots) {
    const pair = pairs.get(`${source}\0${target}`) ?? { slots: 0, before: 0, after: 0 }
    pairs.set(`${source}\0${target}`, {
      slots: pair.slots + 1,
      before: pair.before + before.count,
      after: pair.after + after.count,
    })
  }
  const rows = [...pairs].map(([key, { slots, before, after }]) => [
    ...key.split('\0'),
    countText(slots),
    countText(before),
    countText(after),
  ])
  return [
    `Certificate of the migration ${content.migration}`,
    '',
    ...tableLines([
      ['Named', contentId],
      ['Signed', signature ? `by the key ${signature.keyId} (${signature.algorithm})` : 'no'],
      ['Plan', content.planHash],
      ['From', content.from.join(', ')],
      ['To', content.to.join(', ')],
      ['Started', new Date(content.startedAtMs).toISOString()],
      ['Cut over', new Date(content.cutOverAtMs).toISOString()],
      ['Issued', `${new Date(content.issuedAtMs).toISOString()}, after ${durationText(content.durationMs / 1000)}`],
      ['Slots', countText(content.slots.length)],
      [
        'Keys',
        `${countText(content.keysBefore)} when both sides met before the cutover, ${countText(content.keysAfter)} after it`,
      ],
      ['Repaired', plural(content.repairedKeys, 'key')],
    ]),
    '',
    ...tableLines([['FROM', 'TO', 'SLOTS', 'KEYS BEFORE', 'KEYS AFTER'], ...rows]),
    '',
    'For each slot the servers of both sides computed the same digest, before the cutover and after it.',
  ].join('\n')
}
