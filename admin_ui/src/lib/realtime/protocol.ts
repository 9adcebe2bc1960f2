/** The events of /v1/realtime that this page reads and writes; others are ignored. */
import type { Fact } from '@/lib/transcript/fact'
import type { WordMark } from '@/lib/transcript/soundMap'

export interface CastMember {
  slug: string
  name: string
  color?: string
  language?: string
}

export interface Attached {
  type: 'souffleur.attached'
  session_id: string
  participant: string
  name: string
  place: string
  head: number
  cast: CastMember[]
}

export interface TurnTimes {
  end_of_turn_delay?: number
  stt_final_delay?: number
  llm_ttft?: number
  first_sentence?: number
  tts_ttfa?: number
  e2e?: number
}

export interface TurnTimed {
  type: 'souffleur.turn'
  turn: number
  line_id: string
  llm_engine: string
  llm_model: string
  tts_engine: string
  stt_engine: string
  ms: TurnTimes
}

/** A line that waits for approval, or for the floor. */
export interface HeldLine {
  line: string
  character: string
  turn: number
  /** Wall clock. */
  since_ms: number
  /** When it is released by itself; 0 = never. */
  releases_at_ms: number
  /** The operator who works on it; empty = nobody. */
  claimed_by: string
  claimed_by_name: string
  /** When it is free again if nothing is heard of them; 0 = it is free. */
  claim_lapses_at_ms: number
  stale: boolean
  complete: boolean
  place: string
  queued: boolean
}

/** What stands on the director's desk. */
export interface DeskShown {
  held: HeldLine[]
  muted: string[]
  halted: boolean
  mode: string
  /** `character:<slug>` or `platform:<name>`. */
  modes: Record<string, string>
  teleprompted: string[]
  /** Place -> the character that speaks next. */
  next: Record<string, string>
  /** Where words have come from so far. */
  platforms: string[]
}

/** A sentence of a reply that is prepared while players still talk. */
export interface DraftShown {
  line_id: string
  utterance_id: string
  character: string
  index: number
  text: string
  emotion: string
  intensity: number
  manner: string
  /** preparing, promoted or dropped. */
  state: string
}

export type ServerEvent =
  | Attached
  | TurnTimed
  | ({ type: 'souffleur.desk' } & DeskShown)
  | ({ type: 'souffleur.draft' } & DraftShown)
  | { type: 'souffleur.fact'; fact: Fact }
  | { type: 'souffleur.audio'; line_id: string; item_id: string; seq: number; offset_ms: number }
  | { type: 'souffleur.partial'; utterance_id: string; participant: string; text: string }
  | { type: 'souffleur.speech'; participant: string; speaking: boolean }
  | { type: 'souffleur.said'; item_id: string; participant: string; name: string; text: string; seq: number }
  | { type: 'souffleur.pause' | 'souffleur.resume' | 'souffleur.flush'; line_id: string }
  | { type: 'souffleur.words'; line_id: string; seq: number; marks: WordMark[] }
  | { type: 'souffleur.beat' }
  | { type: 'souffleur.notice'; code: string; severity: 'info' | 'warning' | 'error'; detail: string }
  | { type: 'session.created' | 'session.updated'; session: { id?: string } }
  | { type: 'input_audio_buffer.speech_started' | 'input_audio_buffer.speech_stopped' | 'input_audio_buffer.committed'; item_id: string }
  | { type: 'conversation.item.input_audio_transcription.delta'; item_id: string; delta: string }
  | { type: 'conversation.item.input_audio_transcription.completed'; item_id: string; transcript: string }
  | { type: 'conversation.item.input_audio_transcription.failed'; item_id: string }
  | { type: 'conversation.item.added' | 'conversation.item.done'; item: { id?: string; role?: string } }
  | { type: 'response.created' | 'response.done'; response: { id: string; status?: string } }
  | { type: 'response.output_audio.done'; item_id: string; response_id: string }
  | { type: 'output_audio_buffer.started' | 'output_audio_buffer.stopped' | 'output_audio_buffer.cleared'; response_id: string }
  /** The last word of a call, whose channel has no close code. */
  | { type: 'souffleur.closed'; code: number; reason: string }
  | { type: 'error'; error: { type?: string; code?: string | null; message: string; event_id?: string | null } }

export interface Configure {
  hears?: boolean
  reports_playback?: boolean
  hang_over_s?: number
  endpointing?: string
  table_talk?: boolean
  /** A director's microphone: empty = their own words, `narrator`, or the slug whose words they are. */
  speaks?: string
  /** The character that coming words are meant for. */
  addresses?: string
  /** Where a director's desk is. */
  place?: string
  /** How many sit behind the microphone. */
  head_count?: number
}

export type ClientEvent =
  | { type: 'session.update'; session: { type: 'realtime'; audio: { input: { turn_detection: { type: 'server_vad'; create_response: boolean; interrupt_response: boolean } | null } } } }
  | { type: 'input_audio_buffer.commit' | 'input_audio_buffer.clear' }
  | { type: 'conversation.item.create'; item: { id: string; type: 'message'; role: 'user'; content: [{ type: 'input_text'; text: string }] } }
  /** `if_addressed`: only if the words are for a character. */
  | { type: 'response.create'; if_addressed?: boolean }
  | { type: 'response.cancel' }
  | ({ type: 'souffleur.configure' } & Configure)
  | { type: 'souffleur.played'; line_id: string; played_ms: number }

/** Read one text frame; null if it is not an event object. */
export function readEvent(text: string): ServerEvent | null {
  try {
    const data: unknown = JSON.parse(text)
    return typeof data === 'object' && data !== null && 'type' in data && typeof data.type === 'string' ? (data as ServerEvent) : null
  } catch {
    return null
  }
}

/** The line behind an item or response id (`item_<line>`, `resp_<line>`). */
export function lineOf(id: string): string {
  return id.replace(/^(item|resp)_/, '')
}
