/** Keeps the microphone shut for the first seconds of character sound, until the browser's echo canceller knows the room. Pure. */

/** How much character sound the echo canceller gets to learn from. */
export const GUARD_MS = 3000
/** Sound still in the air and in the output buffer after the last block. */
const TAIL_MS = 250
/** Reports come every 21 ms; a longer gap is a pause, not sound. */
const LONGEST_STEP_MS = 100

export class EchoGuard {
  private learnedMs = 0
  private soundAt = Number.NEGATIVE_INFINITY

  /** A character sounded at this moment. */
  sounded(nowMs: number): void {
    const step = nowMs - this.soundAt
    if (step > 0 && step <= LONGEST_STEP_MS) this.learnedMs += step
    this.soundAt = Math.max(this.soundAt, nowMs)
  }

  /** Whether the microphone must stay shut now. */
  shut(nowMs: number): boolean {
    return this.learnedMs < GUARD_MS && nowMs - this.soundAt < TAIL_MS
  }

  /** Another microphone or another room: learn again. */
  reset(): void {
    this.learnedMs = 0
    this.soundAt = Number.NEGATIVE_INFINITY
  }
}
