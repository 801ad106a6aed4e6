import { rm } from 'node:fs/promises'
import { afterAll, describe } from 'vitest'
import { conformsAsDisk } from './conformance/files.ts'
import { NODE_FILES } from './node-files.ts'
import { makeWalDir } from './testing/open-test-wal.ts'

const dirs: string[] = []
afterAll(() => Promise.all(dirs.map((dir) => rm(dir, { recursive: true }))))

describe('the disk of this machine', () =>
  conformsAsDisk(async () => {
    const dir = await makeWalDir()
    dirs.push(dir)
    return { files: NODE_FILES, dir }
  }))
