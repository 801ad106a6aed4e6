/** Waits until a fleet that nobody disturbs any more has done all that it owes: every entry of every log settled. */
import type { Pod } from '@fractal-lba/demo/fleet/pods'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'

const ASK_TIMEOUT_MS = 2_000
const ASK_EVERY_MS = 200

/** @throws Error that says what is still owed after `patienceMs`. */
export async function untilSettled(pods: readonly Pod[], adminToken: string, patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs
  for (;;) {
    const owed = (await Promise.all(pods.map((pod) => owedBy(pod, adminToken)))).filter((what) => what !== undefined)
    if (owed.length === 0) return
    if (performance.now() > until) throw new Error(`after ${patienceMs / 1000} s without faults ${owed.join('; ')}`)
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS))
  }
}

async function owedBy({ name, adminUrl }: Pod, adminToken: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${adminUrl}/admin/v1/report`, {
      headers: { authorization: `Bearer ${adminToken}` },
      signal: AbortSignal.timeout(ASK_TIMEOUT_MS),
    })
    const report = (await answer.json()) as PodReport
    if (!report.ready) return `${name} is not ready`
    return report.walBacklogEntries > 0 ? `${name} has ${report.walBacklogEntries} unsettled entries` : undefined
  } catch (error) {
    return `${name} does not answer: ${(error as Error).message}`
  }
}
