import { expect, it } from 'vitest'
import { configOf } from './run-tlc.ts'

it('a configuration names what is asked', () => {
  const question = {
    module: 'Slot',
    specification: 'Spec',
    constants: { Keys: '{1, 2}', Without: '{}' },
    invariants: ['I1', 'I2'],
    properties: ['NoReturn'],
    symmetry: 'Alike',
    deadlock: false,
    brief: true,
    timeoutMs: 1,
  }
  expect(configOf(question)).toBe(
    'SPECIFICATION Spec\nCONSTANTS\n  Keys = {1, 2}\n  Without = {}\nINVARIANT I1\nINVARIANT I2\nPROPERTY NoReturn\nSYMMETRY Alike\n',
  )
})
