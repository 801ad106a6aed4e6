/** How fast keys are being copied, from the last few looks at their number: for the remaining time that users see. */
const LOOKS = 20

export class CopyRate {
  #looks: { keys: number; atMs: number }[] = []

  /** @returns keys per second, undefined until it can be told. */
  take(keys: number, nowMs: number): number | undefined {
    if (keys < (this.#looks.at(-1)?.keys ?? 0)) this.#looks = []
    this.#looks.push({ keys, atMs: nowMs })
    if (this.#looks.length > LOOKS) this.#looks.shift()
    const first = this.#looks[0]
    if (!first || nowMs <= first.atMs || keys <= first.keys) return undefined
    return ((keys - first.keys) / (nowMs - first.atMs)) * 1000
  }
}
