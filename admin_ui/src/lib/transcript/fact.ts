/** The fact envelope as the gateway sends it, and the bodies this page understands. */

export interface Envelope<K extends string, B> {
  seq: number
  kind: K
  at: string
  by: { role: string; id: string; name: string }
  place: string
  body: B
}

export type Fact =
  | Envelope<'scene_set', { heading?: string; description?: string; title?: string; mode?: string; language?: string }>
  | Envelope<'joined', { member: string; role: string; name: string; card?: CardOnJoin }>
  | Envelope<'left', { member: string }>
  | Envelope<'said', { utterance: string; text: string; source?: string; engine?: string }>
  | Envelope<'line_opened', { line: string; character: string; turn: number; attempt?: number; mode?: string }>
  | Envelope<'sentence', SentenceBody>
  | Envelope<'line_closed', { line: string; state: string; last_seq?: number; offset?: number; basis?: string; reason?: string }>
  | Envelope<'passed', { turn: number; reason: string }>
  | Envelope<'corrected', { target: number; text: string; emotion?: string | null }>
  | Envelope<'struck', { targets: number[] }>
  | Envelope<'noted', { text: string; character?: string; removes?: number }>
  | Envelope<'whispered', { character: string; text: string }>
  | Envelope<'summarized', { text: string; covers: number[] }>
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

export interface CardOnJoin {
  extensions?: { souffleur?: { color?: string; language?: string; tagline?: string } }
}
