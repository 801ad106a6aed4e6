/**
 * A verifier pod put together: the store, the core (log and pipeline) and the two ports around it. This is the whole machine; each part
 * is explained where it lives. What starts last stops first.
 */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Logger } from 'pino'
import { makeReport } from './admin/report.ts'
import { buildAdminServer } from './admin/server.ts'
import { ReloadedTls, readTls } from './admin/tls.ts'
import type { Config } from './config/read-config.ts'
import { startCorePod } from './core-pod.ts'
import { buildServer } from './http/server.ts'
import { HttpReplies } from './http/submit-route.ts'
import { Effects } from './ingest/effects.ts'
import { openExaminer } from './ingest/open-examiner.ts'
import { Counters } from './metrics/counters.ts'
import { Exposition } from './metrics/exposition.ts'
import { openPolicies } from './policies/pod-policies.ts'
import { openStore } from './stores/open-store.ts'
import { Tenants } from './tenants/tenants.ts'
import type { Clock } from './time/clock.ts'

/** What a pod takes from the machine that it runs on. */
export interface PodSurroundings {
  readonly log: Logger
  readonly version: string
  /** Milliseconds since the epoch, and monotonic milliseconds. */
  readonly wallClock: () => number
  readonly monotonic: () => number
  readonly random: () => number
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** Something is broken that cannot be repaired here: the process must end at once, without another answer. */
  readonly onBroken: (error: unknown) => void
}

export interface Pod {
  readonly port: number
  readonly adminPort: number | undefined
  /** Finishes what is in flight and closes everything. */
  stop(): Promise<void>
}

export async function startPod(config: Config, around: PodSurroundings): Promise<Pod> {
  const { log, wallClock, monotonic, onBroken } = around
  const clock: Clock = { nowMs: wallClock, after: laterWithoutKeepingAlive, soon: setImmediate }
  const startedAtMs = wallClock()
  const counters = new Counters()
  const tenants = new Tenants(config.tenants, config.tokenRate, monotonic())
  const effects = new Effects(counters, tenants, (equivocation) => log.warn(equivocation, 'equivocation'))
  const replies = new HttpReplies(counters)
  const policies = await openPolicies(config)
  const adminTls =
    config.admin?.tls &&
    new ReloadedTls(config.admin.tls, await readTls(config.admin.tls), (error) =>
      log.error({ err: error }, 'the TLS files of the admin port cannot be used; it goes on with those it had'),
    )
  const examiner = openExaminer(config.examineThreads, config.pod, config.tenants, onBroken)
  const opened = await openStore(config, { counters, log, clock, random: around.random, onBroken })
  const core = await startCorePod<FastifyReply>({
    pod: config.pod,
    walDir: config.walDir,
    storeDeadlineMs: config.storeDeadlineMs,
    opened,
    examiner,
    effects,
    counters,
    replies,
    clock,
    monotonic,
    pause: around.pause,
    onBroken,
    onMaintenanceFailed: (what, error) => log.error({ err: error }, `${what} failed; it is tried again`),
  })
  const { pipeline, wal, retries, recovered } = core
  if (recovered.tornBytes > 0)
    log.warn({ tornBytes: recovered.tornBytes }, 'cut a torn record off the log: it was never acknowledged')
  log.info(
    { segments: recovered.segments, entries: recovered.entries, replayed: recovered.unsettledEntries },
    'recovered the log',
  )

  const notReadyReason = () => core.notReadyReason()
  const exposition = new Exposition({
    counters,
    tenants: () => tenants.all(),
    walBacklog: () => wal.backlogEntries,
    waitingForStore: () => retries.size,
    shards: () => opened.shards(),
    ready: () => notReadyReason() === undefined,
  })
  const app = await buildServer({
    version: around.version,
    random: around.random,
    connectionAgeMs: config.connectionAgeMs,
    tenants,
    pipeline,
    replies,
    monotonic,
    notReadyReason,
    exposition: () => exposition.text(),
    expositionType: exposition.contentType,
    metricsAuth: config.metricsAuth,
    onError: (error) => log.error({ err: error }, 'a request failed'),
  })
  const admin =
    config.admin &&
    buildAdminServer({
      token: config.admin.token,
      report: () =>
        makeReport({
          pod: config.pod,
          startedAtMs,
          counters,
          wallClock,
          notReadyReason,
          draining: () => pipeline.draining,
          config: () => opened.fleetConfig,
          shards: () => opened.shards(),
          walBacklog: () => wal.backlogEntries,
          policies: () => policies.current,
          version: around.version,
        }),
      applyConfig: (push) => opened.applyConfig(push),
      applyPolicies: (push) => policies.apply(push),
      tls: adminTls?.material,
      slots: () => opened.slots(),
      drain: () => void pipeline.drain(),
      acknowledge: (shard) => opened.acknowledge(shard),
      onError: (error) => log.error({ err: error }, 'an admin call failed'),
    })
  if (admin) adminTls?.keepFresh(admin.server)
  const adminPort = admin && (await listen(admin, config.host, config.admin?.port ?? 0))
  const port = await listen(app, config.host, config.port)

  return {
    port,
    adminPort,
    async stop() {
      const drained = pipeline.drain()
      replies.lastAnswers = true
      app.server.keepAliveTimeout = 1
      const closed = app.close()
      await drained
      await closed
      await core.stop()
      adminTls?.stop()
      await admin?.close()
    },
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  await app.listen({ host, port })
  return (app.server.address() as AddressInfo).port
}

function laterWithoutKeepingAlive(delayMs: number, run: () => void): () => void {
  const timer = setTimeout(run, delayMs)
  timer.unref()
  return () => clearTimeout(timer)
}
