/** `npm run cluster -- up|down|status|load-image`: a real Kubernetes on this machine, for trying things out and for the suites. */
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { openCluster } from './open-cluster.ts'

const say = (line: string) => console.error(line)
const output = () => new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text')
const program = new Command('cluster').description(
  'A real Kubernetes on this machine: kind where it and its images can be had, else one node of real parts, built once.',
)

program
  .command('up')
  .description('start it (the first time builds its programs: minutes); then says how to use it')
  .addOption(output())
  .action(async ({ output }: { output: string }) => {
    const cluster = await openCluster(say)
    const startedMs = Date.now()
    await cluster.up()
    const seconds = Math.round((Date.now() - startedMs) / 1000)
    if (output === 'json') console.log(JSON.stringify({ kubeconfig: cluster.kubeconfig, seconds }))
    else console.log(`The cluster is up (${seconds} s). Use it with:\n  export KUBECONFIG=${cluster.kubeconfig}`)
  })

program
  .command('down')
  .description('stop it and remove every trace of it')
  .action(async () => {
    const cluster = await openCluster(say)
    await cluster.down()
    console.log('The cluster is gone.')
  })

program
  .command('status')
  .description('which of its parts run (exit code 1 unless all do)')
  .addOption(output())
  .action(async ({ output }: { output: string }) => {
    const cluster = await openCluster(say)
    const states = await cluster.status()
    const up = states.length > 0 && states.every((state) => state.running)
    if (output === 'json') console.log(JSON.stringify({ up, kubeconfig: cluster.kubeconfig, components: states }, undefined, 2))
    else if (states.length === 0) console.log('There is no cluster: `npm run cluster -- up` starts one.')
    else for (const { name, running, log } of states) console.log(`${running ? 'running' : 'STOPPED'}  ${name.padEnd(24)} ${log}`)
    process.exitCode = up ? 0 : 1
  })

program
  .command('load-image <archive...>')
  .description('make the images of an archive (as `npm run image` writes them) known to the cluster')
  .action(async (archives: string[]) => {
    const cluster = await openCluster(say)
    for (const archive of archives) {
      const path = resolve(archive)
      await access(path).catch(() => {
        throw new Error(`There is no ${archive}: \`npm run image\` makes the project's images.`)
      })
      await cluster.loadImage(path)
      console.log(`loaded ${archive}`)
    }
  })

program.parseAsync().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
