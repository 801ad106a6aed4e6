import { expect, it } from 'vitest'
import { figureText } from './format.ts'

it.each([
  [47.61904761904761, '47.62'],
  [0.0012345678, '0.001235'],
  [-0.5, '-0.5'],
  [0, '0'],
  [123456.78, '123457'],
])('a measured %d is shown as %s', (value, text) => {
  expect(figureText(value)).toBe(text)
})
