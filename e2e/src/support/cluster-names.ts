/**
 * Loaded with `--import` into a process of this machine that has to reach Services by their names in the cluster: those are asked of the
 * cluster's DNS (`FLK_CLUSTER_DNS`), all others of the machine's.
 */
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'

const server = process.env.FLK_CLUSTER_DNS
if (server === undefined) throw new Error('FLK_CLUSTER_DNS names no DNS server')
const resolver = new dns.Resolver()
resolver.setServers([server])
const systemLookup = dns.lookup

type Callback = (error: NodeJS.ErrnoException | null, address?: string | dns.LookupAddress[], family?: number) => void

function lookup(hostname: string, options: dns.LookupOptions | Callback, callback?: Callback): void {
  const done = (typeof options === 'function' ? options : callback) as Callback
  const name = hostname.endsWith('.svc') ? `${hostname}.cluster.local` : hostname
  if (!name.endsWith('.cluster.local')) {
    Reflect.apply(systemLookup, dns, typeof options === 'function' ? [hostname, done] : [hostname, options, done])
    return
  }
  const all = typeof options === 'object' && options.all === true
  resolver.resolve4(name, (error, addresses) => {
    if (error) return done(error)
    if (all)
      return done(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      )
    done(null, addresses[0], 4)
  })
}

dns.lookup = lookup as typeof dns.lookup
syncBuiltinESMExports()
