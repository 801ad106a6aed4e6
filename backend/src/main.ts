/**
 * The process of a verifier pod: its configuration comes from the environment, its one line on stdout says where it listens, its log
 * goes to stderr. `npm run backend -- --help` lists the configuration. What runs in it is put together in `pod.ts`.
 */
import { availableParallelism, hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'
import packageJson from '../package.json' with { type: 'json' }
import { helpText } from './config/help.ts'
import { readConfig } from './config/read-config.ts'
import { type Pod, startPod } from './pod.ts'

const EXIT_FAILED = 1
const EXIT_BAD_CONFIG = 2

const args = process.argv.slice(2)
if (args.length > 0) {
  const asksForHelp = args.includes('--help') || args.includes('-h')
  const stream = asksForHelp ? process.stdout : process.stderr
  stream.write(asksForHelp ? helpText() : `unknown argument ${args[0]}\n\n${helpText()}`)
  process.exit(asksForHelp ? 0 : EXIT_BAD_CONFIG)
}

const result = readConfig(process.env, { hostname: hostname(), cpus: availableParallelism() })
if (!result.ok) {
  process.stderr.write(`The configuration is not valid:\n${result.problems.map((problem) => `  ${problem}\n`).join('')}`)
  process.exit(EXIT_BAD_CONFIG)
}
const { config } = result

// Synchronous, so that the last line before an exit is out.
const log = pino({ level: config.logLevel, base: { pod: config.pod } }, pino.destination({ dest: 2, sync: true }))

function endBroken(error: unknown): never {
  log.fatal({ err: error }, error instanceof Error ? error.message : 'broken')
  process.exit(EXIT_FAILED)
}
process.on('uncaughtException', endBroken)
process.on('unhandledRejection', endBroken)

let pod: Pod | undefined
let ending = false

async function end(signal: string): Promise<void> {
  if (ending) return
  ending = true
  log.info({ signal }, 'draining')
  setTimeout(
    () =>
      endBroken(
        new Error(`the drain took longer than ${config.drainTimeoutMs} ms; what is unfinished is run again at the next start`),
      ),
    config.drainTimeoutMs,
  ).unref()
  await pod?.stop()
  log.info('drained')
  process.exit(0)
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal).catch(endBroken))

try {
  pod = await startPod(config, {
    log,
    version: config.version ?? packageJson.version,
    wallClock: Date.now,
    monotonic: () => performance.now(),
    random: Math.random,
    pause: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
    onBroken: endBroken,
  })
} catch (error) {
  endBroken(error)
}
process.stdout.write(
  `${JSON.stringify({ event: 'listening', port: pod.port, adminPort: pod.adminPort, pod: config.pod, pid: process.pid })}\n`,
)
