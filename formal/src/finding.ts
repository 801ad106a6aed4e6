/** One row of the table at the end: what was asked, what was found, and whether that is what was demanded. */
export interface Finding {
  readonly part: 'models' | 'traces' | 'coq'
  readonly name: string
  readonly what: string
  readonly ok: boolean
  /** For people, e.g. `holds`, or `I4 violated, as demanded`. */
  readonly result: string
  readonly generated?: number
  readonly distinct?: number
  readonly depth?: number | undefined
  readonly seconds: number
  /** What to look at where it is not ok. */
  readonly detail?: readonly string[]
}

/** What the parts are given. */
export interface Session {
  readonly say: (line: string) => void
  readonly signal: AbortSignal
  readonly env: NodeJS.ProcessEnv
}
