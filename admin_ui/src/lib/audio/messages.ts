/** What the page and its two audio worklets tell each other. */
import type { QueueEvent } from '@/lib/audio/playbackQueue'

/** Page to loudspeaker. `pcm` is PCM16 at the wire's rate and is handed over, not copied. */
export type PlayerCommand =
  | { type: 'push'; line: string; at: number; pcm: ArrayBuffer }
  | { type: 'finish'; line: string }
  | { type: 'pause'; line: string }
  | { type: 'resume'; line: string | null }
  | { type: 'flush'; line: string | null }

/** Loudspeaker to page. */
export interface PlayerReport {
  events: QueueEvent[]
  /** The line under the play head and how many of its samples have been output. */
  position: { line: string; samples: number } | null
  /** RMS of the loudest block since the last report. */
  level: number
  /** `Date.now()` of the last block that was not silent; the worklet has no better clock. 0 = none yet. */
  soundedAt: number
  busy: boolean
}

/** Microphone to page: one frame of PCM16 at the wire's rate. */
export interface CapturedFrame {
  pcm: ArrayBuffer
  /** RMS, 0..1. */
  level: number
  /** `Date.now()` when its last sample was captured. */
  at: number
}
