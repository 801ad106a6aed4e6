import { describe, expect, it } from 'vitest'
import { OURS } from '../world/variant.ts'
import { MUSEUM } from './all.ts'

describe.each(MUSEUM.map((exhibit) => [exhibit.name, exhibit] as const))('%s', (_name, { naive, play }) => {
  it('goes wrong with the part that others had', async () => {
    await expect(play(naive)).rejects.toThrow(/^(once|lost|changed|I\d|liveness|the first|The write-ahead log)/)
  })

  it('does not go wrong with ours', async () => {
    await play(OURS)
  })
})
