/** `npm run sim -- museum`: plays each exhibit with the part that others had and with ours, and says what came of it. */
import { EMPTY_ROOMS, MUSEUM } from '../museum/all.ts'
import type { Exhibit } from '../museum/exhibit.ts'
import { OURS, type Variant } from '../world/variant.ts'

/** @returns the exit code: 1 when ours goes wrong, or theirs does not. */
export async function showMuseum(output: 'text' | 'json'): Promise<number> {
  const played = []
  for (const exhibit of MUSEUM) {
    const one = { exhibit, naive: await problemOf(exhibit, exhibit.naive), ours: await problemOf(exhibit, OURS) }
    played.push(one)
    if (output === 'text') print(one)
  }
  if (output === 'text')
    for (const { name, happened, where, comesWith } of EMPTY_ROOMS)
      console.log(`${name}\n  ${happened}\n  (${where})\n  comes with ${comesWith}\n`)
  else {
    const exhibits = played.map(({ exhibit: { name, happened, where, ours }, ...outcome }) => ({
      name,
      happened,
      where,
      ours,
      outcome,
    }))
    console.log(JSON.stringify({ exhibits, empty: EMPTY_ROOMS }, null, 2))
  }
  return played.every(({ naive, ours }) => naive !== undefined && ours === undefined) ? 0 : 1
}

async function problemOf({ play }: Exhibit, variant: Variant): Promise<string | undefined> {
  try {
    await play(variant)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function print({ exhibit, naive, ours }: { exhibit: Exhibit; naive: string | undefined; ours: string | undefined }): void {
  console.log(`${exhibit.name}\n  ${exhibit.happened}\n  (${exhibit.where})`)
  console.log(`  ${exhibit.naive.name}: ${naive ?? 'nothing went wrong, though it should'}`)
  console.log(`  ours: ${ours ?? 'it holds'}. ${exhibit.ours}\n`)
}
