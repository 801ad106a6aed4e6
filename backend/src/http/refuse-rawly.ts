/** Answers what is not HTTP, or comes too slowly, where there is no request to reply to: on the socket itself. */
import type { Socket } from 'node:net'
import { ERRORS, type ErrorCode, renderError } from './errors.ts'

const REASON_PHRASES: Readonly<Record<number, string>> = { 400: 'Bad Request', 408: 'Request Timeout', 413: 'Content Too Large' }

export function refuseRawly(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const code: ErrorCode = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_timeout' : 'bad_request'
  const { status } = ERRORS[code]
  const body = renderError(code)
  socket.end(
    `HTTP/1.1 ${status} ${REASON_PHRASES[status]}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
