import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryInUse } from './directory-lock.ts'
import { makeWalDir, openTestWal } from './testing/open-test-wal.ts'

const CHILD = fileURLToPath(new URL('./testing/append-child.ts', import.meta.url))

describe('the lock of a WAL_DIR', () => {
  let dir: string
  beforeEach(async () => {
    dir = await makeWalDir()
  })
  afterEach(() => rm(dir, { recursive: true }))

  it('keeps a second log of the same process out until the first is closed', async () => {
    const first = await openTestWal(dir)
    await expect(openTestWal(dir)).rejects.toThrow(DirectoryInUse)
    await first.wal.close()
    const second = await openTestWal(dir)
    await second.wal.close()
  })

  it('keeps another process out while its holder lives, and is gone the moment it is killed', async () => {
    const holder: ChildProcess = spawn(process.execPath, [CHILD, dir, '1000000', '1000000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(holder.stdout!, 'data')
    await expect(openTestWal(dir)).rejects.toThrow(`Another process is using ${dir}`)
    holder.stdout!.resume()
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const next = await openTestWal(dir)
    await next.wal.close()
  })
})
