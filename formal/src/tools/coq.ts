/** Coq's compiler: from the PATH, else from the system's package manager where that needs no question. */
import { runCommand } from './command.ts'
import { ToolMissing } from './missing.ts'

const INSTALL_TIMEOUT_MS = 600_000

/** @returns Coq's version. @throws ToolMissing */
export async function coqc(say: (line: string) => void, signal: AbortSignal): Promise<string> {
  const there = await version(signal)
  if (there) return there
  if (process.getuid?.() === 0) {
    say('Installing Coq with apt-get, once ...')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const running = { env, timeoutMs: INSTALL_TIMEOUT_MS, signal }
    await runCommand('apt-get', ['update', '-qq'], running)
    await runCommand('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'coq'], running)
    const installed = await version(signal)
    if (installed) return installed
  }
  throw new ToolMissing('No Coq: install it (e.g. `sudo apt-get install coq`) to check the proofs')
}

async function version(signal: AbortSignal): Promise<string | undefined> {
  const { code, output } = await runCommand('coqc', ['--version'], { timeoutMs: 30_000, signal })
  return code === 0 ? /version (\S+)/.exec(output)?.[1] : undefined
}
