/** The command line's shape: verbs, options and their help. What they do is in `run-verb.ts`. */
import { Command, Option } from 'commander'
import type { Verb } from './legal.ts'
import type { RawOptions } from './options.ts'

export type AnyVerb = Verb | 'plan' | 'status'

interface VerbHelp {
  readonly summary: string
  readonly examples: readonly string[]
  readonly options: readonly OptionGroup[]
}

type OptionGroup = 'target' | 'copy' | 'verify' | 'soak' | 'cutover' | 'pods' | 'lease' | 'certificate'

const SHARDS = '--from redis://a:6379 --to redis://a:6379,redis://b:6379,redis://c:6379'

const VERBS: Readonly<Record<AnyVerb, VerbHelp>> = {
  plan: {
    summary: 'show what would move; changes nothing',
    examples: [`plan ${SHARDS}`],
    options: ['target', 'copy'],
  },
  copy: {
    summary: 'record the plan, capture new writes and copy the records',
    examples: [`copy ${SHARDS} --throttle 20000`],
    options: ['target', 'copy', 'pods', 'lease'],
  },
  verify: {
    summary: 'compare digests of both sides slot by slot, or check a certificate',
    examples: [
      `verify ${SHARDS}`,
      `verify --from redis://a:6379,redis://b:6379,redis://c:6379 --certificate m-1.certificate.json --key operator.pub.pem`,
    ],
    options: ['copy', 'pods', 'lease', 'verify'],
  },
  'dual-write': {
    summary: 'keep both sides in step for the soak time',
    examples: [`dual-write ${SHARDS} --soak 60`],
    options: ['soak', 'pods', 'lease'],
  },
  cutover: {
    summary: 'switch the slots to their targets in steps, then issue the certificate',
    examples: [`cutover ${SHARDS} --steps 1,10,50,100 --pods http://verifier-0:8081 --admin-token-file token`],
    options: ['soak', 'cutover', 'pods', 'lease', 'certificate'],
  },
  cleanup: {
    summary: 'pass the point of no return: end the reverse capture and delete what has moved',
    examples: [`cleanup ${SHARDS}`],
    options: ['copy', 'pods', 'lease'],
  },
  rollback: {
    summary: 'undo: switch back what was cut over, with every write since, and delete the copies',
    examples: [`rollback ${SHARDS}`],
    options: ['copy', 'pods', 'lease'],
  },
  status: {
    summary: 'show how the migration stands; changes nothing',
    examples: [`status ${SHARDS} --output json`],
    options: [],
  },
  run: {
    summary: 'everything from copy to cleanup',
    examples: [`run ${SHARDS} --pods-know-targets`, `run ${SHARDS} --dry-run`],
    options: ['target', 'copy', 'soak', 'cutover', 'pods', 'lease', 'certificate'],
  },
}

export function buildProgram(perform: (verb: AnyVerb, options: RawOptions) => Promise<void>): Command {
  const program = new Command('dedup-migrate')
    .description('Moves dedup slots between shards while the fleet works.')
    .helpCommand(false)
    .showHelpAfterError('(dedup-migrate VERB --help shows examples)')
    .addHelpText(
      'after',
      `
Every verb can be stopped and given again: what was done is recorded at the shards.

Exit codes: 0 done; 1 failed; 2 wrong command line; 3 order refused or fenced off by another process;
4 not converging (writes outrun the migration); 130 interrupted at a safe point.

Examples:
  $ dedup-migrate plan ${SHARDS}
  $ dedup-migrate run ${SHARDS} --pods-know-targets`,
    )
  for (const [verb, help] of Object.entries(VERBS) as [AnyVerb, VerbHelp][]) {
    const command = program
      .command(verb)
      .summary(help.summary)
      .description(`${help.summary[0]!.toUpperCase()}${help.summary.slice(1)}.`)
    for (const option of [...commonOptions(), ...help.options.flatMap(optionsOf)]) command.addOption(option)
    command.addHelpText('after', `\nExamples:\n${help.examples.map((example) => `  $ dedup-migrate ${example}`).join('\n')}`)
    command.action((options: RawOptions) => perform(verb, options))
  }
  return program
}

function commonOptions(): Option[] {
  return [
    new Option('--from <shards>', 'addresses of all shards that own slots now, separated by commas (or MIGRATE_FROM)'),
    new Option('--to <shards>', 'addresses of all shards that shall own slots afterwards (or MIGRATE_TO)'),
    new Option('--id <id>', 'name of the migration (default: the one under way, else one made from the plan)'),
    new Option('--output <format>', 'table or json (default: table)'),
  ]
}

function optionsOf(group: OptionGroup): Option[] {
  switch (group) {
    case 'target':
      return [
        new Option('--vnodes <count>', 'points a shard on the hash circle, as DEDUP_VNODES of the pods (default: 150)'),
        new Option('--approve <plan>', 'begin only if the plan has this hash'),
        new Option('--dry-run', 'stop after the plan'),
      ]
    case 'copy':
      return [
        new Option(
          '--batch-size <keys>',
          'keys per copy call (default: 1000 for Redis, 10000 for PostgreSQL, less under a throttle)',
        ),
        new Option('--throttle <keys>', 'ceiling of copy and cleanup in keys per second (default: none)'),
      ]
    case 'verify':
      return [
        new Option('--certificate <file>', 'check this certificate against the shards instead'),
        new Option('--key <file>', 'public key (PEM) that must have signed it'),
      ]
    case 'soak':
      return [
        new Option('--soak <seconds>', 'time in step before the cutover, and after it before the certificate (default: 10)'),
        new Option('--max-lag <seconds>', 'captured writes may be this far behind (default: 2)'),
        new Option('--converge-deadline <seconds>', 'longest time that the lag may stay over its limit (default: 600)'),
      ]
    case 'cutover':
      return [
        new Option('--steps <percent>', 'share of the slots after each step (default: 1,10,50,100)'),
        new Option('--step-seconds <seconds>', 'time to watch between two steps (default: 2)'),
      ]
    case 'pods':
      return [
        new Option(
          '--pods <urls>',
          'admin ports of all pods: they are given the list of shards, and their latency paces the copy',
        ),
        new Option('--admin-token-file <file>', 'file with the token of those admin ports'),
        new Option('--max-p95 <ms>', 'latency limit of the pods that the copy keeps away from (default: 200)'),
        new Option('--pods-know-targets', 'the pods have the addresses of the targets already'),
      ]
    case 'lease':
      return [new Option('--take-over', 'take the lease although another process holds it')]
    case 'certificate':
      return [
        new Option('--certificate <file>', 'where the certificate goes (default: ID.certificate.json)'),
        new Option('--key <file>', 'Ed25519 private key (PEM) that signs it'),
      ]
  }
}
