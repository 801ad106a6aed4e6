import { type ControlPlane, startControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONFIG_MAP, installWidgets, WIDGET, widget } from '../testing/widgets.ts'
import { loadConnection } from './connection.ts'
import { KubeClient, type Written } from './kube-client.ts'

let plane: ControlPlane
let client: KubeClient
const answers: string[] = []

beforeAll(async () => {
  plane = await startControlPlane()
  client = new KubeClient({
    connection: await loadConnection({ env: {}, kubeconfig: plane.kubeconfig }),
    userAgent: 'runtime-test',
    fieldManager: 'runtime-test',
    onAnswer: (code, method, host) => answers.push(`${method} ${code} ${host}`),
  })
  await installWidgets(client, ['one', 'two'])
})

afterAll(async () => {
  client?.close()
  await plane?.stop()
})

describe('the client', () => {
  it('creates, reads, lists in pages, replaces, patches and deletes', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await client.create(WIDGET, widget('one', name))
    await client.create(WIDGET, widget('two', 'a'))
    expect((await client.get(WIDGET, { namespace: 'one', name: 'a' }))?.spec?.size).toBe(1)
    expect(await client.get(WIDGET, { namespace: 'one', name: 'nobody' })).toBeUndefined()
    const page = await client.listPage(WIDGET, { namespace: 'one', limit: 2 })
    expect(page.items.map((item) => item.metadata.name)).toEqual(['a', 'b'])
    const next = await client.listPage(WIDGET, { namespace: 'one', limit: 2, continueToken: page.continueToken as string })
    expect(next.items.map((item) => item.metadata.name)).toEqual(['c', 'd'])
    expect((await client.list(WIDGET)).items).toHaveLength(6)
    const merged = await client.mergePatch(WIDGET, { namespace: 'one', name: 'a' }, { spec: { size: 7 } })
    expect(merged.spec?.size).toBe(7)
    await expect(
      client.replace(WIDGET, { ...widget('one', 'a'), metadata: { ...merged.metadata, resourceVersion: '1' } }),
    ).rejects.toMatchObject({ status: 409, reason: 'Conflict' })
    await expect(client.create(WIDGET, widget('one', 'a'))).rejects.toMatchObject({ status: 409, reason: 'AlreadyExists' })
    await expect(client.delete(WIDGET, { namespace: 'one', name: 'a' }, { uid: 'another' })).rejects.toMatchObject({
      status: 409,
    })
    expect(await client.delete(WIDGET, { namespace: 'one', name: 'a' }, { uid: merged.metadata.uid as string })).toBe(true)
    expect(await client.delete(WIDGET, { namespace: 'one', name: 'a' })).toBe(false)
  })

  it('sends writes to the status subresource, and stores nothing in a dry run', async () => {
    await client.create(WIDGET, widget('one', 'dry'))
    const ref = { namespace: 'one', name: 'dry' }
    const tried = await client.mergePatch(WIDGET, ref, { spec: { size: 9 } }, { dryRun: true })
    expect(tried.spec?.size).toBe(9)
    expect(await client.delete(WIDGET, ref, { dryRun: true })).toBe(true)
    await client.apply(WIDGET, { metadata: ref, status: { seen: 1 }, spec: { size: 5 } }, { subresource: 'status' })
    expect(await client.get(WIDGET, ref)).toMatchObject({ spec: { size: 1 }, status: { seen: 1 } })
  })

  it('applies its own fields under its own manager, and leaves those of others alone', async () => {
    const ref = { namespace: 'one', name: 'shared' }
    await client.apply(CONFIG_MAP, { metadata: ref, data: { ours: '1' } })
    await client.apply(CONFIG_MAP, { metadata: ref, data: { theirs: '1' } }, { fieldManager: 'somebody-else' })
    const kept = await client.apply(CONFIG_MAP, { metadata: ref, data: { ours: '2' } })
    expect(kept.data).toEqual({ ours: '2', theirs: '1' })
    const managers = new Map(kept.metadata.managedFields?.map((entry) => [entry.manager, JSON.stringify(entry.fieldsV1)]))
    expect(managers.get('runtime-test')).toBe('{"f:data":{"f:ours":{}}}')
    expect(managers.get('somebody-else')).toBe('{"f:data":{"f:theirs":{}}}')
    const removed = await client.apply(CONFIG_MAP, { metadata: ref, data: {} })
    expect(removed.data).toEqual({ theirs: '1' })
    await client.apply(CONFIG_MAP, { metadata: ref, data: { theirs: '1' } })
    const refused = client.apply(CONFIG_MAP, { metadata: ref, data: { theirs: '3' } }, { force: false })
    await expect(refused).rejects.toMatchObject({ status: 409, message: expect.stringContaining('somebody-else') })
  })

  it('tells what its writes left behind, but not of dry runs', async () => {
    const written: Written[] = []
    const unsubscribe = client.onWritten((type, one) => type.kind === 'Widget' && written.push(one))
    const made = await client.create(WIDGET, {
      ...widget('one', 'told'),
      metadata: { ...widget('one', 'told').metadata, finalizers: ['test.io/keep'] },
    })
    await client.create(WIDGET, widget('one', 'untold'), { dryRun: true })
    await client.delete(WIDGET, made.metadata)
    await client.mergePatch(WIDGET, made.metadata, { metadata: { finalizers: null } })
    const short = await client.create(WIDGET, widget('one', 'short'))
    await client.delete(WIDGET, short.metadata)
    unsubscribe()
    expect(written.map((one) => one.kind)).toEqual(['stored', 'stored', 'stored', 'stored', 'deleted'])
    expect(written.at(-1)).toMatchObject({ uid: short.metadata.uid })
  })

  it('counts answers by code, method and host', () => {
    expect(answers).toContain(`GET 200 ${new URL(plane.url).host}`)
    expect(answers).toContain(`POST 409 ${new URL(plane.url).host}`)
  })

  it('ends with its signal, whose reason it throws', async () => {
    const stopped = new Error('stopped by the caller')
    await expect(client.list(WIDGET, { signal: AbortSignal.abort(stopped) })).rejects.toBe(stopped)
  })

  it('refuses a write that its guard forbids, and lets reads through', async () => {
    const guarded = client.guarded(() => {
      throw new Error('deposed')
    })
    await expect(guarded.create(WIDGET, widget('one', 'forbidden'))).rejects.toThrow('deposed')
    await expect(guarded.delete(WIDGET, { namespace: 'one', name: 'b' })).rejects.toThrow('deposed')
    expect(await guarded.get(WIDGET, { namespace: 'one', name: 'forbidden' })).toBeUndefined()
  })
})
