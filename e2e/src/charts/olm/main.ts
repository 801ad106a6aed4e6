/** `node e2e/src/charts/olm/main.ts [FOLDER]`: writes the operator's OLM bundle. */
import { join, resolve } from 'node:path'
import { checkout } from '../../support/world.ts'
import { writeOlmBundle } from './bundle.ts'

const folder = process.argv[2] === undefined ? join(checkout, 'e2e/dist/olm') : resolve(process.argv[2])
for (const path of await writeOlmBundle(folder)) console.log(join(folder, path))
