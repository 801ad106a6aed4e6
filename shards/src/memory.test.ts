import { randomUUID } from 'node:crypto'
import { parseShardAddress } from './address.ts'
import { describeShard } from './conformance/all.ts'

describeShard({ kind: 'memory', fresh: async () => parseShardAddress(`memory://${randomUUID()}`) })
