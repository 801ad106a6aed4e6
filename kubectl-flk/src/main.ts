/**
 * `kubectl flk`: what the operator plans, does and decides, for people; and the verbs that they give it. Everything goes through the user's
 * kubectl. What was asked for goes to stdout, everything else to stderr; exit codes are in `exit.ts`.
 */
import { basename } from 'node:path'
import { VERBS, type Verb } from '@fractal-lba/operator/api/group'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { COMPLETER, completions } from './complete.ts'
import { CommandFailed, EXIT_CODES } from './exit.ts'
import { historyText, readHistory } from './history.ts'
import { Kubectl } from './kubectl.ts'
import { type Custom, parseTarget, readFleets, readObject, readObjects, refOf } from './objects.ts'
import { planJson, planText } from './plan.ts'
import { certificateOf, readCertificateText, readPublicKey, reportText, verifyCertificate } from './report.ts'
import { readPatiently, statusJson, statusText, watchStatus } from './status.ts'
import { type Clock, giveVerb } from './verbs.ts'
import { chainOf, whyText } from './why.ts'

/** Passed on to kubectl as they are. */
const PASSED_ON = ['kubeconfig', 'context', 'cluster', 'user', 'as', 'token', 'server', 'requestTimeout'] as const

interface Globals extends Partial<Record<(typeof PASSED_ON)[number], string>> {
  readonly namespace?: string
  readonly allNamespaces?: true
  readonly output: 'text' | 'json'
}

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
}

const VERB_TEXTS: Readonly<Record<Verb, string>> = {
  approve: 'let the plan happen that is in status',
  abort: 'stop, and undo what was done',
  pause: 'hold where it stands; gates go on being measured',
  resume: 'go on after a pause',
  retry: 'go on after a freeze, or begin anew after a failure',
}

const seconds = (text: string): number => {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0 || value > 86_400) throw new InvalidArgumentError('give seconds, from 0 to 86400.')
  return value
}

const program = new Command('kubectl-flk')
  .usage('COMMAND [KIND/]NAME [flags]   (as a plugin: kubectl flk ...)')
  .description(
    'See and steer what the fractal-lba operator does: ShardMigration (smig), CRRPolicy (crrp), TieringPolicy (tierp), and the upgrades of a fleet itself (fleet).',
  )
  .option('-n, --namespace <name>', 'namespace of the objects')
  .option('-A, --all-namespaces', 'objects of all namespaces (status)')
  .addOption(new Option('-o, --output <format>', 'text or json').choices(['text', 'json']).default('text'))
  .option('--kubeconfig <file>', 'passed on to kubectl, as are the next ones')
  .option('--context <name>')
  .option('--cluster <name>')
  .option('--user <name>')
  .option('--as <user>')
  .option('--token <token>')
  .option('--server <url>')
  .option('--request-timeout <duration>')
  .version('0.1.0')
  .showHelpAfterError('(kubectl flk --help shows what there is)')
  .addHelpText(
    'after',
    `
Exit codes: 0 done; 1 refused, failed or not verified; 2 wrong usage; 3 no such object; 4 no cluster, or forbidden; 5 no answer of the operator in time.`,
  )
  .exitOverride()

const globals = (command: Command): Globals => command.optsWithGlobals<Globals>()
const scopeOf = ({ namespace, allNamespaces }: Globals): string[] => [
  ...(namespace === undefined ? [] : ['-n', namespace]),
  ...(allNamespaces ? ['-A'] : []),
]
const kubectlOf = (flags: Globals): Kubectl =>
  new Kubectl(
    process.env.KUBECTL || 'kubectl',
    PASSED_ON.flatMap((name) => {
      const value = flags[name]
      return value === undefined ? [] : [`--${name === 'requestTimeout' ? 'request-timeout' : name}=${value}`]
    }),
  )
const print = (flags: Globals, text: () => string, json: () => unknown): void =>
  console.log(flags.output === 'json' ? JSON.stringify(json(), undefined, 2) : text())

program
  .command('plan <name>')
  .description('what would be done, in which order, how much and how long; and how to approve it')
  .action(async (name: string, _own: unknown, command: Command) => {
    const flags = globals(command)
    const object = await readObject(kubectlOf(flags), name, scopeOf(flags))
    print(
      flags,
      () => planText(object),
      () => planJson(object),
    )
  })

program
  .command('status [name]')
  .description('how objects stand')
  .option('-w, --watch', 'show changes as they happen, until all are done or have failed')
  .option('--interval <seconds>', 'with --watch: time between two looks', seconds, 1)
  .action(async (name: string | undefined, own: { watch?: true; interval: number }, command: Command) => {
    const flags = globals(command)
    const kubectl = kubectlOf(flags)
    const target = parseTarget(name)
    const read = async () => {
      const objects = await readObjects(kubectl, target, scopeOf(flags))
      if (name === undefined) objects.push(...(await readFleets(kubectl, scopeOf(flags))))
      if (name !== undefined && objects.length === 0)
        throw new CommandFailed('notFound', `there is no "${name}" here; kubectl flk status -A shows all objects`)
      return objects
    }
    const show = (objects: readonly Custom[]) =>
      flags.output === 'json'
        ? JSON.stringify(statusJson(objects), undefined, 2)
        : statusText(objects, flags.allNamespaces === true)
    if (!own.watch) return console.log(show(await read()))
    const screen = { isTerminal: process.stdout.isTTY === true, write: (text: string) => process.stdout.write(text) }
    const patient = readPatiently(read, (line) => process.stderr.write(`${line}\n`))
    const ended = await watchStatus(patient, show, screen, clock, own.interval)
    if (ended === 'failed') process.exitCode = EXIT_CODES.refused
  })

program
  .command('why <name>')
  .description('why it stands where it stands: reading, query, threshold, rule, decision')
  .action(async (name: string, _own: unknown, command: Command) => {
    const flags = globals(command)
    const object = await readObject(kubectlOf(flags), name, scopeOf(flags))
    print(
      flags,
      () => whyText(object),
      () => chainOf(object) ?? null,
    )
  })

for (const verb of VERBS) {
  const command = program
    .command(`${verb} <name>`)
    .description(VERB_TEXTS[verb])
    .option('--dry-run', 'ask the server whether it would take it, and change nothing')
    .option('--timeout <seconds>', 'how long to wait for the operator; 0: not at all', seconds, 30)
  if (verb === 'approve')
    command.option('--plan <hash>', 'the plan that is approved; refused where it is no longer the present one')
  command.action(async (target: string, own: { timeout: number; plan?: string; dryRun?: true }) => {
    const flags = globals(command)
    const order = {
      verb,
      target,
      plan: own.plan,
      scope: scopeOf(flags),
      timeoutSeconds: own.timeout,
      dryRun: own.dryRun === true,
    }
    const { object, echo } = await giveVerb(kubectlOf(flags), order, clock)
    print(
      flags,
      () =>
        echo
          ? `${verb} of ${refOf(object)} was taken at ${echo.at}. ${object.status?.message ?? ''}`
          : `${verb} of ${refOf(object)} ${own.dryRun ? 'would be taken by the server; nothing was changed' : 'was given'}.`,
      () => echo ?? null,
    )
  })
}

program
  .command('history <name>')
  .description('what happened: events and decisions in one order')
  .action(async (name: string, _own: unknown, command: Command) => {
    const flags = globals(command)
    const kubectl = kubectlOf(flags)
    const object = await readObject(kubectl, name, scopeOf(flags))
    const history = await readHistory(kubectl, object)
    print(
      flags,
      () => historyText(object, history),
      () => history.entries,
    )
  })

program
  .command('report <name>')
  .description("a migration's certificate: what both sides held, slot by slot, before and after (-o json: as it was issued)")
  .option('--verify', 'check that it is what it was issued as')
  .option('--public-key <file>', "with --verify: the operator's public key (PEM)")
  .action(async (name: string, own: { verify?: true; publicKey?: string }, command: Command) => {
    const flags = globals(command)
    const { text } = await readCertificateText(kubectlOf(flags), name, scopeOf(flags))
    const key = own.publicKey === undefined ? undefined : await readPublicKey(own.publicKey)
    if (flags.output === 'json') process.stdout.write(text)
    else console.log(reportText(certificateOf(text)))
    if (!own.verify && !key) return
    const { sound, lines } = verifyCertificate(certificateOf(text), key)
    for (const line of lines) console.error(line)
    if (!sound) throw new CommandFailed('refused', 'the certificate is not verified')
  })

const asked = basename(process.argv[1] ?? '') === COMPLETER
const done = asked
  ? completions(program, kubectlOf({ output: 'text' }), process.argv.slice(2)).then((text) => console.log(text))
  : program.parseAsync()

done.catch((error: unknown) => {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage
  } else if (error instanceof CommandFailed) {
    console.error(`kubectl flk: ${error.message}`)
    process.exitCode = EXIT_CODES[error.ending]
  } else {
    console.error(`kubectl flk: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = EXIT_CODES.cluster
  }
})
