/** Certificates for tests of TLS, made by the openssl command in a folder of their own. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']

export class TestCertificates {
  readonly folder: string
  readonly #altNames: string

  /** @param altNames of each certificate, as openssl writes them: `DNS:localhost,IP:127.0.0.1` */
  constructor(altNames: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'flk-certificates-'))
    this.#altNames = altNames
  }

  /** Makes `<name>.key` and `<name>.crt`, signed by the certificate `issuer`, or by itself. Valid for a day. */
  make(name: string, issuer?: string): void {
    const signed = issuer === undefined ? [] : ['-CA', this.file(`${issuer}.crt`), '-CAkey', this.file(`${issuer}.key`)]
    const as = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${this.#altNames}`]
    const to = ['-keyout', this.file(`${name}.key`), '-out', this.file(`${name}.crt`)]
    execFileSync('openssl', ['req', '-x509', ...NEW_KEY, ...as, ...signed, ...to], { stdio: 'ignore' })
  }

  file(name: string): string {
    return join(this.folder, name)
  }

  pem(name: string): string {
    return readFileSync(this.file(name), 'utf8')
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
