import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

// What needs an API server or a whole cluster: one file at a time, since they share two cores and one cluster.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..'),
    include: ['**/src/**/*.apiserver.test.ts', 'e2e/src/suites/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    reporters: ['verbose', join(import.meta.dirname, '../scripts/closing-line.ts')],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 300_000,
  },
})
