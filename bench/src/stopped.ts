/** Why a run ended early, for people: said without a stack trace. */

const EXIT = { failed: 1, interrupted: 130 } as const

export class BenchStopped extends Error {
  readonly reason: 'tool-missing' | 'interrupted'

  constructor(reason: BenchStopped['reason'], message: string) {
    super(message)
    this.reason = reason
  }

  get exitCode(): number {
    return this.reason === 'interrupted' ? EXIT.interrupted : EXIT.failed
  }
}
