/** What runs in an examining thread: a batch in, its findings out. */
import { parentPort, workerData } from 'node:worker_threads'
import { Authenticator } from '../verify/authenticate.ts'
import { examine } from './examine.ts'
import { decodeExhibits, encodeFindings } from './examine-frames.ts'
import type { ExamineThreadData } from './thread-examiner.ts'

if (parentPort === null) throw new Error('this file runs in a worker thread only')
const port = parentPort
const { pod, tenants } = workerData as ExamineThreadData
const tenantIds = tenants.map((tenant) => tenant.id)
const authenticator = new Authenticator(tenants)

port.on('message', (bytes: ArrayBuffer) => {
  const findings = decodeExhibits(bytes, tenantIds).map((exhibit) => examine(exhibit, pod, authenticator))
  const reply = encodeFindings(findings)
  port.postMessage(reply, [reply])
})
