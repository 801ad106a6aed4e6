import { expect, it } from 'vitest'
import { Pacer } from './pacing.ts'

function paced(ratePerSecond: number, inFlightMax: number) {
  let now = 1000
  let tick = () => {}
  const sent: number[] = []
  const pacer = new Pacer(
    { ratePerSecond, inFlightMax, inFlight: () => sent.length, send: (due) => sent.push(...due) },
    {
      now: () => now,
      every: (_ms, act) => {
        tick = act
        return () => {
          tick = () => {}
        }
      },
    },
  )
  pacer.start()
  const advance = (ms: number) => {
    now += ms
    tick()
  }
  return { pacer, sent, advance }
}

it('makes each errand due at its own time, also those that fall into a pause of the process', () => {
  const { sent, advance } = paced(100, 1000)
  advance(5)
  advance(45)
  expect(sent).toEqual([1000, 1010, 1020, 1030, 1040, 1050])
})

it('drops and counts what is due while too much is unanswered, and does not send it later in a burst', () => {
  const { pacer, sent, advance } = paced(100, 4)
  advance(95)
  expect({ sent: sent.length, held: pacer.held }).toEqual({ sent: 4, held: 6 })
  sent.length = 0
  advance(10)
  expect({ sent, held: pacer.held }).toEqual({ sent: [1100], held: 6 })
})
