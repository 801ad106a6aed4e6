/** The checkout that images are made of, and where it lies in them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Lock, Platform } from './production-closure.ts'

/** Folder of the rooms and of node_modules in an image; the working directory of its process. */
export const APP = 'app'

export interface Checkout {
  readonly root: string
  readonly version: string
  readonly lock: Lock
  readonly platform: Platform
}

export function readCheckout(root: string): Checkout {
  const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))
  const { version } = read('package.json') as { version: string }
  return { root, version, lock: read('package-lock.json') as Lock, platform: { os: process.platform, cpu: process.arch } }
}
