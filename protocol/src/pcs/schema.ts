/**
 * The shape of a PCS (Proof-of-Computation Summary) on the wire: one typebox schema that OpenAPI publishes, and the type that comes
 * with it. `parse.ts` enforces the same by hand, since it is on the path of every request; a test holds the two together.
 * What the values must say about each other is `verdict.ts`'s matter.
 */
import Type, { type Static } from 'typebox'

export const SCHEMA_NAME = 'fractal-lba-kakeya'
export const SCHEMA_VERSION = '0.1'

/** Regimes as the summary claims and the verifier classifies them. */
export const REGIMES = ['sticky', 'mixed', 'non_sticky'] as const
export type Regime = (typeof REGIMES)[number]

/** A line through fewer points has no slope. */
export const MIN_SCALES = 2
/** Bounds the pairwise slopes to 2016 a summary; summaries in the field have four to ten scales. */
export const MAX_SCALES = 64
/** Dimensions of a direction. */
export const MAX_DIRECTION = 1024
export const MAX_SHARD_ID = 128
/** Room for a base64 Ed25519 signature (88 characters) and then some; what does not decode is a failed signature, not a bad field. */
export const MAX_SIG = 256
/** `ft` is free-form, within these bounds: nesting below `ft`, and values in all of it. */
export const MAX_FT_DEPTH = 8
export const MAX_FT_VALUES = 256

const HEX_64 = '^[0-9a-f]{64}$'
/** Printable ASCII: every JSON writer in the field renders it the same way, which a signature over it needs. */
export const SHARD_ID_PATTERN = '^[ -~]+$'
/** RFC 3339 with its zone. */
export const SENT_AT_PATTERN =
  '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$'

const SafeInteger = (minimum: number, description: string) =>
  Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER, description })

export const PcsSchema = Type.Object(
  {
    pcs_id: Type.String({ pattern: HEX_64, description: 'sha256("{merkle_root}|{epoch}|{shard_id}") in hex' }),
    schema: Type.Literal(SCHEMA_NAME),
    version: Type.Literal(SCHEMA_VERSION),
    shard_id: Type.String({
      minLength: 1,
      maxLength: MAX_SHARD_ID,
      pattern: SHARD_ID_PATTERN,
      description: 'the stream that was summarised',
    }),
    epoch: SafeInteger(0, 'which window of the stream'),
    attempt: Type.Optional(SafeInteger(0, 'how often this summary was sent before and now')),
    sent_at: Type.Optional(Type.String({ pattern: SENT_AT_PATTERN, description: 'RFC 3339, with a zone' })),
    seed: Type.Optional(Type.Integer({ description: 'of the sampled directions' })),
    scales: Type.Array(SafeInteger(1, 'boxes per unit length'), {
      minItems: MIN_SCALES,
      maxItems: MAX_SCALES,
      uniqueItems: true,
    }),
    N_j: Type.Record(Type.String(), SafeInteger(1, 'occupied boxes'), {
      description: 'for each scale, under its decimal name, the number of occupied boxes',
    }),
    coh_star: Type.Number({ description: 'directional coherence, 0..1' }),
    v_star: Type.Optional(Type.Array(Type.Number(), { maxItems: MAX_DIRECTION, description: 'the direction of coh_star' })),
    D_hat: Type.Number({ description: 'Theil-Sen slope of log2 N_j over log2 scale' }),
    r: Type.Number({ description: 'compressed size by size, 0..1' }),
    regime: Type.Enum([...REGIMES]),
    budget: Type.Number({ description: 'trust budget, 0..1' }),
    merkle_root: Type.String({ pattern: HEX_64, description: 'of the summarised bytes' }),
    sig: Type.Optional(Type.String({ maxLength: MAX_SIG, description: 'base64; HMAC-SHA256 or Ed25519' })),
    ft: Type.Optional(
      Type.Object(
        {},
        {
          additionalProperties: true,
          description: `fault-tolerance notes of the agent (outbox_seq, degraded, fallbacks, clock_skew_ms, ...); at most ${MAX_FT_DEPTH} levels and ${MAX_FT_VALUES} values`,
        },
      ),
    ),
  },
  { additionalProperties: false, description: 'Proof-of-Computation Summary' },
)

type Wire = Static<typeof PcsSchema>

/** A value that was parsed: every field has its type and its range; `verdict.ts` then asks whether they agree. */
export type Pcs = Readonly<Omit<Wire, 'scales' | 'N_j' | 'v_star' | 'regime' | 'ft'>> & {
  readonly scales: readonly number[]
  readonly N_j: Readonly<Record<string, number>>
  readonly v_star?: readonly number[]
  readonly regime: Regime
  readonly ft?: Readonly<Record<string, unknown>>
}
