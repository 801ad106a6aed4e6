/** What `npm run backend -- --help` prints: made from the table of variables, so that it cannot miss one. */
import { NOT_SUPPORTED_YET, SECTIONS } from './variables.ts'

export function helpText(): string {
  const lines = [
    'A verifier of Proof-of-Computation Summaries: one pod of the fleet. It takes no arguments; the environment configures it.',
    '',
  ]
  for (const { title, variables } of SECTIONS) {
    lines.push(`${title}:`)
    for (const { name, byDefault, what } of variables) lines.push(`  ${name.padEnd(22)}  ${what} [${byDefault}]`)
    lines.push('')
  }
  lines.push(`Known, but refused because not supported yet: ${NOT_SUPPORTED_YET.join(', ')}.`)
  lines.push('')
  lines.push('On stdout it prints one line of JSON once it listens; its log goes to stderr. SIGTERM and SIGINT drain it.')
  return `${lines.join('\n')}\n`
}
