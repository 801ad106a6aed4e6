/** The page that lists every field of every kind, made from the same schemas as the CRDs. */
import { DEFINED, type Kind } from './kinds.ts'
import { type JsonSchema, structural } from './structural.ts'

const HEAD = `# Custom resources

<!-- Made from operator/src/api by \`npm run generate\`. -->

Three kinds in the group \`fractal.lba.io\`, version \`v1\`, all in namespaces, all in the category \`flk\` (\`kubectl get flk\`). Their definitions are in \`crds/\`;
\`config/samples/\` has a manifest of each with a comment on each field. \`kubectl explain smig.spec\` says the same as the tables below.

**What is refused.** The API server checks types, ranges, and how fields have to fit each other, and names the field and the remedy. Shards, regions and
stores that records were filed under cannot be changed; create another object. A gate that does not exist is refused, never dropped. Other unknown fields are
refused by \`kubectl\` and by server-side apply; a client that does not ask for that (\`fieldValidation: Strict\`) has them dropped. The operator checks again, since
an object may be older than a rule: then \`Ready\` is False with the reason \`SpecInvalid\`.

**Credentials** have no place in a custom resource: an address with a user or a password is refused. The fleet's credentials Secret holds them.

**Conditions.** \`Ready\`, \`Reconciling\` and \`Stalled\` are what kstatus reads, so \`kubectl wait --for=condition=Ready\`, \`helm --wait\`, Flux and Argo CD work as they are:
Reconciling means that it goes on by itself, Stalled that somebody has to do something. \`Paused\`, \`PlanApproved\` and \`GatePassed\` (Unknown: no data, which is no pass) are on
all kinds. Each names the generation it is about, and a reason that stays the same between versions.

**Versions.** \`v1\` is the only version that is served and stored, so nothing is converted. New fields are added beside the old ones, optional and with a default; a
manifest that was accepted once stays accepted.
`

export function fieldReference(): string {
  return [HEAD, ...DEFINED.map(section)].join('\n')
}

function section({ names, description, spec }: Kind): string {
  const rows = fieldsOf(structural(spec as JsonSchema, names.kind), '')
  return [
    `## ${names.kind} (\`${names.shortName}\`)`,
    '',
    description,
    '',
    '| field of `spec` | type | default | what it is |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', '<br>')).join(' | ')} |`),
    '',
  ].join('\n')
}

function fieldsOf(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const own = [
      `\`${path}\``,
      typeText(field),
      defaultText(field, schema.required?.includes(name) === true),
      field.description ?? '',
    ]
    return [own, ...fieldsOf(field, `${path}.`)]
  })
}

function typeText(field: JsonSchema): string {
  if (field.enum) return field.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (field.type === 'array') return `list of ${field.items?.type ?? 'values'}s`
  if (field.type === 'object') return field.properties ? 'map' : 'map of names'
  const [low, high] = [field.minimum, field.maximum]
  return low !== undefined && high !== undefined && high < 1e9 ? `${field.type}, ${low} to ${high}` : String(field.type)
}

function defaultText(field: JsonSchema, required: boolean): string {
  if (required) return 'needed'
  if (field.default === undefined || field.type === 'object') return ''
  return `\`${JSON.stringify(field.default)}\``
}
