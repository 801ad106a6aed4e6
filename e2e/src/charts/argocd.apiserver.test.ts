/** What Argo CD is told of our kinds, run by Argo CD's own binary on fixtures in its own test format; and the sample Applications. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GROUP, KINDS } from '@fractal-lba/operator/api/group'
import { POLICY_PHASES } from '@fractal-lba/operator/api/policy-status'
import { REASONS } from '@fractal-lba/operator/api/reasons'
import { PHASES } from '@fractal-lba/operator/api/status'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { afterAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { checkout, FLEET_CHART } from '../support/world.ts'
import { render } from './render.ts'

const argocdFolder = join(checkout, 'config/argocd')
const configMap = join(argocdFolder, 'argocd-cm.yaml')

interface HealthTests {
  readonly tests: readonly { readonly healthStatus: { status: string; message: string }; readonly inputPath: string }[]
}
interface ActionTests {
  readonly discoveryTests: readonly {
    readonly inputPath: string
    readonly result: readonly { readonly name: string; readonly disabled: boolean }[]
  }[]
  readonly actionTests: readonly { readonly action: string; readonly inputPath: string; readonly expectedOutputPath: string }[]
}

const scratch = mkdtempSync(join(tmpdir(), 'flk-argocd-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const readYaml = <T>(path: string): T => parse(readFileSync(path, 'utf8')) as T

function argocd(command: string, file: string, ...more: string[]): string {
  const args = ['admin', 'settings', 'resource-overrides', command, file, ...more, '--argocd-cm-path', configMap]
  const done = spawnSync(programPath('argocd'), args, {
    encoding: 'utf8',
    env: { ...process.env, KUBECTL_EXTERNAL_DIFF: 'diff -u' },
  })
  if (done.status !== 0) throw new Error(`argocd ${command} ${file}: ${done.stderr}`)
  return done.stdout
}

describe.each(['custom-resources', 'statefulset'])('%s', (folder) => {
  const at = (path: string) => join(argocdFolder, 'tests', folder, path)
  const { tests } = readYaml<HealthTests>(at('health_test.yaml'))
  const { discoveryTests, actionTests } = readYaml<ActionTests>(at('action_test.yaml'))

  it.each(tests)('the health of $inputPath is $healthStatus.status', ({ healthStatus, inputPath }) => {
    const said = argocd('health', at(inputPath))
    expect(said.trim()).toBe(`STATUS: ${healthStatus.status}\nMESSAGE: ${healthStatus.message}`)
  })

  it.each(discoveryTests)('the actions of $inputPath', ({ inputPath, result }) => {
    const rows = argocd('list-actions', at(inputPath)).trim().split('\n').slice(1)
    const found = rows.map((row) => row.split(/\s+/)).map(([name, disabled]) => ({ name, disabled: disabled === 'true' }))
    expect(found.sort((a, b) => a.name!.localeCompare(b.name!))).toEqual(result)
  })

  it.each(actionTests)('the action $action makes $expectedOutputPath', ({ action, inputPath, expectedOutputPath }) => {
    const before = readYaml<{ metadata: { annotations?: object } }>(at(inputPath))
    const after = readYaml<{ metadata: { annotations: Record<string, string> } }>(at(expectedOutputPath))
    const [name] = Object.keys(after.metadata.annotations).filter((key) => !Object.hasOwn(before.metadata.annotations ?? {}, key))
    const changes = argocd('run-action', at(inputPath), action)
      .split('\n')
      .filter((line) => /^[+-] /.test(line))
      .map((line) => line.slice(1).trim())
      .filter((line) => line !== 'annotations:')
    expect(changes).toEqual([`${name}: ${after.metadata.annotations[name!]}`])
    expect({ ...before, metadata: after.metadata }).toEqual(after)
  })
})

describe('the fixtures of custom resources', () => {
  const folder = join(argocdFolder, 'tests/custom-resources/testdata')

  it.each(readdirSync(folder))('%s has a phase and reasons that the operator writes', (name) => {
    const { kind, status } = readYaml<{ kind: string; status?: { phase: string; conditions: { reason: string }[] } }>(
      join(folder, name),
    )
    expect(KINDS.map((known) => known.kind)).toContain(kind)
    if (!status) return
    expect(kind === 'ShardMigration' ? PHASES : POLICY_PHASES).toContain(status.phase)
    for (const { reason } of status.conditions) expect(Object.keys(REASONS)).toContain(reason)
  })

  it('stand for all three kinds, which share their scripts', () => {
    const { data } = readYaml<{ data: Record<string, string> }>(configMap)
    for (const what of ['health', 'actions']) {
      const scripts = KINDS.map(({ kind }) => data[`resource.customizations.${what}.${GROUP}_${kind}`])
      expect(scripts[0]).toBeTruthy()
      expect(new Set(scripts).size).toBe(1)
    }
  })
})

describe('the sample Applications', () => {
  interface Application {
    readonly metadata: { readonly name: string; readonly annotations: Record<string, string> }
    readonly spec: {
      readonly source: { readonly path: string; readonly helm?: { readonly releaseName: string; readonly valuesObject?: object } }
      readonly ignoreDifferences?: readonly {
        readonly kind: string
        readonly name: string
        readonly jsonPointers: readonly string[]
      }[]
      readonly syncPolicy: { readonly syncOptions: readonly string[] }
    }
  }
  const applications = parseAllDocuments(readFileSync(join(argocdFolder, 'applications.yaml'), 'utf8')).map(
    (document) => document.toJS() as Application,
  )

  it('come in waves: the operator, the fleet, what the operator works on; all applied at the server', () => {
    const waves = applications.map(({ metadata }) => [metadata.annotations['argocd.argoproj.io/sync-wave'], metadata.name])
    expect(waves).toEqual([
      ['0', 'fractal-lba-operator'],
      ['1', 'fractal-lba-fleet'],
      ['2', 'fractal-lba-resources'],
    ])
    for (const { spec } of applications) expect(spec.syncPolicy.syncOptions).toContain('ServerSideApply=true')
  })

  it('leave alone what the operator owns, under the names that the chart gives', async () => {
    const { spec } = applications[1]!
    const values = join(scratch, 'values.yaml')
    writeFileSync(values, stringify(spec.source.helm?.valuesObject))
    const objects = await render(spec.source.helm!.releaseName, FLEET_CHART, 'prod', [], values)
    for (const { kind, name } of spec.ignoreDifferences!)
      expect(objects.some((object) => object.kind === kind && object.metadata.name === name)).toBe(true)
    const pointers = spec.ignoreDifferences!.flatMap(({ jsonPointers }) => jsonPointers)
    expect(pointers).toEqual(
      expect.arrayContaining([
        '/spec/updateStrategy/rollingUpdate',
        '/metadata/annotations/fractal.lba.io~1rollout-status',
        '/data',
        '/spec/replicas',
      ]),
    )
    expect(spec.syncPolicy.syncOptions).toContain('RespectIgnoreDifferences=true')
  })

  it('render the same each time, so that nothing is ever out of sync by itself', async () => {
    const { spec } = applications[1]!
    const values = join(scratch, 'values.yaml')
    const once = () => render(spec.source.helm!.releaseName, FLEET_CHART, 'prod', [], values)
    expect(await once()).toEqual(await once())
    expect((await once()).filter(({ kind }) => kind === 'Secret')).toEqual([])
  })
})
