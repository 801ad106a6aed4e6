/** The image that holds a pod's network open, as a docker archive: one static program, built from the source below. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { clusterCache } from '@fractal-lba/servers/kubernetes/build'
import { run } from '../../support/run-command.ts'
import { PAUSE_IMAGE } from './layout.ts'

const SOURCE = `package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
}
`

/** @returns the path of the archive; built at the first call. */
export async function ensurePauseImage(): Promise<string> {
  const dir = join(clusterCache, 'pause')
  const archive = join(dir, 'image.tar')
  if (existsSync(archive)) return archive
  await mkdir(dir, { recursive: true })
  await writeFile(join(dir, 'main.go'), SOURCE)
  await writeFile(join(dir, 'go.mod'), 'module pause\ngo 1.24\n')
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' }
  await run('go', ['build', '-ldflags', '-s -w', '-o', 'pause', '.'], { cwd: dir, env })
  await run('tar', ['-cf', 'layer.tar', 'pause'], { cwd: dir })
  const layer = await readFile(join(dir, 'layer.tar'))
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: ['/pause'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
  })
  await writeFile(join(dir, 'config.json'), config)
  await writeFile(
    join(dir, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: [PAUSE_IMAGE], Layers: ['layer.tar'] }]),
  )
  await run('tar', ['-cf', 'image.part', 'config.json', 'layer.tar', 'manifest.json'], { cwd: dir })
  if ((await stat(join(dir, 'image.part'))).size < layer.length) throw new Error('the pause image is shorter than its layer')
  await run('mv', ['image.part', 'image.tar'], { cwd: dir })
  return archive
}
