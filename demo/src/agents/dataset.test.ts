import { expect, it } from 'vitest'
import { loadFlights } from './dataset.ts'

it('reads all rows of the flights table, and gives the bytes of a window as the file has them', () => {
  const flights = loadFlights()
  expect(flights.rows).toBe(200_000)
  for (const [from, to] of [
    [0, 3],
    [1234, 1298],
    [199_990, 200_000],
  ] as const) {
    const rows = JSON.parse(`[${flights.bytesOf(from, to).toString().replace(/,\s*$/, '')}]`) as Record<string, number>[]
    expect(rows).toEqual(
      Array.from({ length: to - from }, (_, i) => ({
        delay: flights.delay[from + i],
        distance: flights.distance[from + i],
        time: flights.time[from + i],
      })),
    )
  }
})
