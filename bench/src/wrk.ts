/** Runs wrk, the load generator, with `submit.lua`, and reads the line of JSON that the script prints. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const SCRIPT = join(import.meta.dirname, 'submit.lua')

export interface WrkResult {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  /** Answers other than 2xx and 3xx. */
  readonly non2xx: number
  readonly socketErrors: number
}

/** One thread and 64 connections, posting the lines of `bodiesFile`: the server under test has the other core. */
export async function wrk(port: number, bodiesFile: string, seconds: number): Promise<WrkResult> {
  const url = `http://127.0.0.1:${port}/v1/pcs/submit`
  const args = ['-t1', '-c64', `-d${seconds}s`, '--latency', '-s', SCRIPT, url, '--', bodiesFile]
  const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  const line = output.split('\n').find((text) => text.startsWith('{'))
  if (code !== 0 || !line) throw new Error(`wrk failed (${code}): ${output}`)
  const result = JSON.parse(line) as WrkResult
  if (result.non2xx + result.socketErrors > 0) {
    throw new Error(
      `${result.non2xx} answers were not 2xx and ${result.socketErrors} connections broke; a rate of errors is no figure: ${line}`,
    )
  }
  return result
}
