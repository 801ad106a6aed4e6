/** `npm run bench -- migration`: ours beside what a user would do instead, in one run, on the same records, at rest and while others write. */
import type { Section } from '../measure.ts'
import { besidePostgresTools, postgresSteps } from './postgres.ts'
import { besideRedisCluster, redisSteps } from './redis.ts'
import { findTools } from './tools.ts'
import { Workbench } from './workbench.ts'

export async function benchMigration(keys: number, say: (line: string) => void): Promise<Section[]> {
  const tools = findTools()
  const bench = await Workbench.open(say)
  try {
    bench.expect(redisSteps(bench, keys) + postgresSteps(bench, keys, tools))
    return [await besideRedisCluster(bench, keys, tools.redisVersion), await besidePostgresTools(bench, keys, tools)]
  } finally {
    await bench.close()
  }
}
