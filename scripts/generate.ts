/**
 * `npm run generate`: makes the files that are made from others, and with `--check` fails where one of them is stale.
 *
 *   docs/openapi.json      what a verifier serves at /openapi.json
 *   docs/configuration.md  the table of environment variables, from backend/src/config/variables.ts
 *   crds/                  the CustomResourceDefinitions, from operator/src/api
 *   docs/custom-resources.md
 *                          their fields
 *   charts/fractal-lba-operator/templates/crds/
 *                          the same as templates, so that Helm upgrades them, and keeps them if asked to
 *   config/argocd/argocd-cm.yaml
 *                          health and actions for Argo CD, from the .lua files beside it
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { NOT_SUPPORTED_YET, SECTIONS } from '../backend/src/config/variables.ts'
import { fieldReference } from '../operator/src/api/crd/reference.ts'
import { crdFiles } from '../operator/src/api/crd/resources.ts'
import { argocdConfig } from './argocd-config.ts'

const root = join(import.meta.dirname, '..')

/** From a real verifier, so that it is what a client gets. */
async function openApi(): Promise<string> {
  const walDir = await mkdtemp(join(tmpdir(), 'flk-generate-'))
  const env = {
    PATH: process.env.PATH,
    PORT: '0',
    FLK_HOST: '127.0.0.1',
    FLK_POD_NAME: 'generate',
    FLK_LOG_LEVEL: 'warn',
    WAL_DIR: walDir,
  }
  const verifier = spawn(process.execPath, [join(root, 'backend/src/main.ts')], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(verifier, 'exit')
  try {
    const [line] = (await once(createInterface({ input: verifier.stdout }), 'line')) as [string]
    const { port } = JSON.parse(line) as { port: number }
    const answer = await fetch(`http://127.0.0.1:${port}/openapi.json`)
    return `${JSON.stringify(await answer.json(), null, 2)}\n`
  } finally {
    verifier.kill('SIGTERM')
    await ended
    await rm(walDir, { recursive: true })
  }
}

function configuration(): string {
  const lines = [
    '# Configuration of a verifier',
    '',
    '<!-- Made from backend/src/config/variables.ts by `npm run generate`. -->',
    '',
    'A verifier reads its configuration from the environment. A value that is wrong, and a name that looks like one of these but is',
    'none, stop the start with a message that names the variable. `npm run backend -- --help` prints the same.',
  ]
  for (const { title, variables } of SECTIONS) {
    lines.push('', `## ${title}`, '', '| variable | default | what it is |', '| --- | --- | --- |')
    for (const { name, byDefault, what, secret } of variables) {
      lines.push(`| \`${name}\` | ${byDefault} | ${what.replaceAll('|', '\\|')}${secret ? ' (never printed)' : ''} |`)
    }
  }
  const later = NOT_SUPPORTED_YET.map((name) => `\`${name}\``).join(', ')
  lines.push('', '## Not supported yet', '', `Refused at start, since they would do nothing: ${later}.`)
  return `${lines.join('\n')}\n`
}

/** Helm never upgrades what lies in a chart's own `crds/`. Nothing in a definition looks like a template, else it would be run as one. */
function crdTemplate(definition: string): string {
  if (definition.includes('{{')) throw new Error('a CustomResourceDefinition with {{ in it cannot be a template')
  const annotations = [
    '  {{- if .Values.crds.keep }}',
    '  annotations:',
    '    helm.sh/resource-policy: keep',
    '  {{- end }}',
    '  labels:',
    '    {{- include "operator.labels" . | nindent 4 }}',
  ]
  const withMetadata = definition.replace(/^metadata:$/m, () => ['metadata:', ...annotations].join('\n'))
  return `{{- if .Values.crds.enabled }}\n${withMetadata}{{- end }}\n`
}

const FILES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/openapi.json': openApi,
  'docs/configuration.md': configuration,
  'docs/custom-resources.md': fieldReference,
  'config/argocd/argocd-cm.yaml': argocdConfig,
  ...Object.fromEntries(
    Object.entries(crdFiles()).flatMap(([name, text]) => [
      [`crds/${name}`, () => text],
      [`charts/fractal-lba-operator/templates/crds/${name}`, () => crdTemplate(text)],
    ]),
  ),
}

const check = process.argv.includes('--check')
for (const [file, make] of Object.entries(FILES)) {
  const made = await make()
  const there = await readFile(join(root, file), 'utf8').catch(() => undefined)
  if (there === made) continue
  if (!check) {
    await mkdir(dirname(join(root, file)), { recursive: true })
    await writeFile(join(root, file), made)
    console.log(`made ${file}`)
  } else {
    console.log(`${file} is ${there === undefined ? 'missing' : 'stale'}`)
    process.exitCode = 1
  }
}
