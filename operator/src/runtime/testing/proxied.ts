/** A real API server with widgets, a client straight to it, and a way to make clients that come through a fault proxy. */
import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { Cache, type CacheOptions } from '../cache/cache.ts'
import type { ReflectorTimes } from '../cache/reflector.ts'
import { loadConnection } from '../client/connection.ts'
import { KubeClient } from '../client/kube-client.ts'
import type { KubeObject } from '../client/objects.ts'
import { systemClock } from '../clock.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { installWidgets } from './widgets.ts'

export interface Proxied {
  readonly plane: ControlPlane
  /** Straight to the API server. */
  readonly direct: KubeClient
  close(): Promise<void>
}

export async function startWidgetServer(namespaces: readonly string[]): Promise<Proxied> {
  const plane = await startControlPlane()
  const connection = await loadConnection({ env: {}, kubeconfig: plane.kubeconfig })
  const direct = new KubeClient({ connection, userAgent: 'direct', fieldManager: 'direct' })
  await installWidgets(direct, namespaces)
  return {
    plane,
    direct,
    async close() {
      direct.close()
      await plane.stop()
    },
  }
}

/** Short, so that tests see what takes minutes otherwise. */
export const QUICK: Partial<ReflectorTimes> = { baseBackoffMs: 10, maxBackoffMs: 200, requestMs: 1_000 }

export interface ProxiedClient extends AsyncDisposable {
  readonly proxy: FaultProxy
  readonly client: KubeClient
  readonly errors: string[]
  /** HTTP status of each answer. */
  readonly codes: string[]
  cacheOf<T extends KubeObject>(options: Pick<CacheOptions<T>, 'type'> & Partial<CacheOptions<T>>): Cache<T>
}

/** With the token of an administrator unless another is given. */
export async function proxiedClient(plane: ControlPlane, token = plane.token): Promise<ProxiedClient> {
  const proxy = await startFaultProxy(plane, token)
  const errors: string[] = []
  const codes: string[] = []
  const onAnswer = (code: string) => codes.push(code)
  const client = new KubeClient({ connection: proxy.connection, userAgent: 'proxied', fieldManager: 'proxied', onAnswer })
  const caches: { stop(): Promise<void> }[] = []
  return {
    proxy,
    client,
    errors,
    codes,
    cacheOf<T extends KubeObject>(options: Pick<CacheOptions<T>, 'type'> & Partial<CacheOptions<T>>) {
      const onError = (doing: string, error: unknown) =>
        errors.push(`${doing}: ${error instanceof Error ? error.message : error}`)
      const cache = new Cache<T>({ client, clock: systemClock, random: Math.random, onError, times: QUICK, ...options })
      caches.push(cache)
      return cache
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(caches.map((cache) => cache.stop()))
      client.close()
      await proxy.close()
    },
  }
}
