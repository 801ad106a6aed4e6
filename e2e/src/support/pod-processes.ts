/** The processes of a pod on this machine, to stop them as a frozen machine would and to kill them as a power cut would. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Kubectl } from './kubectl.ts'

/** Of its containers; not the one that holds its network open. */
async function pidsOf(kubectl: Kubectl, namespace: string, pod: string): Promise<number[]> {
  const { metadata } = await kubectl.get('pods', namespace, pod)
  const uid = metadata.uid ?? ''
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && belongsTo(name, uid))
    .map(Number)
}

export async function signalPod(kubectl: Kubectl, namespace: string, pod: string, signal: NodeJS.Signals): Promise<void> {
  const pids = await pidsOf(kubectl, namespace, pod)
  if (pids.length === 0) throw new Error(`pod ${namespace}/${pod} has no process on this machine`)
  for (const pid of pids) process.kill(pid, signal)
}

function belongsTo(pid: string, podUid: string): boolean {
  try {
    const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]
    return (groups.includes(podUid) || groups.includes(podUid.replaceAll('-', '_'))) && command !== '/pause'
  } catch {
    // It ended while it was looked at.
    return false
  }
}
