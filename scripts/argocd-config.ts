/** config/argocd/argocd-cm.yaml, made of the Lua beside it: what Argo CD has to know of our kinds, as a patch of its ConfigMap. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GROUP, KINDS, VERBS, type Verb } from '../operator/src/api/group.ts'

const folder = join(import.meta.dirname, '../config/argocd')
const lua = (path: string): Promise<string> => readFile(join(folder, path), 'utf8')

const actionLua = async (verb: Verb): Promise<string> =>
  verb === 'approve' ? lua('actions/approve.lua') : (await lua('actions/verb.lua')).replaceAll('VERB', verb)

/** A YAML mapping of words and of literal blocks, indented by `depth` levels. */
function blocks(texts: Readonly<Record<string, string>>, depth: number): string {
  const pad = '  '.repeat(depth)
  const indent = (text: string) => text.replace(/^(?=.)/gm, `${pad}  `)
  return Object.entries(texts)
    .map(([key, text]) => (text.includes('\n') ? `${pad}${key}: |\n${indent(text)}` : `${pad}${key}: "${text}"\n`))
    .join('')
}

async function actions(discovery: string, verbs: readonly Verb[]): Promise<string> {
  const definitions = await Promise.all(
    verbs.map(async (verb) => `  - name: ${verb}\n${blocks({ 'action.lua': await actionLua(verb) }, 2)}`),
  )
  return `${blocks({ 'discovery.lua': await lua(discovery) }, 0)}definitions:\n${definitions.join('')}`
}

export async function argocdConfig(): Promise<string> {
  const rolloutVerbs = VERBS.filter((verb) => verb !== 'approve')
  const data: Record<string, string> = {
    'resource.customizations.health.argoproj.io_Application': await lua('health/application.lua'),
    'resource.customizations.health.apps_StatefulSet': await lua('health/statefulset.lua'),
    // It reads an annotation, for which it needs the string library.
    'resource.customizations.useOpenLibs.apps_StatefulSet': 'true',
    'resource.customizations.actions.apps_StatefulSet': `mergeBuiltinActions: true\n${await actions('actions/discovery-statefulset.lua', rolloutVerbs)}`,
  }
  for (const { kind } of KINDS) {
    data[`resource.customizations.health.${GROUP}_${kind}`] = await lua('health/custom-resource.lua')
    data[`resource.customizations.actions.${GROUP}_${kind}`] = await actions('actions/discovery-custom-resource.lua', VERBS)
  }
  return [
    '# Made from config/argocd/{health,actions}/*.lua by `npm run generate`.',
    'apiVersion: v1',
    'kind: ConfigMap',
    'metadata:',
    '  name: argocd-cm',
    '  namespace: argocd',
    '  labels:',
    '    app.kubernetes.io/name: argocd-cm',
    '    app.kubernetes.io/part-of: argocd',
    'data:',
    blocks(data, 1),
  ].join('\n')
}
