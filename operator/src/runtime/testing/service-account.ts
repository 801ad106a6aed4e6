/** Service accounts with exactly the rights that a test gives them. */
import { request } from 'node:https'
import type { ControlPlane } from '@fractal-lba/servers/kubernetes/control-plane'
import type { KubeClient } from '../client/kube-client.ts'
import type { KubeObject, ResourceType } from '../client/objects.ts'

export interface Rule {
  readonly apiGroups?: readonly string[]
  readonly resources?: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly nonResourceURLs?: readonly string[]
  readonly verbs: readonly string[]
}

const RBAC = 'rbac.authorization.k8s.io'
type Plain = KubeObject & Record<string, unknown>

const typeOf = (group: string, plural: string, kind: string, namespaced: boolean): ResourceType<Plain> => ({
  ...{ group, version: 'v1', plural, kind, namespaced },
})

/** Makes the account and binds it to the rules: in its namespace (`Role`), or everywhere (`ClusterRole`). @returns a token of it. */
export async function serviceAccount(
  plane: ControlPlane,
  admin: KubeClient,
  ref: { readonly namespace: string; readonly name: string },
  rules: { readonly Role?: readonly Rule[]; readonly ClusterRole?: readonly Rule[] } = {},
): Promise<string> {
  await admin.create(typeOf('', 'serviceaccounts', 'ServiceAccount', true), { metadata: ref })
  for (const kind of ['Role', 'ClusterRole'] as const) {
    if (!rules[kind]) continue
    const namespaced = kind === 'Role'
    const metadata = namespaced ? ref : { name: `${ref.namespace}-${ref.name}` }
    await admin.create(typeOf(RBAC, `${kind.toLowerCase()}s`, kind, namespaced), { metadata, rules: rules[kind] })
    await admin.create(typeOf(RBAC, `${kind.toLowerCase()}bindings`, `${kind}Binding`, namespaced), {
      metadata,
      roleRef: { apiGroup: RBAC, kind, name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', ...ref }],
    })
  }
  return tokenOf(plane, ref)
}

/** A subresource whose body is of another kind, which the client has no need for. */
function tokenOf(
  plane: ControlPlane,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } }
  return new Promise((resolve, reject) => {
    const sent = request(
      `${plane.url}/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${plane.token}`, 'content-type': 'application/json' },
        rejectUnauthorized: false,
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve(JSON.parse(text).status.token))
      },
    )
    sent.on('error', reject)
    sent.end(JSON.stringify(body))
  })
}
