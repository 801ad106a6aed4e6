/** The floor of every durable answer: how long this disk takes to make 800 bytes durable, with nothing else going on. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Milliseconds of each `write` + `fdatasync` of `bytes`, one after the other, appended to one file in `dir`. */
export function fdatasyncLoop(dir: string, rounds: number, bytes = 800): number[] {
  const file = join(dir, 'fsync-floor')
  const fd = openSync(file, 'w')
  const block = Buffer.alloc(bytes, 1)
  const times: number[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      const started = performance.now()
      writeSync(fd, block)
      fdatasyncSync(fd)
      times.push(performance.now() - started)
    }
  } finally {
    closeSync(fd)
    rmSync(file)
  }
  return times
}
