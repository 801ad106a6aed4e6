import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { manualClock } from '../manual-clock.ts'
import { type Proxied, type ProxiedClient, proxiedClient, startWidgetServer } from '../testing/proxied.ts'
import { until } from '../testing/until.ts'
import { EVENT, type EventObject, type Report } from './event-object.ts'
import { EventRecorder } from './event-recorder.ts'

let server: Proxied

beforeAll(async () => {
  server = await startWidgetServer(['one'])
})
afterAll(() => server?.close())

const report = (name: string, change: Partial<Report> = {}): Report => ({
  regarding: { apiVersion: 'testing.fractal.lba.io/v1', kind: 'Widget', namespace: 'one', name, uid: `uid-of-${name}` },
  related: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'one', name: 'related' },
  type: 'Warning',
  reason: 'GateFailed',
  action: 'RollBack',
  note: 'latencyP95Millis was 231 of 200',
  ...change,
})

const recorderOf = (through: ProxiedClient, clock = systemClock) =>
  new EventRecorder({
    ...{ client: through.client, controller: 'fractal.lba.io/test', instance: 'test-0', clock, random: Math.random },
    onError: (doing, error) => through.errors.push(`${doing}: ${error}`),
  })

async function eventsOf(name: string): Promise<readonly EventObject[]> {
  const { items } = await server.direct.list(EVENT, { namespace: 'one' })
  return items.filter((event) => event.regarding.name === name)
}

describe('the event recorder', () => {
  it('makes one event with a count of 50 repeats', async () => {
    await using through = await proxiedClient(server.plane)
    const recorder = recorderOf(through)
    for (let i = 0; i < 25; i++) recorder.record(report('repeated'))
    await until('it is written', async () => (await eventsOf('repeated')).length > 0)
    for (let i = 0; i < 25; i++) recorder.record(report('repeated'))
    await recorder.stop()
    const events = await eventsOf('repeated')
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({
      ...{ reason: 'GateFailed', action: 'RollBack', type: 'Warning', note: 'latencyP95Millis was 231 of 200' },
      ...{ reportingController: 'fractal.lba.io/test', reportingInstance: 'test-0' },
      regarding: { kind: 'Widget', name: 'repeated', uid: 'uid-of-repeated' },
      related: { kind: 'ConfigMap', name: 'related' },
      series: { count: 50, lastObservedTime: expect.stringMatching(/\.\d{6}Z$/) },
      eventTime: expect.stringMatching(/\.\d{6}Z$/),
    })
    expect([recorder.dropped, through.errors]).toEqual([0, []])
  })

  it('keeps what differs apart, cuts long notes at the end of a character, and allows an object 25 at once', async () => {
    await using through = await proxiedClient(server.plane)
    const recorder = recorderOf(through)
    recorder.record(report('long', { note: `a${'ü'.repeat(1_000)}` }))
    for (let i = 0; i < 40; i++) recorder.record(report('chatty', { note: `reading ${i}` }))
    recorder.record(report('quiet'))
    await recorder.stop()
    const [long] = await eventsOf('long')
    expect(Buffer.byteLength(long?.note ?? '')).toBeLessThanOrEqual(1_024)
    expect(long?.note).toMatch(/^aü+…$/)
    expect(await eventsOf('chatty')).toHaveLength(25)
    expect(await eventsOf('quiet')).toHaveLength(1)
    expect(recorder.dropped).toBe(15)
  })

  it('never waits and never throws while the API server is silent; what its queue cannot take is dropped and counted', async () => {
    await using through = await proxiedClient(server.plane)
    const takeBack = through.proxy.add({ when: () => true, fault: { kind: 'hang' } })
    const recorder = recorderOf(through)
    for (let i = 0; i < 1_200; i++) recorder.record(report(`silent-${i}`))
    expect(recorder.dropped).toBeGreaterThanOrEqual(199)
    await recorder.stop(100)
    expect(recorder.dropped).toBe(1_200)
    takeBack()
  })

  it('writes the last count when it is stopped while the event is being written', async () => {
    await using through = await proxiedClient(server.plane)
    const answer = Promise.withResolvers<void>()
    through.proxy.add({ when: () => true, fault: { kind: 'hold', until: answer.promise }, times: 1 })
    const recorder = recorderOf(through)
    recorder.record(report('late'))
    await until('it is being written', async () => (await eventsOf('late')).length === 1)
    recorder.record(report('late'))
    const stopped = recorder.stop()
    answer.resolve()
    await stopped
    expect((await eventsOf('late'))[0]?.series?.count).toBe(2)
  })

  it('tries anew with the next report of what could not be written at all', async () => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: () => true, fault: { kind: 'status', status: 403, reason: 'Forbidden' }, times: 3 })
    const clock = manualClock(Date.now())
    const recorder = recorderOf(through, clock)
    recorder.record(report('lost'))
    await until('it is given up', () => {
      clock.advance(1_000)
      return recorder.dropped === 1
    })
    recorder.record(report('lost'))
    await until('it is written', async () => (await eventsOf('lost')).length === 1)
    await recorder.stop()
  })

  it('writes an event in spite of a passing error, and anew after it has expired', async () => {
    await using through = await proxiedClient(server.plane)
    through.proxy.add({ when: () => true, fault: { kind: 'status', status: 500, reason: 'InternalError' }, times: 1 })
    const clock = manualClock(Date.now())
    const recorder = recorderOf(through, clock)
    recorder.record(report('tried'))
    await until('it has failed once', () => through.proxy.requests.length === 1)
    await until('it is written', async () => {
      clock.advance(1_000)
      return (await eventsOf('tried')).length === 1
    })
    const [first] = await eventsOf('tried')
    await server.direct.delete(EVENT, (first as EventObject).metadata)
    recorder.record(report('tried'))
    await until('it is written again', async () => {
      clock.advance(1_000)
      return (await eventsOf('tried'))[0]?.series?.count === 2
    })
    await recorder.stop()
    expect([recorder.dropped, through.errors]).toEqual([0, []])
  })
})
