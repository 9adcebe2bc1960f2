/** How long to wait before the next attempt to connect. */

const FIRST_MS = 400
/** Whoever is away for a short while is met within a second of being back. */
const SOON_MS = 1_000
const SHORT_OUTAGE_MS = 30_000
const LONGEST_MS = 10_000

/**
 * Doubles up to a second for the first half minute of an outage; later it grows by a tenth of how long that lasts on, up to ten seconds.
 * `chance` in 0..1 spreads clients over the second half of the wait.
 */
export function backoffMs(attempt: number, awayMs: number, chance: number): number {
  const most = Math.min(LONGEST_MS, SOON_MS + Math.max(0, awayMs - SHORT_OUTAGE_MS) / 10)
  const whole = Math.min(most, FIRST_MS * 2 ** Math.max(0, attempt - 1))
  return Math.round(whole * (0.5 + chance / 2))
}
