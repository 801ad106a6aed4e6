/** How `POST /v1/pcs/submit` is described in OpenAPI: its header, its answers, and one response for each status of the error table. */
import { REASONS } from '@fractal-lba/protocol/pcs/reason'
import Type from 'typebox'
import { ERRORS, type ErrorRow } from './errors.ts'

export const SubmitHeaders = Type.Object({
  'x-tenant-id': Type.Optional(
    Type.String({ maxLength: 64, description: 'whose summary it is; the tenant "default" without it' }),
  ),
})

const Answer = Type.Object(
  {
    accepted: Type.Boolean(),
    recomputed_D_hat: Type.Number({ description: 'what the verifier computed from N_j' }),
    recomputed_budget: Type.Number(),
    reason: Type.Enum([...REASONS], { description: 'why it was escalated; empty where it was not' }),
    escalated: Type.Boolean({ description: 'someone should look at it' }),
    pcs_id: Type.String(),
  },
  { description: 'the decision, the same for every submission of this pcs_id' },
)

const ErrorAnswer = (codes: readonly string[]) =>
  Type.Object({
    error: Type.Enum([...codes], { description: 'what went wrong, for programs' }),
    message: Type.String({ description: 'what went wrong, for people' }),
    action: Type.String({ description: 'what to do about it' }),
    field: Type.Optional(Type.String({ description: 'the field of the summary that is wrong' })),
    pcs_id: Type.Optional(Type.String({ description: 'where the body was read that far' })),
  })

const RetryAfter = { 'retry-after': Type.Integer({ minimum: 1, description: 'whole seconds' }) }

function errorResponses(): Record<number, object> {
  const codesByStatus = new Map<number, string[]>()
  for (const [code, { status }] of Object.entries(ERRORS) as [string, ErrorRow][]) {
    if (status === 404) continue
    codesByStatus.set(status, [...(codesByStatus.get(status) ?? []), code])
  }
  return Object.fromEntries(
    [...codesByStatus].map(([status, codes]) => [
      status,
      {
        ...ErrorAnswer(codes),
        description: codes.map((code) => `${code}: ${ERRORS[code as keyof typeof ERRORS].message}`).join('; '),
        ...((status === 429 || status === 503) && { headers: RetryAfter }),
      },
    ]),
  )
}

export const SUBMIT_RESPONSES = {
  200: { ...Answer, description: 'accepted: the recomputed values agree with the summary' },
  202: { ...Answer, description: 'decided, and escalated: see accepted and reason' },
  ...errorResponses(),
}
