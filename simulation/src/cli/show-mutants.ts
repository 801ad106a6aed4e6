/** `npm run sim -- mutants`: hunts the planted bugs, and prints after how many seeds each was found, and by what. */
import { MUTANTS } from '../mutants/all.ts'
import { type Hunted, hunt } from '../mutants/hunt.ts'
import { interruptible } from './interrupt.ts'

export interface MutantsOptions {
  readonly within: number
  readonly jobs: number
  readonly output: 'text' | 'json' | 'markdown'
}

const INTERRUPTED = 130

/** @returns the exit code: 1 when one was not found. */
export async function showMutants(names: readonly string[], { within, jobs, output }: MutantsOptions): Promise<number> {
  const unknown = names.find((name) => !MUTANTS.some((mutant) => mutant.name === name))
  if (unknown)
    throw new RangeError(`there is no mutant ${unknown}; the mutants are ${MUTANTS.map(({ name }) => name).join(', ')}`)
  const mutants = names.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => names.includes(name))
  const { signal, done } = interruptible()
  const onHunted = (one: Hunted) => {
    const line = `${one.mutant.name.padEnd(width(mutants))}  ${seedsText(one, within).padStart(14)}  ${(one.violated?.property ?? '').padEnd(11)}  ${one.mutant.bug}`
    if (output === 'text') console.log(line)
    else process.stderr.write(`${line}\n`)
  }
  const hunted = await hunt({ mutants, within, jobs, signal, onHunted })
  done()
  const missed = hunted.filter(({ seeds }) => seeds === undefined).length
  const found = hunted.length - missed
  if (output === 'markdown') console.log(markdown(hunted, within))
  if (output === 'json')
    console.log(
      JSON.stringify(
        hunted.map(({ mutant: { name, bug }, seeds, violated }) => ({ name, bug, seeds, violated })),
        null,
        2,
      ),
    )
  else
    process.stderr.write(
      `${found} of ${mutants.length} planted bugs were found${signal.aborted ? ' until it was stopped' : ''}.\n`,
    )
  if (missed > 0) return 1
  return signal.aborted ? INTERRUPTED : 0
}

function seedsText({ seeds }: Hunted, within: number): string {
  if (seeds === undefined) return `not in ${within}`
  return seeds === 1 ? '1 seed' : `${seeds} seeds`
}

function markdown(hunted: readonly Hunted[], within: number): string {
  const rows = [...hunted]
    .sort((a, b) => MUTANTS.indexOf(a.mutant) - MUTANTS.indexOf(b.mutant))
    .map((one) => `| \`${one.mutant.name}\` | ${one.mutant.bug} | ${seedsText(one, within)} | ${one.violated?.property ?? ''} |`)
  return ['| mutant | bug | found within | by |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function width(mutants: readonly { readonly name: string }[]): number {
  return Math.max(...mutants.map(({ name }) => name.length))
}
