/** Polls for a condition, with a deadline. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`after ${limitMs} ms it is still not so that ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
