/**
 * `MicroTime` as the API server demands it in Leases and events: RFC 3339 with exactly six digits. `Date` has three; the server refuses
 * those in some places and rounds them in others.
 */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z')
}
