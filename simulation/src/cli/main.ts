/**
 * `npm run sim`: lives thousands of simulated lives of a fleet and stops at the first in which something did not hold; replays, traces and
 * shrinks one; shows that planted bugs are found (`mutants`), and what the bugs of others would do here (`museum`).
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { showMuseum } from './show-museum.ts'
import { showMutants } from './show-mutants.ts'
import { simulate } from './simulate.ts'

/** As all commands of this project say it. */
const EXIT = { couldNotRun: 2 } as const

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('a whole number from 1 on.')
  return value
}

function positive(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0.')
  return value
}

// A reader that has seen enough of a trace (`| head`) ends the command.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

const program = new Command('npm run sim --')
  .description('The real code of a fleet under a seeded scheduler with virtual time, with faults at every await.')
  .exitOverride()
  .enablePositionalOptions()
  .showHelpAfterError('(--help lists what there is)')
  .option('--seeds <n>', 'how many seeds', whole, 10_000)
  .option('--from <seed>', 'the first one', whole, 1)
  .option('--minutes <n>', 'as many seeds as that time has, instead of --seeds', positive)
  .option('--jobs <n>', 'threads', whole, 2)
  .option('--seed <seed>', 'this one only, and what came of it', whole)
  .option('--trace', 'with --seed: everything that happened, a line each (! fault, * change of a row, - refused)')
  .option('--mutant <name>', 'with a planted bug (`mutants` names them)')
  .option('--shrink-seconds <n>', 'how long a failing seed may be shrunk', positive, 60)
  .addOption(new Option('--output <form>', 'what goes to stdout').choices(['text', 'json']).default('text'))
  .addHelpText(
    'after',
    '\nExit code 0: everything held; 1: something did not, and how to see it again is printed; 2: it could not be run;\n130: interrupted, and what was seen until then held.',
  )
  .action(async (options) => {
    process.exitCode = await simulate(options)
  })

program
  .command('mutants [names...]')
  .description('hunts planted bugs, and says within how many seeds each is found')
  .option('--within <n>', 'how many seeds are tried for each', whole, 1000)
  .option('--jobs <n>', 'threads', whole, 2)
  .addOption(new Option('--output <form>', 'what goes to stdout').choices(['text', 'json', 'markdown']).default('text'))
  .action(async (names: string[], options) => {
    process.exitCode = await showMutants(names, options)
  })

program
  .command('museum')
  .description('plays the bugs of others: what they would do to a fleet, and why they do not')
  .addOption(new Option('--output <form>', 'what goes to stdout').choices(['text', 'json']).default('text'))
  .action(async ({ output }) => {
    process.exitCode = await showMuseum(output)
  })

try {
  await program.parseAsync()
} catch (error) {
  const { code, exitCode, message } = error as { code?: string; exitCode?: number; message: string }
  // Commander has said what is wrong with the command line.
  if (code?.startsWith('commander.')) process.exitCode = exitCode === 0 ? 0 : EXIT.couldNotRun
  else {
    console.error(`The simulation could not be run: ${message}`)
    process.exitCode = EXIT.couldNotRun
  }
}
