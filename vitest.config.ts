import { defineConfig } from 'vitest/config'

// `*.server.test.ts` needs real servers: each such file starts its own on free ports, so that files stay independent.
// `*.apiserver.test.ts` needs a Kubernetes API server, minutes to build: those, and what needs a whole cluster, are `npm run e2e`.
export default defineConfig({
  test: {
    include: ['**/src/**/*.test.ts', 'scripts/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/*.apiserver.test.ts', 'e2e/src/suites/**'],
    reporters: ['default', './scripts/closing-line.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
