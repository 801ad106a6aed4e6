/** The bundle for the Operator Lifecycle Manager: the chart's rights and pods, valid to the operator framework's own validator. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { OPERATOR_CHART, OPERATOR_NAMESPACE, OPERATOR_RELEASE } from '../../support/world.ts'
import { render } from '../render.ts'
import { BUNDLE_VALUES, writeOlmBundle } from './bundle.ts'

const validator = [programPath('operator-verify'), 'operator-verify'].find(
  (program) => spawnSync(program, ['--help'], { stdio: 'ignore' }).status === 0,
)

interface ClusterServiceVersion {
  readonly spec: {
    readonly customresourcedefinitions: { readonly owned: readonly { readonly kind: string }[] }
    readonly install: {
      readonly spec: {
        readonly clusterPermissions: readonly [{ readonly serviceAccountName: string; readonly rules: readonly object[] }]
        readonly permissions: readonly [{ readonly rules: readonly object[] }]
        readonly deployments: readonly [{ readonly spec: { readonly template: { readonly spec: object } } }]
      }
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'flk-olm-'))
const csvFile = join(folder, 'manifests/fractal-lba-operator.clusterserviceversion.yaml')
let csv: ClusterServiceVersion

beforeAll(async () => {
  await writeOlmBundle(folder)
  csv = parse(readFileSync(csvFile, 'utf8'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const verify = () => spawnSync(validator!, ['manifests', folder], { encoding: 'utf8' })

describe('the bundle', () => {
  it('asks for what the chart asks for, and runs what it runs, wherever it is installed', async () => {
    const objects = await render(OPERATOR_RELEASE, OPERATOR_CHART, OPERATOR_NAMESPACE, BUNDLE_VALUES)
    const rules = (suffix: string) =>
      objects.find(({ kind, metadata }) => /Role$/.test(kind) && metadata.name.endsWith(suffix))!.rules!
    const { clusterPermissions, permissions, deployments } = csv.spec.install.spec
    expect(clusterPermissions[0].rules).toEqual(rules('-manager'))
    expect(permissions[0].rules).toEqual(rules('-leader-election'))
    const pod = JSON.stringify(deployments[0].spec.template.spec)
    expect(pod).toContain('"--lease-name=fractal-lba-operator"')
    expect(pod).not.toContain('--lease-namespace')
    expect(csv.spec.customresourcedefinitions.owned.map(({ kind }) => kind)).toEqual([
      'ShardMigration',
      'CRRPolicy',
      'TieringPolicy',
    ])
  })

  it('passes the validator, which refuses it with a definition missing', ({ skip }) => {
    skip(!validator, 'operator-verify is not in PATH (go install github.com/operator-framework/api/cmd/operator-verify@v0.9.1)')
    const good = verify()
    expect(good.stdout + good.stderr).not.toMatch(/error/i)
    expect(good.status).toBe(0)
    const definition = join(folder, 'manifests/crrpolicy.yaml')
    const text = readFileSync(definition, 'utf8')
    rmSync(definition)
    const bad = verify()
    writeFileSync(definition, text)
    expect(bad.stdout + bad.stderr).toMatch(/owned CRD .*CRRPolicy.* not found/)
  })
})
