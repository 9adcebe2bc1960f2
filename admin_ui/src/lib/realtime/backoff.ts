/** How long to wait before the next attempt to connect. */

const FIRST_MS = 400
const LONGEST_MS = 10_000

/** Doubles up to ten seconds; `chance` in 0..1 spreads clients over the second half of the wait. */
export function backoffMs(attempt: number, chance: number): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, attempt - 1))
  return Math.round(whole * (0.5 + chance / 2))
}
