/**
 * A vitest reporter: ends a run with `N passed, N failed, N skipped` on a line of its own, for whatever reads the log, and before
 * it names each skipped test with its reason, and each failed one with the first line of what it says.
 */
import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestModule } from 'vitest/node'

export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    for (const module of modules) {
      if (module.errors().length > 0) {
        counts.failed++
        console.log(`failed: ${module.relativeModuleId}: ${firstLine(module.errors())}`)
      }
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') counts.passed++
        else if (result.state === 'failed') {
          counts.failed++
          console.log(`failed: ${test.fullName}: ${firstLine(result.errors)}`)
        } else {
          counts.skipped++
          console.log(`skipped: ${test.fullName}: ${(result.state === 'skipped' && result.note) || 'no reason given'}`)
        }
      }
    }
    console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  }
}

function firstLine(errors: readonly { readonly message: string }[]): string {
  return stripVTControlCharacters(errors[0]?.message ?? 'no error given')
    .trim()
    .split('\n')[0] as string
}
