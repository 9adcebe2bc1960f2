/** The fact envelope as the gateway sends it, and the bodies this page understands. */

export interface Envelope<K extends string, B> {
  seq: number
  kind: K
  at: string
  by: { role: string; id: string; name: string }
  place: string
  body: B
}

/** The reason of a `degraded` that ends others. */
export const RECOVERED = 'recovered'

export type Fact =
  | Envelope<'scene_set', { heading?: string; description?: string; title?: string; mode?: string; language?: string; hotwords?: string[] }>
  | Envelope<'joined', { member: string; role: string; name: string; card?: CardOnJoin }>
  | Envelope<'left', { member: string }>
  | Envelope<'said', { utterance: string; text: string; source?: string; engine?: string }>
  | Envelope<'line_opened', { line: string; character: string; turn: number; base_seq?: number; attempt?: number; mode?: string; answers?: string; delivery?: string; retakes?: string }>
  | Envelope<'sentence', SentenceBody>
  | Envelope<'line_closed', LineClosedBody>
  | Envelope<'released', { line: string }>
  | Envelope<'rejected', { line: string; reason?: string }>
  | Envelope<'passed', { turn: number; reason?: string }>
  | Envelope<'corrected', { target: number; text: string; emotion?: string | null; intensity?: number | null; manner?: string | null }>
  | Envelope<'struck', { targets: number[] }>
  | Envelope<'noted', { text: string; character?: string; scope?: string; turns?: number; removes?: number; line?: string }>
  | Envelope<'whispered', { character: string; text: string }>
  | Envelope<'recommended', { recommendation: string; category: string; text: string; rests_on?: number[]; character?: string; expires_at_ms?: number }>
  | Envelope<'recommendation_decided', { recommendation: string; state: string; text?: string }>
  | Envelope<'summarized', { text: string; covers: number[] }>
  | Envelope<'inserted', { after: number; block: string; text: string; member?: string; name?: string; emotion?: string; intensity?: number; manner?: string }>
  | Envelope<'revealed', { character: string; secret: string }>
  | Envelope<'silenced', { on: boolean; character?: string }>
  | Envelope<'retconned', { to: number }>
  | Envelope<'rolled', { expression: string; total: number; dice?: number[]; purpose?: string }>
  | Envelope<'degraded', { part: string; from_engine: string; to_engine: string; reason: string }>
  | Envelope<'erased', { seqs: number[] }>

export interface SentenceBody {
  line: string
  attempt: number
  index: number
  text: string
  tagged?: string
  emotion?: string
  intensity?: number
  manner?: string
  engine?: string
}

export interface LineClosedBody {
  line: string
  state: string
  last_seq?: number
  offset?: number
  basis?: string
  reason?: string
  /** Where the time went. */
  ms?: Record<string, number>
  /** Prompt and completion. */
  tokens?: number[]
  /** US dollars; 0 = unknown or free. */
  cost?: number
  engine?: string
  model?: string
}

/** A secret that a character keeps until the director or its condition opens it. */
export interface Secret {
  id: string
  text: string
}

export interface CardOnJoin {
  extensions?: { souffleur?: { color?: string; language?: string; tagline?: string; secrets?: unknown } }
}
