/**
 * `npm run bench`: figures, each as a ratio to a ceiling measured in the same run. Prints tables, and with `--output json` one JSON
 * document; `--markdown FILE` writes what docs/benchmarks.md holds.
 */
import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import { benchCopy } from './copy.ts'
import { benchIngest } from './ingest.ts'
import { benchLatency } from './latency.ts'
import { benchLiveMigration } from './live-migration.ts'
import type { Section } from './measure.ts'
import { benchMemoryStore } from './memory-store.ts'
import { benchMigration } from './migration/section.ts'
import { benchOperator } from './operator/section.ts'
import { benchReplay } from './replay.ts'
import { machine, markdown, printTable } from './report.ts'
import { BenchStopped } from './stopped.ts'

interface Options {
  readonly seconds: number
  readonly rounds: number
  readonly output: 'table' | 'json'
  readonly markdown?: string
  readonly full?: boolean
  readonly ifPossible?: boolean
  readonly keys: number
}

const say = (line: string) => process.stderr.write(`${line}\n`)

const SECTIONS: Readonly<Record<string, { what: string; run: (options: Options) => Promise<Section | Section[]> }>> = {
  ingest: {
    what: 'submissions a second, by store and signature',
    run: ({ rounds, seconds }) => benchIngest({ rounds, seconds, say }),
  },
  latency: { what: 'p99 at 1,000 req/s against the disk alone', run: () => benchLatency(20, say) },
  memory: { what: 'bytes a record and lookups at 5 million', run: () => benchMemoryStore(say) },
  replay: { what: 'start on a WAL of a million entries', run: () => benchReplay(1_000_000, say) },
  copy: {
    what: 'migration copy against the servers alone (--full: up to 10 million keys)',
    run: ({ full }) => benchCopy(full ? [100_000, 1_000_000, 10_000_000] : [100_000, 1_000_000], say),
  },
  operator: { what: 'the operator on a real API server with 1,000 custom resources and 500 pods', run: () => benchOperator(say) },
  migration: {
    what: 'beside redis-cli --cluster reshard, pg_dump and logical replication, at rest and under load (--keys)',
    run: ({ keys }) => benchMigration(keys, say),
  },
  live: { what: 'a reshard from one to three shards under load', run: () => benchLiveMigration(say) },
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on')
  return value
}

async function measure(name: string, options: Options): Promise<Section[]> {
  return [await (SECTIONS[name] as (typeof SECTIONS)[string]).run(options)].flat()
}

const names = Object.keys(SECTIONS)
const program = new Command('npm run bench --')
  .description('Measures the project on this machine; each figure is a ratio to a ceiling of the same run.')
  .argument('[sections...]', `which (${names.join(', ')}); all by default`)
  .option('--seconds <n>', 'length of one load', positive, 6)
  .option('--rounds <n>', 'how often each is measured; medians count', positive, 3)
  .addOption(new Option('--output <form>', 'what goes to stdout').choices(['table', 'json']).default('table'))
  .option('--markdown <file>', 'also write the tables as Markdown')
  .option('--keys <n>', 'records of the section migration', positive, 300_000)
  .option('--if-possible', 'where tools of others are missing, say which, and leave that section out')
  .option('--full', 'the largest sizes too; takes much longer')
  .addHelpText('after', `\nSections:\n${names.map((name) => `  ${name.padEnd(10)} ${SECTIONS[name]?.what}`).join('\n')}`)
  .action(async (chosen: string[], options: Options) => {
    const unknown = chosen.find((name) => !names.includes(name))
    if (unknown) program.error(`no section ${unknown}; there are ${names.join(', ')}`, { exitCode: 2 })
    const sections: Section[] = []
    for (const name of chosen.length > 0 ? chosen : names) {
      const measured = await measure(name, options).catch((error: unknown) => {
        if (!(error instanceof BenchStopped)) throw error
        say(error.message)
        // Of all sections one that cannot be measured here is left out; one that was asked for is so only where that was asked for, too.
        if (error.reason === 'tool-missing' && (chosen.length === 0 || options.ifPossible)) return []
        process.exit(error.exitCode)
      })
      sections.push(...measured)
      if (options.output === 'table') measured.forEach(printTable)
    }
    if (options.output === 'json') console.log(JSON.stringify({ machine: machine(), sections }, null, 2))
    if (options.markdown) await writeFile(options.markdown, markdown(sections))
  })
await program.parseAsync()
