/**
 * A page of the docs as a script: its blocks of commands in order, each with the output that the page shows below it. Output is compared
 * by its words: figures, times and hashes differ from run to run, and `…` stands for whatever is there.
 */

export interface Block {
  /** The first line that says something, for people. */
  readonly title: string
  readonly commands: string
  /** Why a test cannot run it, as the page says in a comment above it. */
  readonly notRun: string | undefined
  readonly shown: readonly string[]
}

const BLOCK = /^(?:<!-- not run: (.+) -->\n)?```bash\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(BLOCK)].map(([, notRun, commands = '', shown = '']) => ({
    title: commands.split('\n')[0]?.replace(/\s+#.*/, '') ?? '',
    commands,
    notRun,
    shown: shown.split('\n').filter((line) => line.trim() !== '' && line.trim() !== '…'),
  }))
}

/** The first shown line that is not in the output, below those before it; undefined where all are there. */
export function missingLine(shown: readonly string[], output: string): string | undefined {
  const lines = output.split('\n').map(wordsOf)
  let from = 0
  for (const line of shown) {
    const pattern = new RegExp(`^${wordsOf(line).split('…').map(escaped).join('.*')}$`)
    const at = lines.findIndex((candidate, index) => index >= from && pattern.test(candidate))
    if (at === -1) return line
    from = at + 1
  }
  return undefined
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

function wordsOf(line: string): string {
  return line
    .replaceAll(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replaceAll(/\b[0-9a-f]{12,}\b/g, '<hash>')
    .replaceAll(/\b(?:\d+(?:\.\d+)?(?:ms|[dhms]))+\b/g, '<duration>')
    .replaceAll(/\d+(?:,\d{3})*(?:\.\d+)?(?: [kMG]?B\b)?/g, '0')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
