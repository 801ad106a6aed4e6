/**
 * Writes an OCI image layout as one tar, as containerd (`ctr images import`), kind, podman and Docker load it. Layers are not
 * compressed: they are read back on the same machine, and a compressor's version would be in their digests.
 */
import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Entry } from '../tar/entries.ts'
import { complete } from '../tar/entries.ts'
import { frameOf, tarOf } from '../tar/write.ts'

/** What the image's process is: fields of the OCI image config. */
export interface RunConfig {
  readonly user: string
  readonly entrypoint: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly workingDir: string
  readonly labels: Readonly<Record<string, string>>
  readonly ports?: readonly number[]
}

/** A layer that lies on disk as an uncompressed tar. */
export interface WrittenLayer {
  readonly file: string
  readonly digest: string
  readonly sizeBytes: number
}

export interface WrittenImage {
  readonly name: string
  readonly file: string
  /** Of the manifest: what identifies the image. */
  readonly digest: string
  readonly sizeBytes: number
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number }[]
}

const ARCHITECTURE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }
const MEDIA_TYPE = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const
/** Dates make digests differ; an image of the year 1970 says that it has none. */
const NO_DATE = '1970-01-01T00:00:00Z'

export function writeLayer(entries: readonly Entry[], folder: string): WrittenLayer {
  mkdirSync(folder, { recursive: true })
  const temporary = join(folder, `layer-${process.pid}.tmp`)
  const hash = createHash('sha256')
  writeInto(temporary, (write) => {
    for (const piece of tarOf(complete(entries))) {
      hash.update(piece)
      write(piece)
    }
  })
  const digest = `sha256:${hash.digest('hex')}`
  const file = join(folder, `${digest.slice('sha256:'.length)}.tar`)
  renameSync(temporary, file)
  return { file, digest, sizeBytes: statSync(file).size }
}

/** `name` as containerd knows it, e.g. `docker.io/fractal-lba/fractal-lba:0.1.0`. */
export function writeImage(name: string, layers: readonly WrittenLayer[], run: RunConfig, file: string): WrittenImage {
  const config = jsonBlob({
    created: NO_DATE,
    architecture: ARCHITECTURE[process.arch] ?? process.arch,
    os: 'linux',
    config: {
      User: run.user,
      Env: Object.entries(run.env).map(([variable, value]) => `${variable}=${value}`),
      Entrypoint: run.entrypoint,
      WorkingDir: run.workingDir,
      Labels: run.labels,
      ...(run.ports && { ExposedPorts: Object.fromEntries(run.ports.map((port) => [`${port}/tcp`, {}])) }),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    history: layers.map(() => ({ created: NO_DATE })),
  })
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: { mediaType: MEDIA_TYPE.config, digest: config.digest, size: config.bytes.length },
    layers: layers.map(({ digest, sizeBytes }) => ({ mediaType: MEDIA_TYPE.layer, digest, size: sizeBytes })),
  })
  const index = jsonBlob({
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: [
      {
        mediaType: MEDIA_TYPE.manifest,
        digest: manifest.digest,
        size: manifest.bytes.length,
        annotations: {
          'io.containerd.image.name': name,
          'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
        },
      },
    ],
  })
  const blobs = [config, manifest].map(({ digest, bytes }) => ({
    path: blobPath(digest),
    bytes: () => bytes,
    size: bytes.length,
  }))
  const layerBlobs = new Map(layers.map((layer) => [blobPath(layer.digest), layer]))
  const members = [
    { path: 'index.json', bytes: () => index.bytes, size: index.bytes.length },
    { path: 'oci-layout', bytes: () => LAYOUT, size: LAYOUT.length },
    ...blobs,
    ...[...layerBlobs].map(([path, layer]) => ({ path, bytes: () => readFileSync(layer.file), size: layer.sizeBytes })),
  ]
  mkdirSync(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  writeInto(temporary, (write) => {
    for (const { path, bytes, size } of members) {
      const { header, padding } = frameOf(path, size)
      for (const piece of [header, bytes(), padding]) write(piece)
    }
    write(Buffer.alloc(1024))
  })
  renameSync(temporary, file)
  return { name, file, digest: manifest.digest, sizeBytes: statSync(file).size, layers }
}

const LAYOUT = Buffer.from(JSON.stringify({ imageLayoutVersion: '1.0.0' }))

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`

function jsonBlob(value: unknown): { digest: string; bytes: Buffer } {
  const bytes = Buffer.from(JSON.stringify(value))
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
}

/** A file that is never seen half written under its name: the caller renames it; nothing is left where writing fails. */
function writeInto(file: string, fill: (write: (piece: Buffer) => void) => void): void {
  const descriptor = openSync(file, 'w')
  try {
    fill((piece) => {
      for (let at = 0; at < piece.length; ) at += writeSync(descriptor, piece, at)
    })
  } catch (error) {
    rmSync(file, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}
