/** `/metrics`, for whom the API server lets `get` the non-resource URL `/metrics`: 401 without a good token, 403 without the right. */
import type { Registry } from 'prom-client'
import type { Access, AccessReview } from './access-review.ts'
import { type Listening, type ListenOptions, listen, type Reply } from './listen.ts'

const REFUSALS: Readonly<Record<Exclude<Access, 'allowed'>, Reply>> = {
  unauthenticated: { status: 401, body: 'send the bearer token of a service account\n' },
  forbidden: { status: 403, body: 'this user may not get /metrics: bind it to a ClusterRole with nonResourceURLs: [/metrics]\n' },
  busy: { status: 429, body: 'too many tokens are being reviewed, try again\n' },
}

export async function serveMetrics(options: ListenOptions, registry: Registry, review: AccessReview): Promise<Listening> {
  return listen(options, async (request) => {
    if (request.url?.split('?', 1)[0] !== '/metrics') return { status: 404, body: 'here is /metrics\n' }
    let access: Access
    try {
      access = await review.of(request.headers.authorization)
    } catch (error) {
      options.onError('reviewing a token for /metrics', error)
      return { status: 503, body: 'the API server did not say whether you may read this, try again\n' }
    }
    if (access !== 'allowed') return REFUSALS[access]
    return { status: 200, body: await registry.metrics(), contentType: registry.contentType }
  })
}
