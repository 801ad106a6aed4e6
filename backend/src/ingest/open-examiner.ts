/** The examiner that the configuration asks for. */

import { Authenticator } from '../verify/authenticate.ts'
import type { TenantKeys } from '../verify/tenant-keys.ts'
import type { Examiner } from './examiner.ts'
import { InlineExaminer } from './inline-examiner.ts'
import { ThreadExaminer } from './thread-examiner.ts'

export function openExaminer(
  threads: number,
  pod: string,
  tenants: readonly TenantKeys[],
  onBroken: (error: unknown) => void,
): Examiner {
  return threads === 0
    ? new InlineExaminer(pod, new Authenticator(tenants))
    : new ThreadExaminer(threads, { pod, tenants }, onBroken)
}
