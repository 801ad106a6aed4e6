/**
 * `npm run formal`: checks the models with TLC, holds the simulator's traces against one of them, and checks the proofs with Coq. Exits 0
 * where all is as demanded, 1 where it is not, 2 where it could not be run.
 */
import { performance } from 'node:perf_hooks'
import { Command, InvalidArgumentError, Option } from 'commander'
import { runCoq } from './coq/run-coq.ts'
import type { Finding, Session } from './finding.ts'
import { runModels } from './models/run-models.ts'
import { tableOf } from './table.ts'
import { ToolMissing } from './tools/missing.ts'
import { runTraces } from './traces/run-traces.ts'

interface Options {
  readonly seeds: number
  readonly ifPossible?: boolean
  readonly output: 'table' | 'json'
}

const PARTS: Readonly<Record<string, { what: string; run: (options: Options, session: Session) => Promise<Finding[]> }>> = {
  models: {
    what: 'TLC on the models of migration and ingest, and on each without one of its guards',
    run: (_, session) => runModels(session),
  },
  traces: { what: 'lives of the simulator against the model of a slot', run: ({ seeds }, session) => runTraces(seeds, session) },
  coq: { what: 'the proofs about the canonical rendering', run: (_, session) => runCoq(session) },
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on')
  return value
}

const names = Object.keys(PARTS)
const program = new Command('npm run formal --')
  .description('Checks models and proofs; fetches what it needs (TLC with pip, Coq with apt-get as root). Java must be there.')
  .argument('[parts...]', `which (${names.join(', ')}); all by default`)
  .option('--seeds <n>', 'lives of the simulator for the traces', positive, 100)
  .option('--if-possible', 'a part whose tools are missing is skipped, with the reason, and is no failure')
  .addOption(new Option('--output <form>', 'what goes to stdout').choices(['table', 'json']).default('table'))
  .addHelpText('after', `\nParts:\n${names.map((name) => `  ${name.padEnd(8)} ${PARTS[name]?.what}`).join('\n')}`)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(async (chosen: string[], options: Options) => {
    const unknown = chosen.find((name) => !names.includes(name))
    if (unknown !== undefined) program.error(`no part ${unknown}; there are ${names.join(', ')}`)
    const ending = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ending.abort())
    const session: Session = { say: (line) => process.stderr.write(`${line}\n`), signal: ending.signal, env: process.env }
    process.exitCode = await check(chosen.length > 0 ? chosen : names, options, session)
  })
await program.parseAsync()

async function check(parts: readonly string[], options: Options, session: Session): Promise<number> {
  const startedAtMs = performance.now()
  const findings: Finding[] = []
  const missing: string[] = []
  for (const part of parts) {
    try {
      findings.push(...(await (PARTS[part] as (typeof PARTS)[string]).run(options, session)))
    } catch (error) {
      if (session.signal.aborted) {
        session.say('Stopped.')
        return 2
      }
      if (!(error instanceof ToolMissing)) throw error
      missing.push(`${part}: ${options.ifPossible ? 'skipped. ' : ''}${error.message}`)
    }
  }
  const failed = findings.filter(({ ok }) => !ok)
  if (options.output === 'json') console.log(JSON.stringify({ findings, missing }, null, 2))
  else if (findings.length > 0) console.log(tableOf(findings))
  for (const { name, what, detail } of failed) session.say([`\n${name}, ${what}:`, ...(detail ?? [])].join('\n'))
  for (const line of missing) session.say(line)
  const seconds = (performance.now() - startedAtMs) / 1000
  session.say(`${findings.length - failed.length} of ${findings.length} as demanded, in ${seconds.toFixed(0)} s.`)
  if (failed.length > 0) return 1
  return missing.length > 0 && !options.ifPossible ? 2 : 0
}
