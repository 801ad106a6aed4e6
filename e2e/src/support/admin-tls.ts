/** Certificates for a fleet whose admin ports answer nobody without one, in Secrets as cert-manager would make them. */
import { get } from 'node:https'
import { TestCertificates } from '@fractal-lba/servers/certificates'
import type { Kubectl, Resource } from './kubectl.ts'

/** What the fleet's chart is told about them. */
export const ADMIN_TLS_SETTINGS = ['tls.enabled=true', 'tls.secretName=pods-tls', 'tls.operatorSecretName=operator-tls']

/** @param serverName the name that the pods go by */
export function adminTlsSecrets(namespace: string, serverName: string): object[] {
  const certificates = new TestCertificates(`DNS:${serverName}`)
  try {
    certificates.make('ca')
    return ['pods', 'operator'].map((owner) => {
      certificates.make(owner, 'ca')
      return {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name: `${owner}-tls`, namespace },
        stringData: {
          'tls.crt': certificates.pem(`${owner}.crt`),
          'tls.key': certificates.pem(`${owner}.key`),
          'ca.crt': certificates.pem('ca.crt'),
        },
      }
    })
  } finally {
    certificates.remove()
  }
}

interface Pod extends Resource {
  readonly spec: { readonly containers: readonly { readonly ports?: readonly { name: string; containerPort: number }[] }[] }
  readonly status: { readonly podIP: string }
}

/** Calls a pod's admin port over TLS, whoever it is, and shows no certificate. @throws Error when it is not answered */
export async function callWithoutCertificate(kubectl: Kubectl, namespace: string, pod: string): Promise<number | undefined> {
  const { spec, status } = await kubectl.get<Pod>('pods', namespace, pod)
  const port = spec.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === 'admin')?.containerPort
  const to = { host: status.podIP, port, path: '/admin/v1/report', rejectUnauthorized: false, agent: false }
  return new Promise((resolve, reject) => {
    get(to, (response) => response.resume().on('end', () => resolve(response.statusCode))).on('error', reject)
  })
}
