/** Something that this machine lacks and that could not be fetched: one line that says what, and what to do. */
export class ToolMissing extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ToolMissing'
  }
}
