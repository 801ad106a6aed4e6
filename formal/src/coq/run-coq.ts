/**
 * Has Coq check the proofs of coq/Canonical.v and say what they rest on; has it render samples, which must come out as the code
 * renders them; and sees that each of these refuses what it should.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderCanonical } from '@fractal-lba/protocol/signing/renderings'
import type { Finding, Session } from '../finding.ts'
import { type Ran, runCommand } from '../tools/command.ts'
import { coqc } from '../tools/coq.ts'
import { auditModule, failedIn, isClosed, otherwiseIn, type Rendered, samplesModule, THEOREMS } from './modules.ts'
import { samples } from './samples.ts'

const PROOFS = join(import.meta.dirname, '..', '..', 'coq', 'Canonical.v')
const SAMPLES = 300
const FEW = 20
const DETAIL_LINES = 20
const TIMEOUT_MS = 300_000

/** @throws ToolMissing */
export async function runCoq({ say, signal }: Session): Promise<Finding[]> {
  const version = await coqc(say, signal)
  const folder = await mkdtemp(join(tmpdir(), 'flk-coq-'))
  const coq = new Coq(folder, signal)
  const findings: Finding[] = []
  try {
    for (const check of [theorems, rendered, withATextChanged, withAProofLeftOut, withoutEscapes]) {
      const { what, ok, result, seconds, output } = await check(coq)
      signal.throwIfAborted()
      say(`coq ${version}: ${what}: ${result} (${seconds.toFixed(0)} s)`)
      const detail = ok ? {} : { detail: output.trim().split('\n').slice(-DETAIL_LINES) }
      findings.push({ part: 'coq', name: 'Canonical', what, ok, result, seconds, ...detail })
    }
    return findings
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Checked {
  readonly what: string
  readonly ok: boolean
  readonly result: string
  readonly seconds: number
  readonly output: string
}

async function theorems(coq: Coq): Promise<Checked> {
  const { proved, audit } = await coq.audit(await proofs())
  const ok = proved.code === 0 && isClosed(audit.output)
  const result = ok ? 'proved, from definitions alone' : proved.code === 0 ? 'NOT FROM DEFINITIONS ALONE' : 'NOT PROVED'
  return checked(`${THEOREMS.length} theorems`, ok, result, [proved, audit])
}

async function rendered(coq: Coq): Promise<Checked> {
  const ran = await coq.compile('Samples', samplesModule(renderedSamples()))
  const otherwise = otherwiseIn(ran.output)
  const ok = otherwise?.length === 0
  const result = ok ? 'as the code renders them' : otherwise ? `OTHERWISE than the code: ${otherwise.join(', ')}` : 'NOT RENDERED'
  return checked(`${SAMPLES} summaries`, ok, result, [ran])
}

/** In one of the texts a real is rounded as `toFixed` does it, a tie away from zero. */
async function withATextChanged(coq: Coq): Promise<Checked> {
  const few = renderedSamples().slice(0, FEW)
  const at = few.findIndex(({ text }) => text.includes(TIE))
  const changed = few.map((one, index) => (index === at ? { ...one, text: one.text.replace(TIE, AWAY_FROM_ZERO) } : one))
  const ran = await coq.compile('Samples', samplesModule(changed))
  const ok = at >= 0 && otherwiseIn(ran.output)?.join() === `${at}`
  return checked(`a tie in one of ${FEW} of them rounded away from zero`, ok, ok ? 'noticed, as demanded' : 'NOT NOTICED', [ran])
}

/** 1 / 1024. */
const TIE = ':0.000976562,'
const AWAY_FROM_ZERO = ':0.000976563,'

async function withAProofLeftOut(coq: Coq): Promise<Checked> {
  const left = (await proofs()).replace(/(Theorem nine_decimals_are_injective[^.]*\.)[\s\S]*?Qed\./, '$1 Admitted.')
  const { proved, audit } = await coq.audit(left)
  const ok = proved.code === 0 && audit.code === 0 && !isClosed(audit.output)
  return checked('a proof left out', ok, ok ? 'noticed, as demanded' : 'NOT NOTICED', [proved, audit])
}

async function withoutEscapes(coq: Coq): Promise<Checked> {
  const plain = (await proofs()).replace('if special c then backslash :: c :: escaped rest else', '')
  const ran = await coq.compile('Canonical', plain)
  const ok = failedIn(plain, ran.output) === 'escaped_injective'
  return checked('texts not escaped', ok, ok ? 'not provable, as demanded' : 'NOT SHOWN to be unprovable', [ran])
}

function renderedSamples(): Rendered[] {
  return samples(SAMPLES).map((fields) => ({ fields, text: renderCanonical(fields) }))
}

function checked(what: string, ok: boolean, result: string, ran: readonly Ran[]): Checked {
  const seconds = ran.reduce((sum, one) => sum + one.seconds, 0)
  return { what, ok, result, seconds, output: ran.map(({ output }) => output).join('\n') }
}

function proofs(): Promise<string> {
  return readFile(PROOFS, 'utf8')
}

class Coq {
  readonly #folder: string
  readonly #signal: AbortSignal

  constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder
    this.#signal = signal
  }

  /** Modules of one run see each other. */
  async compile(name: string, text: string): Promise<Ran> {
    await writeFile(join(this.#folder, `${name}.v`), text)
    return runCommand('coqc', ['-q', `${name}.v`], { cwd: this.#folder, timeoutMs: TIMEOUT_MS, signal: this.#signal })
  }

  /** These proofs, and what they rest on. */
  async audit(text: string): Promise<{ proved: Ran; audit: Ran }> {
    const proved = await this.compile('Canonical', text)
    return { proved, audit: await this.compile('Audit', auditModule()) }
  }
}
