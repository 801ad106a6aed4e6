/** A small custom resource for the runtime's tests, with a status subresource. */
import type { KubeClient } from '../client/kube-client.ts'
import type { KubeObject, ResourceType } from '../client/objects.ts'
import { until } from './until.ts'

export interface Widget extends KubeObject {
  readonly spec?: { readonly size?: number; readonly colour?: string; readonly turn?: number }
  readonly status?: { readonly seen?: number }
}

export const WIDGET: ResourceType<Widget> = {
  group: 'testing.fractal.lba.io',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
}

interface Definition extends KubeObject {
  readonly spec: unknown
}

const DEFINITION: ResourceType<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>
}

export const CONFIG_MAP: ResourceType<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
}

const NAMESPACE: ResourceType = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }

/** Serves widgets, and makes the namespaces. */
export async function installWidgets(client: KubeClient, namespaces: readonly string[]): Promise<void> {
  const object = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  await client.create(DEFINITION, {
    metadata: { name: `${WIDGET.plural}.${WIDGET.group}` },
    spec: {
      group: WIDGET.group,
      scope: 'Namespaced',
      names: { plural: WIDGET.plural, kind: WIDGET.kind },
      versions: [
        {
          name: WIDGET.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: object, status: object } } },
        },
      ],
    },
  })
  for (const name of namespaces) await client.create(NAMESPACE, { metadata: { name } })
  await until('widgets are served', async () => {
    const page = await client.listPage(WIDGET).catch(() => undefined)
    return page !== undefined
  })
}

export function widget(namespace: string, name: string, size = 1): Widget {
  return { metadata: { namespace, name }, spec: { size } }
}
