/** The command line of `npm run history`, parsed once into a type that says it was. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { AppendFsync, Backend } from './fleet/shards.ts'

export interface RunOptions {
  readonly backend: Backend
  readonly appendFsync: AppendFsync
  readonly seed: number
  /** Attempts that there are to be at least. */
  readonly operations: number
  /** How long the load is to last at least. */
  readonly seconds: number
  readonly gapMs: number
  /** Attempts a second at most. */
  readonly rate: number
  /** Keep the history and the traces of the run also when all is well. */
  readonly keep: boolean
  readonly output: 'text' | 'json'
}

export type Order =
  | { readonly kind: 'run'; readonly options: RunOptions }
  | { readonly kind: 'check'; readonly file: string; readonly output: 'text' | 'json' }

export const EXIT = { holds: 0, violated: 1, couldNotRun: 2, interrupted: 130 } as const

const OPERATIONS = 200_000
const SHORT = { operations: 15_000, seconds: 25, gapMs: 1500 } as const
const GAP_MS = 4000
/** Two cores carry three servers, three verifiers, the operator, a proxy and the load at this rate, and have some left for migrations. */
const RATE = 1000
const RATE_MAX = 100_000
const OPERATIONS_MAX = 100_000_000
const MINUTES_MAX = 24 * 60

const AFTER = `
Everything in it is real: processes of verifiers and of the operator, servers, signals, a network through toxiproxy, disks through strace.
The faults and the migrations follow from the seed; which request each of them meets does not.

Exit code: 0 the history holds; 1 it does not, or the checkers disagree, or the fleet did not recover; 2 it could not be run or read;
130 stopped by Ctrl-C.`

/** @returns the order; exits with a message (2) or the help (0) where the line asks for that. */
export function parseCommandLine(argv: readonly string[], newSeed: () => number): Order {
  let order: Order | undefined
  const command = new Command('npm run history --')
    .description(
      'Loads a real fleet while it is killed, cut off, starved of disk and migrated, and checks the history of every answer, twice.',
    )
    .addOption(new Option('--backend <store>', 'what the shards are').choices(['redis', 'postgres']).default('redis'))
    .addOption(
      new Option('--appendfsync <how>', 'of the Redis shards; with everysec power cuts lose data, which is then repaired')
        .choices(['always', 'everysec'])
        .default('always'),
    )
    .option('--seed <n>', 'of faults, migrations and load (default: a new one, printed)', integerIn('seed', 0, 2 ** 32 - 1))
    .option(
      '--operations <n>',
      `attempts to make at least (default: ${OPERATIONS})`,
      integerIn('operations', 100, OPERATIONS_MAX),
    )
    .option('--minutes <n>', 'go on for so long at least', numberIn('minutes', 0, MINUTES_MAX))
    .option('--gap <s>', 'seconds between the starts of two faults, on average (default: 4)', numberIn('gap', 0.1, 3600))
    .option('--rate <n>', 'attempts a second at most', numberIn('rate', 1, RATE_MAX), RATE)
    .option('--short', 'about a minute, for every change', false)
    .option('--keep', 'keep the history and the traces also when all is well', false)
    .addOption(
      new Option('--output <format>', 'json: one document on stdout at the end').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', AFTER)
    // Options behind `check` are that command's own.
    .enablePositionalOptions()
    .exitOverride()
    .action((given: RawOptions) => {
      if (given.backend === 'postgres' && given.appendfsync === 'everysec')
        command.error('error: --appendfsync is a setting of Redis: use it with --backend redis')
      const short = given.short ? SHORT : undefined
      order = {
        kind: 'run',
        options: {
          backend: given.backend,
          appendFsync: given.appendfsync,
          seed: given.seed ?? newSeed(),
          operations: given.operations ?? (given.minutes === undefined ? (short?.operations ?? OPERATIONS) : 0),
          seconds: given.minutes !== undefined ? given.minutes * 60 : (short?.seconds ?? 0),
          gapMs: given.gap !== undefined ? given.gap * 1000 : (short?.gapMs ?? GAP_MS),
          rate: given.rate,
          keep: given.keep,
          output: given.output,
        },
      }
    })
  command
    .command('check')
    .description('checks the history in a file again')
    .argument('<file>', 'a history that a run kept')
    .addOption(new Option('--output <format>', 'json: one document').choices(['text', 'json']).default('text'))
    .exitOverride()
    .action((file: string, given: { output: 'text' | 'json' }) => {
      order = { kind: 'check', file, output: given.output }
    })
  try {
    command.parse([...argv], { from: 'user' })
  } catch (error) {
    // commander has printed what there is to say; help is no mistake.
    process.exit((error as { exitCode?: number }).exitCode === 0 ? EXIT.holds : EXIT.couldNotRun)
  }
  return order as Order
}

interface RawOptions {
  readonly backend: Backend
  readonly appendfsync: AppendFsync
  readonly seed?: number
  readonly operations?: number
  readonly minutes?: number
  readonly rate: number
  readonly gap?: number
  readonly short: boolean
  readonly keep: boolean
  readonly output: 'text' | 'json'
}

function numberIn(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!(text.trim() !== '' && value >= min && value <= max))
      throw new InvalidArgumentError(`${name} is a number in ${min}..${max}.`)
    return value
  }
}

function integerIn(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = numberIn(name, min, max)(text)
    if (!Number.isInteger(value)) throw new InvalidArgumentError(`${name} is a whole number.`)
    return value
  }
}
