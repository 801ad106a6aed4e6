import { describe, expect, it } from 'vitest'
import { runAll } from './run-all.ts'

/** Runs until it is told to stop, takes a while for it, and keeps a diary. */
function steady(name: string, diary: string[]) {
  return {
    async run(signal: AbortSignal) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      await new Promise((resolve) => setImmediate(resolve))
      diary.push(`${name} stopped`)
    },
  }
}

describe('several controllers', () => {
  it('end when they are told to, all of them', async () => {
    const diary: string[] = []
    const stop = new AbortController()
    const run = runAll([steady('a', diary), steady('b', diary)], stop.signal)
    stop.abort()
    await run
    expect(diary).toEqual(['a stopped', 'b stopped'])
  })

  it('all stop when one fails, and only then is its failure told', async () => {
    const diary: string[] = []
    const failing = {
      async run() {
        throw new Error('no caches')
      },
    }
    const run = runAll([steady('a', diary), failing, steady('b', diary)], new AbortController().signal)
    await expect(run).rejects.toThrow('no caches')
    expect(diary).toEqual(['a stopped', 'b stopped'])
  })
})
