/**
 * What any disk under a log must do, whoever plays it: the machine's own, or the simulation's. Each adapter's test calls this with a way to
 * make an empty directory on it.
 */
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { DirectoryInUse } from '../directory-lock.ts'
import type { DurableFile, FileError, WalFiles } from '../files.ts'

export interface Disk {
  readonly files: WalFiles
  /** A directory that is there and empty. */
  readonly dir: string
}

export function conformsAsDisk(makeDisk: () => Promise<Disk>): void {
  let files: WalFiles
  let dir: string
  beforeEach(async () => {
    ;({ files, dir } = await makeDisk())
  })
  const create = (path: string): Promise<DurableFile> =>
    new Promise((resolve, reject) => files.create(path, (error, file) => (file === undefined ? reject(error) : resolve(file))))
  const write = (file: DurableFile, bytes: Buffer, position: number): Promise<number> =>
    new Promise((resolve, reject) =>
      file.write(bytes, 0, bytes.length, position, (error, written) => (error === null ? resolve(written) : reject(error))),
    )
  const close = (file: DurableFile): Promise<void> =>
    new Promise((resolve, reject) => file.close((error) => (error ? reject(error) : resolve())))
  const readAll = async (path: string, chunk = 7): Promise<Buffer> => {
    const file = await files.open(path)
    const buffer = Buffer.alloc(file.sizeBytes + chunk)
    let length = 0
    for (;;) {
      const count = await file.read(buffer, length, chunk, length)
      if (count === 0) break
      length += count
    }
    await file.close()
    return buffer.subarray(0, length)
  }
  const codeOf = (error: FileError) => error.code

  it('gives back what was written, wherever it was written', async () => {
    const path = join(dir, 'one')
    const file = await create(path)
    expect(await write(file, Buffer.from('hello, '), 0)).toBe(7)
    expect(await write(file, Buffer.from('disk'), 7)).toBe(4)
    expect(await write(file, Buffer.from('H'), 0)).toBe(1)
    await close(file)
    expect((await readAll(path)).toString()).toBe('Hello, disk')
    expect(await files.sizeOf(path)).toBe(11)
  })

  it('writes the part of a buffer that it is told, and keeps nothing of the buffer', async () => {
    const path = join(dir, 'part')
    const file = await create(path)
    const buffer = Buffer.from('..abc..')
    await new Promise<void>((resolve) => file.write(buffer, 2, 3, 0, () => resolve()))
    buffer.fill('x')
    await close(file)
    expect((await readAll(path)).toString()).toBe('abc')
  })

  it('fills what was skipped with zeros', async () => {
    const path = join(dir, 'hole')
    const file = await create(path)
    await write(file, Buffer.from('z'), 3)
    await close(file)
    expect(await readAll(path)).toEqual(Buffer.from([0, 0, 0, 0x7a]))
  })

  it('makes no file over another', async () => {
    const path = join(dir, 'taken')
    await close(await create(path))
    await expect(create(path).catch(codeOf)).resolves.toBe('EEXIST')
  })

  it('lists what is there, and no longer what was removed', async () => {
    await close(await create(join(dir, 'a')))
    await close(await create(join(dir, 'b')))
    await files.syncDirectory(dir)
    expect([...(await files.list(dir))].sort()).toEqual(['a', 'b'])
    await files.remove(join(dir, 'a'))
    await files.syncDirectory(dir)
    expect(await files.list(dir)).toEqual(['b'])
  })

  it('says which directories it made on the way, and nothing where all were there', async () => {
    const made = await files.makeDirectory(join(dir, 'x', 'y'))
    expect(made).toBe(join(dir, 'x'))
    expect(await files.makeDirectory(join(dir, 'x', 'y'))).toBeUndefined()
    expect(await files.list(join(dir, 'x', 'y'))).toEqual([])
  })

  it('cuts a file', async () => {
    const path = join(dir, 'cut')
    const file = await create(path)
    await write(file, Buffer.from('0123456789'), 0)
    await close(file)
    await files.truncate(path, 4)
    expect((await readAll(path)).toString()).toBe('0123')
  })

  it('finds no file that is not there', async () => {
    const path = join(dir, 'none')
    await expect(files.open(path).catch(codeOf)).resolves.toBe('ENOENT')
    await expect(files.sizeOf(path).catch(codeOf)).resolves.toBe('ENOENT')
    await expect(files.remove(path).catch(codeOf)).resolves.toBe('ENOENT')
    await expect(files.truncate(path, 0).catch(codeOf)).resolves.toBe('ENOENT')
    await expect(files.list(join(dir, 'nowhere')).catch(codeOf)).resolves.toBe('ENOENT')
  })

  it('reads a file that is being written as far as it is', async () => {
    const path = join(dir, 'growing')
    const file = await create(path)
    await write(file, Buffer.from('abc'), 0)
    expect((await readAll(path)).toString()).toBe('abc')
    await close(file)
  })

  it('locks a directory once, and again when it was given up', async () => {
    const unlock = files.lock(dir)
    expect(() => files.lock(dir)).toThrow(DirectoryInUse)
    unlock()
    files.lock(dir)()
  })

  it('knows how much room there is', async () => {
    expect(await files.freeBytes(dir)).toBeGreaterThan(0)
  })
}
