/**
 * Reads objects of the cluster as this process: suites look twice a second at what they wait for, and a kubectl for each look took an
 * eighth of the processors from the fleet that they wait for.
 */
import { type RequestOptions, request } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'

const ANSWER_WITHIN_MS = 10_000

/** Where the API has what suites look at, by group and version. */
const RESOURCES = {
  'api/v1': [
    ...['configmaps', 'namespaces', 'nodes', 'persistentvolumes', 'persistentvolumeclaims'],
    ...['pods', 'secrets', 'serviceaccounts', 'services'],
  ],
  'apis/apps/v1': ['deployments', 'statefulsets'],
  'apis/coordination.k8s.io/v1': ['leases'],
  'apis/events.k8s.io/v1': ['events'],
  'apis/rbac.authorization.k8s.io/v1': ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'],
  'apis/fractal.lba.io/v1': ['shardmigrations', 'crrpolicies', 'tieringpolicies'],
  'apis/argoproj.io/v1alpha1': ['applications'],
} as const

/** The plural of a kind, as its path has it. */
export type ResourceName = (typeof RESOURCES)[keyof typeof RESOURCES][number]

const PATHS = new Map<string, string>(
  Object.entries(RESOURCES).flatMap(([group, names]) => names.map((name) => [name, `${group}/`] as const)),
)

export class ObjectReader {
  readonly #config = new KubeConfig()

  constructor(kubeconfig: string) {
    this.#config.loadFromFile(kubeconfig)
  }

  /**
   * @param namespace undefined for what is in none
   * @param rest what follows the resource's path: `/name`, or a query
   * @throws Error with what the API server says, or why it says nothing
   */
  async read<T>(resource: ResourceName, namespace: string | undefined, rest: string): Promise<T> {
    const server = this.#config.getCurrentCluster()?.server
    if (server === undefined) throw new Error('the kubeconfig names no server')
    const scope = namespace === undefined ? '' : `namespaces/${namespace}/`
    const options: RequestOptions = { timeout: ANSWER_WITHIN_MS }
    await this.#config.applyToHTTPSOptions(options)
    const { status, body } = await answerTo(new URL(`${server}/${PATHS.get(resource)}${scope}${resource}${rest}`), options)
    if (status !== 200) throw new Error(`${resource}${rest} in ${namespace ?? 'no namespace'}: ${status} ${body.slice(0, 500)}`)
    return JSON.parse(body) as T
  }
}

function answerTo(url: URL, options: RequestOptions): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text) => {
        body += text
      })
      response.on('error', reject).on('end', () => resolve({ status: response.statusCode, body }))
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s: ${url.pathname}`)))
    sent.on('error', reject).end()
  })
}
