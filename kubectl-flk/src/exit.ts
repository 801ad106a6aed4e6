/** How a command ends. Each outcome that a script may want to tell apart has its own exit code; the same table is in the docs. */

export const EXIT_CODES = {
  /** Done, or healthy. */
  done: 0,
  /** The operator refused the verb, a check failed, or what was watched has failed. */
  refused: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** There is no such object. */
  notFound: 3,
  /** kubectl is missing, the cluster does not answer, or it forbids the request. */
  cluster: 4,
  /** The operator did not answer in time. */
  noAnswer: 5,
} as const

export type Ending = keyof typeof EXIT_CODES

/** Why a command cannot do what was asked: the message says what to do next. */
export class CommandFailed extends Error {
  readonly ending: Ending

  constructor(ending: Ending, message: string) {
    super(message)
    this.name = 'CommandFailed'
    this.ending = ending
  }
}
