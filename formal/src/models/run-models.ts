/** Checks both models: that all holds within their bounds, and that without each guard something does not. */
import type { Finding, Session } from '../finding.ts'
import { runTlc } from '../tlc/run-tlc.ts'
import { checkJava, tlaTools } from '../tools/tla-tools.ts'
import { findingOf } from './demanded-run.ts'
import { ingestRuns } from './ingest.ts'
import { migrationRuns } from './migration.ts'

/** @throws ToolMissing */
export async function runModels({ say, signal, env }: Session): Promise<Finding[]> {
  await checkJava(signal)
  const jar = await tlaTools(env, say, signal)
  const runs = [...migrationRuns(), ...ingestRuns()]
  const findings: Finding[] = []
  for (const [index, run] of runs.entries()) {
    const finding = findingOf(run, await runTlc(jar, run.question, signal))
    findings.push(finding)
    say(
      `models ${index + 1}/${runs.length}: ${finding.name}, ${finding.what}: ${finding.result} (${finding.seconds.toFixed(0)} s)`,
    )
  }
  return findings
}
