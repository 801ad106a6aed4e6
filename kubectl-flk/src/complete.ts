/**
 * Completion in the shell: kubectl asks an executable named `kubectl_complete-flk`, which is this file under another name, with the words typed so
 * far, and reads one proposal a line and a directive at the end.
 */
import type { Command } from 'commander'
import type { Kubectl } from './kubectl.ts'
import { parseTarget, readFleets, readObjects, refOf } from './objects.ts'

export const COMPLETER = 'kubectl_complete-flk'

/** Of cobra: propose no files where nothing matches. */
const NO_FILES = ':4'
const OUTPUT_FLAGS = ['-o', '--output']
const NAMESPACE_FLAGS = ['-n', '--namespace']
/** Flags without a value. */
const SWITCHES = ['-A', '--all-namespaces', '-w', '--watch', '--verify', '--dry-run', '-h', '--help']

export async function completions(program: Command, kubectl: Kubectl, words: readonly string[]): Promise<string> {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const proposals = await proposalsFor(program, kubectl, before, typed)
  return [...proposals.filter((proposal) => proposal.startsWith(typed)), NO_FILES].join('\n')
}

async function proposalsFor(
  program: Command,
  kubectl: Kubectl,
  before: readonly string[],
  typed: string,
): Promise<readonly string[]> {
  const flag = before.at(-1) ?? ''
  if (OUTPUT_FLAGS.includes(flag)) return ['text', 'json']
  if (NAMESPACE_FLAGS.includes(flag)) return namespaces(kubectl)
  const plain = before.filter((word, i) => !word.startsWith('-') && !takesValue(before[i - 1]))
  const command = program.commands.find((each) => each.name() === plain[0])
  if (typed.startsWith('-')) return [...program.options, ...(command?.options ?? [])].map((option) => option.long ?? '')
  if (!command) return plain.length === 0 ? program.commands.map((each) => each.name()) : []
  return plain.length === 1 ? names(kubectl, scopeOf(before), typed.includes('/')) : []
}

const takesValue = (word: string | undefined): boolean =>
  word?.startsWith('-') === true && !word.includes('=') && !SWITCHES.includes(word)

function scopeOf(words: readonly string[]): string[] {
  const at = words.findIndex((word) => NAMESPACE_FLAGS.includes(word))
  const namespace = at === -1 ? undefined : words[at + 1]
  return namespace === undefined ? [] : ['-n', namespace]
}

/** Plain names, and with their kind once a slash was typed. */
async function names(kubectl: Kubectl, scope: readonly string[], withKind: boolean): Promise<string[]> {
  const objects = await readObjects(kubectl, parseTarget(undefined), scope)
  if (!withKind) return [...new Set(objects.map(({ name }) => name))]
  return [...objects, ...(await readFleets(kubectl, scope))].map(refOf)
}

async function namespaces(kubectl: Kubectl): Promise<string[]> {
  const list = await kubectl.text(['get', 'namespaces', '-o', 'name'])
  return list.split('\n').flatMap((line) => (line.startsWith('namespace/') ? [line.slice('namespace/'.length)] : []))
}
