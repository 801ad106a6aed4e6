/** The command `dedup-migrate`: builds its parts, runs one verb, turns what happened into a message and an exit code. */
import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { openShardControl } from '@fractal-lba/shards/open'
import { type ShardControl, type ShardId, ShardRefused, ShardUnavailable } from '@fractal-lba/shards/port'
import { CommanderError } from 'commander'
import { SYSTEM_CLOCK } from '../clock.ts'
import { MigrationStopped } from '../stopped.ts'
import { checkCertificateFile } from './certificate-files.ts'
import { CommandFailed, EXIT, type ExitCode } from './exit-codes.ts'
import { type Options, parseOptions, type RawOptions } from './options.ts'
import { type AnyVerb, buildProgram } from './program.ts'
import { redact } from './redact.ts'
import { runVerb, type Surroundings, showPlan, showStatus, type Terminal } from './run-verb.ts'

const secrets: string[] = []
const terminal: Terminal = {
  print: (text) => process.stdout.write(`${redact(text, secrets)}\n`),
  warn: (text) => process.stderr.write(`${redact(text, secrets)}\n`),
  progress: { write: (text) => process.stderr.write(redact(text, secrets)), terminal: process.stderr.isTTY === true },
}

const interrupted = new AbortController()
// npm, a shell and a terminal may each send the signal: they all mean the same one stop.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort())

async function perform(verb: AnyVerb, raw: RawOptions): Promise<void> {
  const options = await parseOptions(raw, process.env)
  if (options.pods.kind === 'push') secrets.push(options.pods.token)
  const controls = openAll(options)
  try {
    await dispatch(verb, options, {
      controls,
      clock: SYSTEM_CLOCK,
      terminal,
      signal: interrupted.signal,
      holder: `dedup-migrate@${hostname()}:${process.pid}-${randomBytes(4).toString('hex')}`,
    })
  } finally {
    await Promise.allSettled([...controls.values()].map((control) => control.close()))
  }
}

async function dispatch(verb: AnyVerb, options: Options, around: Surroundings): Promise<void> {
  if (verb === 'plan') return showPlan(options, around)
  if (verb === 'status') return showStatus(options, around)
  if (verb === 'verify' && options.certificateFile !== undefined)
    return checkCertificateFile(options.certificateFile, options, around)
  return runVerb(verb, options, around)
}

function openAll(options: Options): Map<ShardId, ShardControl> {
  return new Map(options.shards.map((address) => [address.id, openShardControl(address)]))
}

/** What happened, in words and as an exit code. */
function outcomeOf(error: unknown): { code: ExitCode; message: string } {
  if (error instanceof CommandFailed) {
    const resume =
      error.code === EXIT.interrupted ? '\nGive the same command again to go on; `status` shows where it stands.' : ''
    return { code: error.code, message: `${error.message}${resume}` }
  }
  if (error instanceof ShardRefused) {
    const held =
      error.refusal.kind === 'lease-held' ? '. If that process is gone for good, --take-over takes the lease from it' : ''
    return { code: EXIT.refused, message: `${error.message}${held}` }
  }
  if (error instanceof MigrationStopped) {
    const refused = error.reason === 'LeaseLost' || error.reason === 'PlanStale' || error.reason === 'PlanRefused'
    return { code: refused ? EXIT.refused : EXIT.failed, message: error.message }
  }
  if (error instanceof ShardUnavailable)
    return {
      code: EXIT.failed,
      message: `${error.message}. What was done is recorded at the shards: give the same command again when it answers`,
    }
  return { code: EXIT.failed, message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}

const program = buildProgram(perform)
for (const command of [program, ...program.commands]) command.exitOverride()
try {
  await program.parseAsync(process.argv)
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  else {
    const { code, message } = outcomeOf(error)
    terminal.warn(message)
    process.exitCode = code
  }
}
