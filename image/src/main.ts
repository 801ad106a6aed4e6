/**
 * `npm run image`: makes the project's container images from this checkout, without Docker and byte for byte the same each time, as
 * OCI archives that `ctr images import`, `kind load image-archive`, `podman load` and `docker load` take.
 */
import { mkdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { readCheckout } from './layers/checkout.ts'
import { makeImages, makeRootfs } from './make.ts'

const MEGABYTE = 1_000_000
const root = join(import.meta.dirname, '../..')
const checkout = readCheckout(root)

interface Options {
  readonly tag: string
  readonly output: string
  readonly outputFormat: 'text' | 'json'
  readonly testServers: boolean
  readonly rootfs?: string
  readonly image: string
}

const program = new Command('npm run image --')
  .description('Makes the images of the verifier and the operator from this checkout, as OCI archives.')
  .option('--tag <tag>', 'tag of the images', tag, checkout.version)
  .option('--output <dir>', 'folder for the archives', join(root, 'image/dist'))
  .addOption(new Option('--output-format <format>', 'what stdout says').choices(['text', 'json']).default('text'))
  .option('--test-servers', 'also Redis and PostgreSQL from this machine, for clusters that can pull no image', false)
  .option('--rootfs <dir>', 'instead of archives, lay the files of one image out in this folder (the Dockerfile does)')
  .option('--image <name>', 'which image, with --rootfs', 'fractal-lba')
  .showHelpAfterError()
  .parse()
const options = program.opts<Options>()

try {
  if (options.rootfs !== undefined) await makeRootfs(options.image, checkout, process.execPath, resolve(options.rootfs))
  else await makeArchives()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
}

async function makeArchives(): Promise<void> {
  const outputDir = resolve(options.output)
  mkdirSync(outputDir, { recursive: true })
  const made = await makeImages(
    { checkout, node: process.execPath, outputDir, tag: options.tag, testServers: options.testServers },
    (line) => console.error(line),
  )
  if (options.outputFormat === 'json') {
    console.log(JSON.stringify({ images: made }, null, 2))
    return
  }
  for (const { name, file, digest, sizeBytes, layers } of made) {
    const sizes = layers.map(({ sizeBytes }) => megabytes(sizeBytes)).join(' + ')
    console.log(`${name}\n  ${relative(process.cwd(), file)}, ${megabytes(sizeBytes)} MB (layers: ${sizes})\n  ${digest}`)
  }
  console.log(
    '\nLoad one with: ctr -n k8s.io images import FILE, kind load image-archive FILE, podman load -i FILE or docker load -i FILE',
  )
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(1)
}

/** What a registry accepts as a tag. */
function tag(text: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(text))
    throw new InvalidArgumentError('a tag has letters, digits, "_", "." and "-", and begins with none of the last two.')
  return text
}
