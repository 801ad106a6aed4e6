/** One run of TLC on one of our modules: its configuration is written, the checker run in a folder of its own, what it said read. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../tools/command.ts'
import { type Counts, countsOf, type Verdict, verdictOf } from './output.ts'

const MODELS = join(import.meta.dirname, '..', '..', 'models')

export interface Question {
  readonly module: string
  readonly specification: string
  /** As TLA+ writes them. */
  readonly constants: Readonly<Record<string, string>>
  readonly invariants: readonly string[]
  readonly properties: readonly string[]
  readonly symmetry?: string
  /** A state without a successor is an error. */
  readonly deadlock: boolean
  /** Modules that are made for this run, by name. */
  readonly extraModules?: Readonly<Record<string, string>>
  /** Over in seconds: half of what it takes would go into compiling TLC well. */
  readonly brief: boolean
  readonly timeoutMs: number
}

export interface Answer extends Counts {
  readonly verdict: Verdict
  readonly seconds: number
  readonly output: string
}

export function configOf({ specification, constants, invariants, properties, symmetry }: Question): string {
  return [
    `SPECIFICATION ${specification}`,
    ...(Object.keys(constants).length > 0 ? ['CONSTANTS'] : []),
    ...Object.entries(constants).map(([name, value]) => `  ${name} = ${value}`),
    ...invariants.map((name) => `INVARIANT ${name}`),
    ...properties.map((name) => `PROPERTY ${name}`),
    ...(symmetry === undefined ? [] : [`SYMMETRY ${symmetry}`]),
    '',
  ].join('\n')
}

export async function runTlc(jar: string, question: Question, signal: AbortSignal): Promise<Answer> {
  const folder = await mkdtemp(join(tmpdir(), 'flk-tlc-'))
  try {
    await cp(MODELS, folder, { recursive: true })
    await writeFile(join(folder, 'run.cfg'), configOf(question))
    for (const [name, text] of Object.entries(question.extraModules ?? {})) await writeFile(join(folder, `${name}.tla`), text)
    const args = [
      // TLC unpacks its standard modules there; two runs in one folder would read each other's.
      `-Djava.io.tmpdir=${folder}`,
      '-XX:+UseParallelGC',
      '-Xmx2g',
      ...(question.brief ? ['-XX:TieredStopAtLevel=1'] : []),
      '-cp',
      jar,
      'tlc2.TLC',
      ...(question.deadlock ? [] : ['-deadlock']),
      '-workers',
      `${availableParallelism()}`,
      '-metadir',
      join(folder, 'states'),
      '-config',
      'run.cfg',
      question.module,
    ]
    const ran = await runCommand('java', args, { cwd: folder, timeoutMs: question.timeoutMs, signal })
    signal.throwIfAborted()
    const verdict: Verdict = ran.overtime
      ? { kind: 'failed', why: `not through after ${question.timeoutMs / 1000} s` }
      : verdictOf(ran.output)
    return { ...countsOf(ran.output), verdict, seconds: ran.seconds, output: ran.output }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
