/** The files of signed bodies that a run of the ingest benchmark posts; each body occurs once in its file. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import type { BodySigning } from './bodies.ts'

/** More than any server here takes in a second, so that a file does not start again within a run. */
const MOST_PER_SECOND = { hmac: 45_000, ed25519: 25_000 }
const WARM_UP_BODIES = 20_000

type Signed = Exclude<BodySigning, 'none'>

export interface BodyFiles {
  readonly unique: Readonly<Record<BodySigning, string>>
  /** Other bodies than `unique`; few, so that posting them for long makes duplicates. */
  readonly warmUp: Readonly<Record<BodySigning, string>>
}

export async function writeBodies(dir: string, seconds: number, say: (line: string) => void): Promise<BodyFiles> {
  const write = async (name: string, count: number, signing: Signed, start: number): Promise<string> => {
    const file = join(dir, name)
    say(`signing ${count} bodies (${signing}) ...`)
    const args = [join(import.meta.dirname, 'bodies.ts'), `${count}`, file, signing, `${start}`]
    const child = spawn(process.execPath, args, { stdio: 'inherit' })
    const [code] = (await once(child, 'exit')) as [number | null]
    if (code !== 0) throw new Error(`bodies.ts ended with ${code}`)
    await settleOnDisk(file)
    return file
  }
  const unique = {
    hmac: await write('unique-hmac', MOST_PER_SECOND.hmac * seconds, 'hmac', 1_000_000),
    ed25519: await write('unique-ed25519', MOST_PER_SECOND.ed25519 * seconds, 'ed25519', 1_000_000),
  }
  const warmUp = {
    hmac: await write('warm-up-hmac', WARM_UP_BODIES, 'hmac', 0),
    ed25519: await write('warm-up-ed25519', WARM_UP_BODIES, 'ed25519', 0),
  }
  return { unique: { ...unique, none: unique.hmac }, warmUp: { ...warmUp, none: warmUp.hmac } }
}

/** What is still on its way to the disk would compete with the log that is measured. */
async function settleOnDisk(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.sync()
  await handle.close()
}
