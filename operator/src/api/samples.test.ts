import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { CrrPolicySpecSchema } from './crrpolicy.ts'
import { API_VERSION, CRR_POLICY_KIND, SHARD_MIGRATION_KIND, TIERING_POLICY_KIND } from './group.ts'
import { ShardMigrationSpecSchema } from './shardmigration.ts'
import { TieringPolicySpecSchema } from './tieringpolicy.ts'
import { type Validated, validateCrrPolicy, validateSpec, validateTieringPolicy } from './validate.ts'

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly spec: Readonly<Record<string, unknown>>
}

/** `own`: what a sample has to choose, since it has no default. */
const SAMPLES: readonly {
  readonly kind: string
  readonly schema: { readonly properties: Readonly<Record<string, unknown>> }
  readonly validate: (spec: unknown) => Validated<unknown>
  readonly own: readonly string[]
}[] = [
  {
    kind: SHARD_MIGRATION_KIND,
    schema: ShardMigrationSpecSchema,
    validate: (spec) => validateSpec(spec, { credentials: 'refused' }),
    own: ['sourceShards', 'targetShards', 'dedupBackend'],
  },
  {
    kind: CRR_POLICY_KIND,
    schema: CrrPolicySpecSchema,
    validate: validateCrrPolicy,
    own: ['sourceRegion', 'targetRegions', 'replicationMode', 'tenantSelector'],
  },
  {
    kind: TIERING_POLICY_KIND,
    schema: TieringPolicySpecSchema,
    validate: validateTieringPolicy,
    own: ['hotTier', 'warmTier', 'coldTier'],
  },
]

describe.each(SAMPLES)('the sample of a $kind', ({ kind, schema, validate, own }) => {
  const path = join(import.meta.dirname, '../../../config/samples', `${kind.toLowerCase()}.yaml`)
  const read = async () => ({ text: await readFile(path, 'utf8'), manifest: parse(await readFile(path, 'utf8')) as Manifest })

  it('is valid, and names every field', async () => {
    const { manifest } = await read()
    expect(manifest).toMatchObject({ apiVersion: API_VERSION, kind })
    expect(validate(manifest.spec)).toMatchObject({ ok: true })
    // Which fleet is meant has no default, so it stands there as a comment.
    expect([...Object.keys(manifest.spec), 'fleet'].sort()).toEqual(Object.keys(schema.properties).sort())
  })

  it('shows the defaults', async () => {
    const { spec } = (await read()).manifest
    const chosen = Object.fromEntries(own.map((field) => [field, spec[field]]))
    expect(validate(chosen)).toMatchObject({ ok: true, spec })
  })

  it('has a comment on each field', async () => {
    const lines = (await read()).text.split('\n')
    const fields = lines.flatMap((line, i) => (/^ {2,6}[a-zA-Z0-9]+:/.test(line) ? [{ line, i }] : []))
    const bare = fields.filter(({ line, i }) => !(lines[i - 1] ?? '').trim().startsWith('#') && !/^ {2}name:/.test(line))
    expect(bare.map(({ line }) => line)).toEqual([])
  })
})
