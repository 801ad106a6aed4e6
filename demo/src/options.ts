/** The command line of `npm start`, parsed once into a type that says it was. */
import { Command, InvalidArgumentError, Option } from 'commander'

export const BACKENDS = ['postgres', 'redis', 'memory'] as const
export type Backend = (typeof BACKENDS)[number]

export const FAULTS = ['kill-pod', 'kill-operator', 'bad-target', 'slow-shard'] as const
export type FaultName = (typeof FAULTS)[number]

export interface Options {
  readonly backend: Backend
  readonly fault: FaultName | undefined
  /** Leave the fleet running at the end. */
  readonly keep: boolean
  /** Submissions a second, all agents together. */
  readonly rate: number
  /** Least seconds of load; without it, as long as the migration takes and a little more. */
  readonly durationSeconds: number | undefined
  /** Shorter waits everywhere: less to see, sooner done. */
  readonly brisk: boolean
  /** Limit in ms of the fleet's p95 in the migration's gates. */
  readonly p95Gate: number
  readonly output: 'text' | 'json'
}

/** Two cores carry three databases, three verifiers, the operator and the agents at this rate with latency far from its gate. */
export const DEFAULT_RATE = 600
/** What a `ShardMigration` has by default. */
const DEFAULT_P95_GATE_MS = 200
const RATE_MAX = 20_000
const DURATION_MAX_SECONDS = 24 * 3600

const FAULT_HELP = `
Faults, all real (signals to processes, proxies in front of servers):
  kill-pod       a verifier is killed (SIGKILL) while keys are copied, another one during the cutover; both are restarted
  kill-operator  the operator is killed in Copying and again in Cutover; a successor takes over
  bad-target     the network of one target shard turns bad after the cutover has begun: gates must fail and roll the change back
  slow-shard     the network of the source turns slow while keys are copied: the copy must back off

The memory store lives inside one verifier, so there is nothing to reshard: the load runs, the verifier is killed once and rebuilds
its store from its log, and the auditor judges that. It takes no --fault.

Exit code: 0 the auditor found everything true and the change ended as expected; 1 something is wrong, said at the end;
2 the command line is wrong; 130 stopped by Ctrl-C (after an audit of what there was).`

/** @returns the options; exits with a message (2) or the help (0) where the line asks for that. */
export function parseCommandLine(argv: readonly string[]): Options {
  const command = new Command('npm start --')
    .description(
      'A fleet of verifiers on this machine whose dedup shards go from one to three while it serves, and an audit of the outcome.',
    )
    .addOption(new Option('--backend <store>', 'where decisions live').choices(BACKENDS).default('postgres'))
    .addOption(new Option('--fault <name>', 'what goes wrong meanwhile').choices(FAULTS))
    .option('--rate <n>', 'submissions a second', numberIn('rate', 1, RATE_MAX), DEFAULT_RATE)
    .option(
      '--duration <s>',
      'seconds of load at least (default: until the migration has ended, and 5 more)',
      numberIn('duration', 1, DURATION_MAX_SECONDS),
    )
    .option(
      '--p95-gate <ms>',
      "limit of the fleet's p95 in the gates, for machines that are slow or busy",
      numberIn('p95-gate', 1, 60_000),
      DEFAULT_P95_GATE_MS,
    )
    .option('--brisk', 'shorter waits between the steps: less to see, sooner done', false)
    .option('--keep', 'leave the fleet running at the end, and say how to use and stop it', false)
    .addOption(
      new Option('--output <format>', 'json: one JSON summary on stdout at the end').choices(['text', 'json']).default('text'),
    )
    .addHelpText('after', FAULT_HELP)
    .exitOverride()
  try {
    command.parse([...argv], { from: 'user' })
    const { backend, fault, keep, rate, duration, brisk, p95Gate, output } = command.opts<{
      backend: Backend
      fault?: FaultName
      keep: boolean
      rate: number
      duration?: number
      p95Gate: number
      brisk: boolean
      output: 'text' | 'json'
    }>()
    if (backend === 'memory' && fault)
      command.error(
        'error: the memory store lives inside one verifier: there is no migration that --fault could disturb; use it with --backend postgres or redis',
      )
    return { backend, fault, keep, rate, durationSeconds: duration, brisk, p95Gate, output }
  } catch (error) {
    // commander has printed what there is to say; help and version are no mistake.
    process.exit((error as { exitCode?: number }).exitCode === 0 ? 0 : 2)
  }
}

function numberIn(name: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`${name} is a number in ${min}..${max}.`)
    return value
  }
}
