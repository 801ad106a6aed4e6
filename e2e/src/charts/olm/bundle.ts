/**
 * The operator as a bundle for the Operator Lifecycle Manager, made of its chart: rights, containers and descriptions are said there and
 * nowhere else, so it is made when it is wanted and not kept: `node e2e/src/charts/olm/main.ts [FOLDER]`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parse, stringify } from 'yaml'
import { checkout, OPERATOR_CHART, OPERATOR_NAMESPACE, OPERATOR_RELEASE } from '../../support/world.ts'
import { type Rendered, render } from '../render.ts'

const PACKAGE = 'fractal-lba-operator'
const CHANNEL = 'alpha'

/** Definitions are files of their own here. A certificate for metrics takes a Secret, which a bundle cannot hold: it serves none. */
export const BUNDLE_VALUES = ['crds.enabled=false', 'metrics.enabled=false']

interface Chart {
  readonly version: string
  readonly kubeVersion: string
  readonly description: string
  readonly keywords: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
}

const readYaml = (path: string): unknown => parse(readFileSync(join(checkout, path), 'utf8'))
const filesIn = (folder: string): string[] => readdirSync(join(checkout, folder)).sort()

/** @returns paths below the folder. What was in it is gone. */
export async function writeOlmBundle(folder: string): Promise<string[]> {
  const bundle = await olmBundle()
  await rm(folder, { recursive: true, force: true })
  for (const [path, text] of Object.entries(bundle)) {
    const file = join(folder, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return Object.keys(bundle)
}

async function olmBundle(): Promise<Record<string, string>> {
  const chart = readYaml('charts/fractal-lba-operator/Chart.yaml') as Chart
  const objects = await render(OPERATOR_RELEASE, OPERATOR_CHART, OPERATOR_NAMESPACE, BUNDLE_VALUES)
  const made = '# Made from charts/fractal-lba-operator by `node e2e/src/charts/olm/main.ts`.\n'
  const definitions = filesIn('crds').map((name) => [`manifests/${name}`, readFileSync(join(checkout, 'crds', name), 'utf8')])
  return {
    ...Object.fromEntries(definitions),
    [`manifests/${PACKAGE}.clusterserviceversion.yaml`]: `${made}${stringify(clusterServiceVersion(chart, objects), { lineWidth: 0 })}`,
    'metadata/annotations.yaml': `${made}${stringify({
      annotations: {
        'operators.operatorframework.io.bundle.mediatype.v1': 'registry+v1',
        'operators.operatorframework.io.bundle.manifests.v1': 'manifests/',
        'operators.operatorframework.io.bundle.metadata.v1': 'metadata/',
        'operators.operatorframework.io.bundle.package.v1': PACKAGE,
        'operators.operatorframework.io.bundle.channels.v1': CHANNEL,
        'operators.operatorframework.io.bundle.channel.default.v1': CHANNEL,
      },
    })}`,
  }
}

function clusterServiceVersion(chart: Chart, objects: readonly Rendered[]): object {
  const { annotations } = chart
  const [deployment] = objects.filter(({ kind }) => kind === 'Deployment')
  const { serviceAccountName } = deployment!.spec!.template!.spec as { serviceAccountName: string }
  const rulesOf = (kind: string, ...suffixes: string[]) => suffixes.flatMap((suffix) => named(objects, kind, suffix).rules ?? [])
  const images = parse(annotations['artifacthub.io/images']!) as { image: string }[]
  const owned = parse(annotations['artifacthub.io/crds']!) as object[]
  return {
    apiVersion: 'operators.coreos.com/v1alpha1',
    kind: 'ClusterServiceVersion',
    metadata: {
      name: `${PACKAGE}.v${chart.version}`,
      namespace: 'placeholder',
      annotations: {
        'alm-examples': JSON.stringify(
          filesIn('config/samples').map((name) => readYaml(`config/samples/${name}`)),
          undefined,
          2,
        ),
        capabilities: annotations['artifacthub.io/operatorCapabilities'],
        categories: 'Database',
        containerImage: images[0]!.image,
        description: chart.description,
      },
    },
    spec: {
      displayName: 'fractal-lba',
      description: chart.description,
      version: chart.version,
      maturity: CHANNEL,
      minKubeVersion: /[\d.]+/.exec(chart.kubeVersion)![0],
      keywords: chart.keywords,
      provider: { name: 'fractal-lba' },
      // Which namespaces are watched is a value of the chart; a bundle has none, so it watches all.
      installModes: ['OwnNamespace', 'SingleNamespace', 'MultiNamespace', 'AllNamespaces'].map((type) => ({
        type,
        supported: type === 'AllNamespaces',
      })),
      customresourcedefinitions: { owned },
      install: {
        strategy: 'deployment',
        spec: {
          clusterPermissions: [{ serviceAccountName, rules: rulesOf('ClusterRole', '-manager') }],
          permissions: [{ serviceAccountName, rules: rulesOf('Role', '-leader-election') }],
          deployments: [{ name: deployment!.metadata.name, spec: inOwnNamespace(deployment!.spec!) }],
        },
      },
    },
  }
}

function named(objects: readonly Rendered[], kind: string, suffix: string): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name.endsWith(suffix))
  if (!found) throw new Error(`the operator's chart renders no ${kind} whose name ends in ${suffix}`)
  return found
}

/** Where OLM installs it is not known here, and is what the operator takes by default. */
function inOwnNamespace(spec: object): object {
  const isElsewhere = (value: unknown) => typeof value === 'string' && value.startsWith('--lease-namespace=')
  return JSON.parse(JSON.stringify(spec), (_, value) =>
    Array.isArray(value) ? value.filter((each) => !isElsewhere(each)) : value,
  )
}
