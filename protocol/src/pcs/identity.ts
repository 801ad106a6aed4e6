/** What makes a summary itself: its id is the hash of what it summarises, so nobody can choose one. */
import { hash } from 'node:crypto'

/** `sha256("{merkle_root}|{epoch}|{shard_id}")` in hex. */
export function pcsIdOf(merkleRoot: string, epoch: number, shardId: string): string {
  return hash('sha256', `${merkleRoot}|${epoch}|${shardId}`, 'hex')
}
