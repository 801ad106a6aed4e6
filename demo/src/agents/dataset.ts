/**
 * The flights table of the npm package vega-datasets: 200,000 rows of delay (minutes), distance (miles) and time (hour of the day), as one
 * JSON array of flat objects. Rows are kept as numbers for the signals and as the file's own bytes for the Merkle root, so that
 * whoever has the file can check a summary against it.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface Flights {
  readonly rows: number
  /** The value of each column for each row. */
  readonly delay: Float64Array
  readonly distance: Float64Array
  readonly time: Float64Array
  /** The file's bytes of rows `from` up to, not including, `to`. */
  bytesOf(from: number, to: number): Buffer
}

/** Where the package keeps it: its exports name no data files, so the path is taken from its entry. */
export function flightsFile(): string {
  return fileURLToPath(new URL('../data/flights-200k.json', import.meta.resolve('vega-datasets')))
}

/** @throws Error that says what about the file is not as expected. */
export function loadFlights(file = flightsFile()): Flights {
  const text = readFileSync(file)
  const parsed: unknown = JSON.parse(text.toString('latin1'))
  if (!Array.isArray(parsed) || parsed.length === 0) throw new Error(`${file} is not a list of rows`)
  const rows = parsed.length
  const column = (name: string) =>
    Float64Array.from(parsed, (row: Record<string, unknown>, i) => {
      const value = row[name]
      if (typeof value !== 'number') throw new Error(`row ${i} of ${file} has no number "${name}"`)
      return value
    })
  const starts = rowStarts(text, rows, file)
  return {
    rows,
    delay: column('delay'),
    distance: column('distance'),
    time: column('time'),
    bytesOf: (from, to) => text.subarray(starts[from], starts[to]),
  }
}

/** Offsets of each row's `{`, and one past the last row. Rows are flat and hold no text, so braces mark exactly their ends. */
function rowStarts(text: Buffer, rows: number, file: string): Uint32Array {
  const starts = new Uint32Array(rows + 1)
  let found = 0
  for (let at = text.indexOf('{'); at >= 0; at = text.indexOf('{', at + 1)) starts[found++] = at
  if (found !== rows) throw new Error(`${file} holds ${rows} rows but ${found} objects`)
  starts[rows] = text.lastIndexOf('}') + 1
  return starts
}
