/**
 * The layer that all images share: Node, the libraries it needs, and the few files that a process without a shell, without a package
 * manager and without root still expects: a user with a name, where names of hosts are looked up, certificates, /tmp.
 */
import { existsSync, realpathSync } from 'node:fs'
import { directory, type Entry, file } from '../tar/entries.ts'
import { sharedLibrariesOf } from './shared-libraries.ts'

/** The user that images run as: `nonroot` by convention, and the number by which Kubernetes can see that it is not root. */
export const NONROOT = 65532

/** Where Node lies in the image. */
export const NODE_PATH = 'usr/local/bin/node'

/** Where CA certificates lie on the systems that have them; Node brings its own, other libraries look here. */
const CA_CERTIFICATES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt']

export function baseLayer(node: string): Entry[] {
  const certificates = CA_CERTIFICATES.find((path) => existsSync(path))
  return [
    file(NODE_PATH, { file: realpathSync(node) }, 0o755),
    ...sharedLibrariesOf([node]),
    file('etc/passwd', text(['root:x:0:0:root:/:/sbin/nologin', `nonroot:x:${NONROOT}:${NONROOT}:nonroot:/:/sbin/nologin`])),
    file('etc/group', text(['root:x:0:', `nonroot:x:${NONROOT}:`])),
    file('etc/nsswitch.conf', text(['passwd: files', 'group: files', 'hosts: files dns'])),
    ...(certificates ? [file('etc/ssl/certs/ca-certificates.crt', { file: realpathSync(certificates) })] : []),
    directory('tmp', 0o1777),
  ]
}

const text = (lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\n')}\n`)
