import { randomUUID } from 'node:crypto'
import { parseShardAddress } from '@fractal-lba/shards/address'
import { describeJoining } from './testing/joining.ts'

describeJoining({ kind: 'memory', fresh: async () => parseShardAddress(`memory://${randomUUID()}`) })
