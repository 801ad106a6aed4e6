/** What the command's exit code says; documented in docs/dedup-migrate.md. */
export const EXIT = {
  ok: 0,
  /** It went wrong, or a certificate does not hold. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The order is not legal now, or another process holds the lease. Nothing was changed. */
  refused: 3,
  /** The writers are faster than the migration. It holds, reversible. */
  notConverging: 4,
  /** Stopped by a signal, at a safe point. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Ends the command with a message for people and a code for scripts. */
export class CommandFailed extends Error {
  readonly code: ExitCode
  constructor(code: ExitCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'CommandFailed'
    this.code = code
  }
}
