/** Charts as Helm renders them, without a cluster. */
import { programPath } from '@fractal-lba/servers/kubernetes/build'
import { parseAllDocuments } from 'yaml'
import { run } from '../support/run-command.ts'

export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> }
  readonly rules?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly spec?: {
    readonly template?: { readonly metadata: object; readonly spec: { readonly volumes?: readonly object[] } }
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[]
  }
}

export async function render(
  release: string,
  chart: string,
  namespace: string,
  settings: readonly string[],
  valuesFile?: string,
): Promise<Rendered[]> {
  const values = valuesFile === undefined ? [] : ['--values', valuesFile]
  const set = settings.flatMap((setting) => ['--set', setting])
  const text = await run(programPath('helm'), ['template', release, chart, '-n', namespace, ...values, ...set])
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null)
}

/** The first pod of each workload, as its controller would create it. */
export function podsOf(objects: readonly Rendered[], namespace: string): object[] {
  return objects.flatMap(({ kind, metadata, spec }) =>
    spec?.template
      ? [
          {
            apiVersion: 'v1',
            kind: 'Pod',
            metadata: { ...spec.template.metadata, name: `${metadata.name}-${kind.toLowerCase()}`, namespace },
            spec: { ...spec.template.spec, volumes: [...(spec.template.spec.volumes ?? []), ...claimsOf(spec, metadata.name)] },
          },
        ]
      : [],
  )
}

const claimsOf = ({ volumeClaimTemplates = [] }: NonNullable<Rendered['spec']>, workload: string): object[] =>
  volumeClaimTemplates.map(({ metadata: { name } }) => ({ name, persistentVolumeClaim: { claimName: `${name}-${workload}-0` } }))
