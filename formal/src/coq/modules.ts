/** Modules that ask Coq about Canonical.v, and what it answers (pure). */
import type { SignedFields } from '@fractal-lba/protocol/signing/renderings'
import { partsOf } from './double.ts'

/** What is promised of the rendering, and that the promises are not empty. */
export const THEOREMS = [
  'order_of_fields_is_of_no_consequence',
  'canonical_is_injective',
  'nine_decimals_are_injective',
  'half_even_is_nearest',
  'half_even_goes_to_even',
  'signed_names_are_sorted',
  'ours_tells_apart',
  'without_escapes_values_are_confused',
  'with_six_decimals_values_are_confused',
  'unsorted_the_order_of_fields_counts',
] as const

/** What each theorem rests on. */
export function auditModule(): string {
  return ['Require Import Canonical.', ...THEOREMS.map((name) => `Print Assumptions ${name}.`), ''].join('\n')
}

/** Whether every theorem rests on definitions alone: no axiom, nothing left out, no check of Coq's switched off. */
export function isClosed(output: string): boolean {
  return output.match(/^Closed under the global context$/gm)?.length === THEOREMS.length
}

export interface Rendered {
  readonly fields: SignedFields
  /** As the code renders them. */
  readonly text: string
}

/** The lemma or theorem of `proofs` that Coq says is not proved; undefined where it says no such thing. */
export function failedIn(proofs: string, output: string): string | undefined {
  const line = /line (\d+), characters [\d-]+:\s+Error/.exec(output)?.[1]
  if (line === undefined) return undefined
  const before = proofs.split('\n').slice(0, Number(line)).join('\n')
  return [...before.matchAll(/^(?:Lemma|Theorem) (\w+)/gm)].at(-1)?.[1]
}

/** Asks for the numbers of those that Coq renders otherwise. */
export function samplesModule(samples: readonly Rendered[]): string {
  return [
    'Require Import Canonical.',
    'From Coq Require Import List String NArith ZArith.',
    'Import ListNotations.',
    'Open Scope string_scope.',
    'Fixpoint otherwise (at_ : N) (samples : list (object * string)) : list N :=',
    '  match samples with',
    '  | [] => []',
    '  | (o, t) :: rest =>',
    '      let others := otherwise (at_ + 1) rest in',
    '      match canonical o with',
    '      | Some c => if String.eqb (string_of_list_ascii c) t then others else at_ :: others',
    '      | None => at_ :: others',
    '      end',
    '  end.',
    'Definition samples : list (object * string) := [',
    samples.map(({ fields, text }, index) => `  (${object(fields, index)}, ${literal(text)})`).join(';\n'),
    '].',
    'Eval vm_compute in otherwise 0 samples.',
    '',
  ].join('\n')
}

/** Undefined: Coq did not say. */
export function otherwiseIn(output: string): number[] | undefined {
  const list = /^\s*= \[([^\]]*)\]/m.exec(output)?.[1]
  return list === undefined ? undefined : [...list.matchAll(/\d+/g)].map(([number]) => Number(number))
}

/** Members in another order each time, as the order is of no consequence. */
function object(fields: SignedFields, turn: number): string {
  const members = Object.entries(fields).map(([name, value]) => `(${literal(name)}, ${field(name, value)})`)
  const first = turn % members.length
  return `[${[...members.slice(first), ...members.slice(0, first)].join('; ')}]`
}

function field(name: string, value: number | string): string {
  if (typeof value === 'string') return `Text (lit ${literal(value)})`
  if (name === 'epoch') return `Whole ${value}%N`
  const { minus, mantissa, exponent } = partsOf(value)
  return `Real {| minus := ${minus}; mantissa := ${mantissa}%N; exponent := (${exponent})%Z |}`
}

function literal(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}
