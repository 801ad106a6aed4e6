/** Certificates and keys on disk: written whole or not at all, checked against the shards of today. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { open, readFile, rename } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { type Certificate, type CertificateSigner, checkSignature, keyIdOf } from '../certificate/certificate.ts'
import { checkAgainstShards } from '../certificate/check-certificate.ts'
import { certificateText, parseCertificate } from '../certificate/read-certificate.ts'
import { CommandFailed, EXIT } from './exit-codes.ts'
import { type Options, usage } from './options.ts'
import { countText, durationText } from './output/quantities.ts'
import type { Surroundings } from './run-verb.ts'

/** Problems shown one by one; more are only counted. */
const SHOWN_PROBLEMS = 10
/** In a cluster certificates are kept compressed, and checked as they are mounted from there. */
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])
/** Of all 16384 slots, with room. */
const MAX_CERTIFICATE_BYTES = 64 << 20

export async function signerFrom(keyFile: string): Promise<CertificateSigner> {
  const key = createPrivateKey(await contentOf(keyFile))
  if (key.asymmetricKeyType !== 'ed25519') throw usage(`--key ${keyFile} is no Ed25519 private key`)
  return { key, keyId: keyIdOf(key) }
}

export function certificateWriter(file: string, written: (file: string) => void): (certificate: Certificate) => Promise<void> {
  return async (certificate) => {
    const half = `${file}.part`
    const handle = await open(half, 'w')
    try {
      await handle.writeFile(certificateText(certificate))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(half, file)
    written(file)
  }
}

export async function checkCertificateFile(
  file: string,
  options: Options,
  { controls, clock, terminal }: Surroundings,
): Promise<void> {
  const certificate = await parsed(file)
  const publicKey = options.keyFile === undefined ? undefined : createPublicKey(await contentOf(options.keyFile))
  const signature = checkSignature(certificate, publicKey)
  if (signature === 'invalid') throw new CommandFailed(EXIT.failed, `${file}: this key did not sign it`)
  if (signature === 'unsigned' && publicKey) throw new CommandFailed(EXIT.failed, `${file}: it is not signed`)
  const { content, contentId } = certificate
  const check = await checkAgainstShards(content, controls)
  const age = durationText(clock.now() - content.issuedAtMs)
  if (options.output === 'json') terminal.print(JSON.stringify({ contentId, signature, ...check }))
  else {
    const signed = { valid: 'signed by the key given', unsigned: 'not signed', 'no-key': 'signed, not checked (give --key)' }[
      signature
    ]
    const lines = [
      `Certificate ${contentId}`,
      `Migration   ${content.migration}, issued ${age} ago, ${signed}`,
      `Slots       ${countText(content.slots.length)}: ${countText(check.unchanged)} unchanged, ${countText(check.grown)} with more records since, ${countText(check.movedOn)} moved on, ${countText(check.problems.length)} wrong`,
      ...check.problems.slice(0, SHOWN_PROBLEMS).map(({ slot, problem }) => `  slot ${slot}: ${problem}`),
    ]
    terminal.print(lines.join('\n'))
  }
  if (check.problems.length > 0)
    throw new CommandFailed(EXIT.failed, `the shards are not what the certificate says: ${check.problems.length} slots are wrong`)
}

async function parsed(file: string): Promise<Certificate> {
  const bytes = await bytesOf(file)
  try {
    const packed = bytes.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)
    return parseCertificate((packed ? gunzipSync(bytes, { maxOutputLength: MAX_CERTIFICATE_BYTES }) : bytes).toString('utf8'))
  } catch (error) {
    throw new CommandFailed(EXIT.failed, `${file}: ${(error as Error).message}`)
  }
}

const contentOf = async (file: string): Promise<string> => (await bytesOf(file)).toString('utf8')

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (error) {
    throw usage(`cannot read ${file}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`)
  }
}
