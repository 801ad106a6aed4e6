/** The shape of a pushed fleet config, wherever it comes from: the admin API or the file of the desired config. */

import type { ConfigPush } from '@fractal-lba/protocol/config/fleet-config'
import { SLOT_COUNT } from '@fractal-lba/protocol/ring/slots'
import Type from 'typebox'
import Value from 'typebox/value'

export const ConfigPushSchema = Type.Object(
  {
    generation: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    revision: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    config: Type.Object(
      {
        shards: Type.Array(Type.String({ maxLength: 1024 }), { minItems: 1, maxItems: 1024 }),
        slowdown: Type.Optional(
          Type.Object(
            {
              slots: Type.Array(Type.Integer({ minimum: 0, maximum: SLOT_COUNT - 1 }), { maxItems: SLOT_COUNT }),
              delayMs: Type.Number({ minimum: 0 }),
            },
            { additionalProperties: false },
          ),
        ),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
)

export function isConfigPush(value: unknown): value is ConfigPush {
  return Value.Check(ConfigPushSchema, value)
}
