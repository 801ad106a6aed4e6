import { expect, it } from 'vitest'
import { type Errand, Mix, seeded } from './mix.ts'

const drawn = (seed: number, count: number) => {
  const mix = new Mix(seeded(seed))
  return Array.from({ length: count }, () => mix.draw(true))
}

it('is 40 % replays, 6 % equivocations and the rest new, over any few dozen requests', () => {
  const errands = drawn(7, 500)
  for (let from = 0; from < 450; from += 25) {
    const some = errands.slice(from, from + 50)
    const count = (kind: Errand) => some.filter((each) => each === kind).length
    const requests = some.length + count('race')
    expect((count('replay') + count('race')) / requests).toBeGreaterThan(0.25)
    expect((count('replay') + count('race') + count('equivocation')) / requests).toBeLessThan(0.65)
  }
  const whole = errands.slice(0, 50)
  expect(whole.filter((each) => each === 'replay')).toHaveLength(19)
  expect(whole.filter((each) => each === 'equivocation')).toHaveLength(3)
})

it('is the same for the same seed and another for another', () => {
  expect(drawn(7, 100)).toEqual(drawn(7, 100))
  expect(drawn(8, 100)).not.toEqual(drawn(7, 100))
})

it('repeats nothing before there is something to repeat', () => {
  const mix = new Mix(seeded(1))
  const first = Array.from({ length: 50 }, () => mix.draw(false))
  expect(first.filter((each) => each === 'replay' || each === 'equivocation')).toEqual([])
})
