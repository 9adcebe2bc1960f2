/** Decides, frame by frame, what of the microphone leaves the page. Pure: it is told the time. */

export interface GateInputs {
  mode: 'hands-free' | 'push'
  /** The talk key or button is down (push only). */
  held: boolean
  muted: boolean
  /** Talk at the table that no character may hear. */
  tableTalk: boolean
  /** The echo guard is shut. */
  guarded: boolean
}

/** `silence`: zeros are sent in place of the frame, so that the server's ear sees the utterance end. */
export type Verdict = 'voice' | 'silence' | 'nothing'

/** Longer than the pause that ends an utterance, unfinished sentences included. */
const CLOSING_SILENCE_MS = 1500

export class Gate {
  private voicedAt = Number.NEGATIVE_INFINITY

  decide(inputs: GateInputs, nowMs: number): Verdict {
    if (inputs.mode === 'push') return inputs.held && !inputs.tableTalk ? 'voice' : 'nothing'
    if (!inputs.muted && !inputs.tableTalk && !inputs.guarded) {
      this.voicedAt = nowMs
      return 'voice'
    }
    return nowMs - this.voicedAt < CLOSING_SILENCE_MS ? 'silence' : 'nothing'
  }
}
