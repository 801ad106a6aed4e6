/**
 * Writes entries as a POSIX tar: ustar headers, with a pax record where a path does not fit one. All times are 0 and users have
 * numbers only, so that the bytes depend on nothing but the entries.
 */
import { readFileSync } from 'node:fs'
import type { Entry } from './entries.ts'

const BLOCK_BYTES = 512
const NAME_BYTES = 100
const PREFIX_BYTES = 155
const TYPE = { file: '0', symlink: '2', directory: '5', pax: 'x' } as const

/** The tar, piece by piece; a file's content is in memory only while its piece is. */
export function* tarOf(entries: Iterable<Entry>): Generator<Buffer> {
  for (const entry of entries) yield* member(entry)
  yield Buffer.alloc(2 * BLOCK_BYTES)
}

/** A file as a tar member whose content is written by the caller: its header, and the zeros that follow the content. */
export function frameOf(path: string, sizeBytes: number): { header: Buffer; padding: Buffer } {
  return { header: header({ path, type: TYPE.file, mode: 0o644, owner: 0, sizeBytes }), padding: padding(sizeBytes) }
}

function* member(entry: Entry): Generator<Buffer> {
  const path = entry.kind === 'directory' ? `${entry.path}/` : entry.path
  const target = entry.kind === 'symlink' ? entry.target : ''
  const [mode, owner] = entry.kind === 'symlink' ? [0o777, 0] : [entry.mode, entry.owner]
  const content = entry.kind === 'file' ? bytesOf(entry.content) : Buffer.alloc(0)
  const records = [...(splits(path) ? [] : [pax('path', path)]), ...(fits(target, NAME_BYTES) ? [] : [pax('linkpath', target)])]
  if (records.length > 0) {
    const body = Buffer.from(records.join(''))
    yield header({ path: 'pax', type: TYPE.pax, mode: 0o644, owner: 0, sizeBytes: body.length })
    yield body
    yield padding(body.length)
  }
  yield header({ path, type: TYPE[entry.kind], mode, owner, sizeBytes: content.length, target })
  yield content
  yield padding(content.length)
}

const bytesOf = (content: Buffer | { readonly file: string }): Buffer =>
  Buffer.isBuffer(content) ? content : readFileSync(content.file)

const padding = (sizeBytes: number): Buffer => Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES)

/** ASCII only: what other bytes mean in a ustar header is not said anywhere. */
const fits = (text: string, bytes: number): boolean => text.length <= bytes && /^[\x20-\x7e]*$/.test(text)

/** Where a path can be cut into ustar's prefix and name, or undefined. */
function splits(path: string): { prefix: string; name: string } | undefined {
  if (fits(path, NAME_BYTES)) return { prefix: '', name: path }
  for (let cut = path.indexOf('/'); cut > 0; cut = path.indexOf('/', cut + 1)) {
    const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)]
    if (name !== '' && fits(prefix, PREFIX_BYTES) && fits(name, NAME_BYTES)) return { prefix, name }
  }
  return undefined
}

/** `LENGTH key=value\n`, where LENGTH counts itself. */
function pax(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest)
  while (String(length).length + Buffer.byteLength(rest) !== length) length = String(length).length + Buffer.byteLength(rest)
  return `${length}${rest}`
}

interface Header {
  readonly path: string
  readonly type: string
  readonly mode: number
  readonly owner: number
  readonly sizeBytes: number
  readonly target?: string
}

function header({ path, type, mode, owner, sizeBytes, target = '' }: Header): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  // Where neither fits, the pax record before this header has the whole; a reader that knows none still sees the end of it.
  const { prefix, name } = splits(path) ?? { prefix: '', name: path.slice(-NAME_BYTES) }
  const octal = (value: number, digits: number, at: number) => block.write(value.toString(8).padStart(digits, '0'), at)
  block.write(name, 0, NAME_BYTES)
  octal(mode, 7, 100)
  octal(owner, 7, 108)
  octal(owner, 7, 116)
  octal(sizeBytes, 11, 124)
  octal(0, 11, 136)
  block.write(' '.repeat(8), 148)
  block.write(type, 156)
  block.write(fits(target, NAME_BYTES) ? target : '', 157)
  block.write('ustar\x0000', 257, 'latin1')
  block.write(prefix, 345, PREFIX_BYTES)
  const checksum = block.reduce((sum, byte) => sum + byte, 0)
  octal(checksum, 6, 148)
  block.write('\0 ', 154, 'latin1')
  return block
}
