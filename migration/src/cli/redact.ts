/** Takes credentials out of whatever is printed: passwords in URLs, and the tokens given. The last line of defence; nothing should need it. */

const URL_CREDENTIALS = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi

export function redact(text: string, secrets: readonly string[] = []): string {
  let clean = text.replace(URL_CREDENTIALS, '$1***@')
  for (const secret of secrets) if (secret.length > 0) clean = clean.replaceAll(secret, '***')
  return clean
}
