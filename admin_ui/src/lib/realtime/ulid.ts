/** Ids that sort by time, as the rest of the house makes them. */

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A ULID: 48 bits of milliseconds, 80 random bits, in Crockford's base 32. */
export function ulid(nowMs: number = Date.now()): string {
  let time = ''
  for (let rest = nowMs, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) time = (ALPHABET[rest % 32] ?? '0') + time
  const random = crypto.getRandomValues(new Uint8Array(16))
  return time + Array.from(random, (byte) => ALPHABET[byte % 32] ?? '0').join('')
}
