/**
 * node demo/src/audit/main.ts --journals DIR --shards URL,URL,... --wals DIR,DIR,...
 * The auditor as a command. Exits 0 only if everything it checked is true; 1 with what is not; 2 when it could not look.
 */
import { Command, Option } from 'commander'
import { audit } from './audit.ts'
import { reportLines } from './report.ts'

const list = (text: string) => text.split(',').filter((part) => part !== '')

const command = new Command('audit')
  .description("Checks a run from the agents' journals, the shards and the verifiers' logs.")
  .requiredOption('--journals <dir>', "folder of the agents' journals (*.jsonl)")
  .option('--shards <urls>', 'addresses of all shards, comma-separated; none for the memory store', list, [])
  .requiredOption('--wals <dirs>', 'log folders of all verifiers, comma-separated; the verifiers must have stopped', list)
  .option('--unsettled', 'a migration is under way: copies at shards that do not own them (yet) are no findings', false)
  .option('--balancers <names>', 'names in the journals that stand for any of the verifiers, comma-separated', list, [])
  .addOption(new Option('--output <format>').choices(['text', 'json']).default('text'))
  .parse()

const { journals, shards, wals, unsettled, balancers, output } = command.opts<{
  journals: string
  shards: string[]
  wals: string[]
  unsettled: boolean
  balancers: string[]
  output: 'text' | 'json'
}>()
try {
  const verdict = await audit({ journals, shards, wals, settled: !unsettled, balancers })
  console.log(output === 'json' ? JSON.stringify(verdict, null, 2) : reportLines(verdict).join('\n'))
  process.exitCode = verdict.findings.length === 0 ? 0 : 1
} catch (error) {
  console.error(`the audit could not be made: ${(error as Error).message}`)
  process.exitCode = 2
}
