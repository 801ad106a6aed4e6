/**
 * Several controllers as one piece of work: it ends when the signal aborts or one of them fails, and only when all have stopped. So a
 * leader never hands its lease over while one of its controllers still writes.
 */

/** A `Controller`, or what is like one. */
interface Runs {
  run(signal: AbortSignal): Promise<void>
}

/** @throws the first failure, after all have stopped. */
export async function runAll(controllers: readonly Runs[], signal: AbortSignal): Promise<void> {
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const results = await Promise.allSettled(
    controllers.map((controller) =>
      controller.run(either).catch((error) => {
        failed.abort()
        throw error
      }),
    ),
  )
  const failure = results.find((result) => result.status === 'rejected')
  if (failure) throw failure.reason
}
