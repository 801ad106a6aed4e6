/**
 * Ceiling A, as a process of its own: a Fastify server with its defaults, one POST route that reads the body and answers a
 * constant of the size of a verifier's answer. Prints its port as one line of JSON.
 */
import fastify from 'fastify'

const ANSWER = {
  accepted: true,
  escalated: false,
  pcs_id: '0'.repeat(64),
  reason: '',
  recomputed_D_hat: 1.405,
  recomputed_budget: 0.418,
}

const app = fastify()
app.post('/v1/pcs/submit', (_request, reply) => {
  reply.send(ANSWER)
})
await app.listen({ host: '127.0.0.1', port: 0 })
const address = app.server.address()
console.log(JSON.stringify({ event: 'listening', port: typeof address === 'object' ? address?.port : undefined }))
process.once('SIGTERM', () => app.close())
