/** Makes images out of a checkout: entries, then layers (those that are shared once), then one tar an image. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { IMAGES, imageName, layersOf, runConfigOf } from './images.ts'
import { baseLayer } from './layers/base.ts'
import type { Checkout } from './layers/checkout.ts'
import { type RunConfig, type WrittenImage, type WrittenLayer, writeImage, writeLayer } from './oci/write-image.ts'
import { writeRootfs } from './oci/write-rootfs.ts'
import type { Entry } from './tar/entries.ts'
import { postgresImage, redisImage } from './test-servers/images.ts'

/** Tag of the images for trying out: they have no version of ours. */
const TEST_SERVER_TAG = 'test'

interface Wanted {
  readonly name: string
  readonly tag: string
  readonly layers: readonly (readonly Entry[])[]
  readonly run: RunConfig
}

export interface MakeOptions {
  readonly checkout: Checkout
  /** The Node binary that goes into the images. */
  readonly node: string
  readonly outputDir: string
  readonly tag: string
  readonly testServers: boolean
}

export async function makeImages(options: MakeOptions, say: (line: string) => void): Promise<WrittenImage[]> {
  const { checkout, outputDir } = options
  const base = baseLayer(options.node)
  const layers = mkdtempSync(join(outputDir, '.layers-'))
  const written = new Map<readonly Entry[], WrittenLayer>()
  const write = (entries: readonly Entry[]): WrittenLayer => {
    const there = written.get(entries) ?? writeLayer(entries, layers)
    written.set(entries, there)
    return there
  }
  try {
    return (await wanted(options, base)).map(({ name, tag, layers, run }) => {
      say(`Making ${name}:${tag} ...`)
      return writeImage(imageName(name, tag), layers.map(write), run, join(outputDir, `${name}.tar`))
    })
  } finally {
    rmSync(layers, { recursive: true })
  }

  async function wanted({ tag, testServers }: MakeOptions, base: readonly Entry[]): Promise<Wanted[]> {
    const products = await Promise.all(
      IMAGES.map(async (spec) => ({
        name: spec.name,
        tag,
        layers: [base, ...(await layersOf(spec, checkout, base))],
        run: runConfigOf(spec, checkout.version),
      })),
    )
    if (!testServers) return products
    const servers = [redisImage(base), postgresImage(checkout.root, base)]
    return [
      ...products,
      ...servers.map(({ name, entries, run }) => ({ name, tag: TEST_SERVER_TAG, layers: [base, entries], run })),
    ]
  }
}

/** The files of one product image, in `folder`. */
export async function makeRootfs(name: string, checkout: Checkout, node: string, folder: string): Promise<void> {
  const spec = IMAGES.find((spec) => spec.name === name)
  if (!spec) throw new Error(`no image is called ${name}: there are ${IMAGES.map(({ name }) => name).join(', ')}`)
  const base = baseLayer(node)
  writeRootfs([base, ...(await layersOf(spec, checkout, base))], folder)
}
