/** The pods' own p95 over the last second or so, by which the copy paces itself; and their slowdown while the migration cannot keep up. */
import type { FleetConfig } from '@fractal-lba/protocol/config/fleet-config'
import { Histogram } from '@fractal-lba/protocol/telemetry/histogram'
import type { PodReport } from '@fractal-lba/protocol/telemetry/pod-report'
import type { Clock } from '../../clock.ts'
import type { MigrationEngine } from '../../engine.ts'
import type { Progress } from '../../progress.ts'
import { type AdminPorts, pushConfig, readReports } from './admin-port.ts'

const INTERVAL_MS = 1000

export class PodFeedback {
  #last = new Map<string, PodReport>()
  #readAtMs = 0
  #slowed = false
  readonly #ports: AdminPorts
  readonly #config: FleetConfig
  readonly #limitMs: number
  readonly #clock: Clock

  constructor(ports: AdminPorts, config: FleetConfig, limitMs: number, clock: Clock) {
    this.#ports = ports
    this.#config = config
    this.#limitMs = limitMs
    this.#clock = clock
  }

  /** Makes every pod know all shards of the migration. @throws CommandFailed when one does not take it. */
  introduce(engine: MigrationEngine): Promise<void> {
    return pushConfig(this.#ports, engine.generation, this.#config)
  }

  async onProgress(engine: MigrationEngine, progress: Progress): Promise<void> {
    if ((progress.slowdown !== undefined) !== this.#slowed) {
      this.#slowed = progress.slowdown !== undefined
      await pushConfig(this.#ports, engine.generation, {
        ...this.#config,
        ...(progress.slowdown && { slowdown: progress.slowdown }),
      })
    }
    if (this.#clock.now() - this.#readAtMs < INTERVAL_MS) return
    this.#readAtMs = this.#clock.now()
    const p95Ms = this.#p95(await readReports(this.#ports))
    if (p95Ms !== undefined) engine.feedback({ p95Ms, limitMs: this.#limitMs })
  }

  /** Over the time since the last reading; undefined without samples. A pod that has restarted is no base. */
  #p95(reports: readonly PodReport[]): number | undefined {
    const windows = reports.flatMap((report) => {
      const before = this.#last.get(report.pod)
      return before?.startedAtMs === report.startedAtMs ? [Histogram.delta(report.latency, before.latency)] : []
    })
    this.#last = new Map(reports.map((report) => [report.pod, report]))
    return windows.length === 0 ? undefined : Histogram.quantile(Histogram.merge(...windows), 0.95)
  }
}
