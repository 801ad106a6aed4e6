/**
 * A Postgres connection string as a URL. Besides URLs people write libpq's `host=db port=5432 dbname=dedup user=flk password=…`
 * (PostgreSQL documentation, 33.1.1.1), with values in single quotes where they hold blanks.
 */
const PAIR = /\s*([a-z_]+)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s']*)/y

/** @throws Error that does not repeat the string. */
export function connectionUrl(text: string): string {
  if (/^postgres(ql)?:\/\//.test(text)) return text
  const pairs = new Map<string, string>()
  PAIR.lastIndex = 0
  let end = 0
  for (let match = PAIR.exec(text); match; match = PAIR.exec(text)) {
    const [, name = '', quoted = ''] = match
    pairs.set(name, quoted.startsWith("'") ? quoted.slice(1, -1).replace(/\\(.)/g, '$1') : quoted)
    end = PAIR.lastIndex
  }
  if (pairs.size === 0 || text.slice(end).trim() !== '')
    throw new Error('is neither a postgres:// URL nor a list of key=value pairs')
  const take = (name: string): string | undefined => {
    const value = pairs.get(name)
    pairs.delete(name)
    return value
  }
  const host = take('host')
  const database = take('dbname')
  if (!host || !database) throw new Error('needs at least host= and dbname=')
  const user = take('user')
  const password = take('password')
  const port = take('port')
  const credentials = user ? `${encodeURIComponent(user)}${password ? `:${encodeURIComponent(password)}` : ''}@` : ''
  const options = [...pairs].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
  return `postgres://${credentials}${host}${port ? `:${port}` : ''}/${encodeURIComponent(database)}${options ? `?${options}` : ''}`
}
