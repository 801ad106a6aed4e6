/**
 * Reads the body of a submission as bytes. What is too long is still answered properly: the rest is read and dropped up to a bound, so
 * that the client sees its 413 and not a reset connection, and of the body one byte more than allowed is kept, by which every
 * later stage (and a replay) recognises it.
 */
import { MAX_BODY_BYTES } from '@fractal-lba/protocol/pcs/parse'
import type { FastifyInstance } from 'fastify'

/** Bytes of an overlong body that are read and dropped before the connection is given up. */
const MAX_DROPPED_BYTES = 4 * 1024 * 1024

export function readBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', (_request, payload, done) => {
    const chunks: Buffer[] = []
    let bytes = 0
    payload.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes - chunk.length <= MAX_BODY_BYTES) chunks.push(chunk)
      else if (bytes > MAX_DROPPED_BYTES) payload.destroy()
    })
    payload.on('end', () => {
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      done(null, body.length > MAX_BODY_BYTES ? body.subarray(0, MAX_BODY_BYTES + 1) : body)
    })
    payload.on('error', (error) => done(error))
  })
}
