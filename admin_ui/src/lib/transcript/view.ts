/** What the fold makes of the facts: the screenplay as values. */

export interface Member {
  id: string
  role: string
  name: string
  color: string
  language: string
  present: boolean
}

export interface SentenceEntry {
  seq: number
  index: number
  text: string
  emotion: string
  intensity: number
  manner: string
  engine: string
  /** How much was heard, in code points of `text`; null while the line is open. */
  heard: number | null
  struck: boolean
  edited: boolean
}

export interface LineEntry {
  type: 'line'
  seq: number
  line: string
  character: string
  name: string
  attempt: number
  /** speaking, heard, cut, rejected or aborted. */
  state: string
  reason: string
  basis: string
  sentences: readonly SentenceEntry[]
}

export interface SaidEntry {
  type: 'said'
  seq: number
  member: string
  name: string
  text: string
  utterance: string
  source: string
  struck: boolean
  edited: boolean
}

export type Entry =
  | LineEntry
  | SaidEntry
  | { type: 'scene'; seq: number; heading: string; description: string }
  | { type: 'roll-call'; seq: number; name: string; role: string; entered: boolean }
  | { type: 'degraded'; seq: number; part: string; from: string; to: string; reason: string }
  | { type: 'passed'; seq: number; reason: string }
  | { type: 'note'; seq: number; text: string; character: string; withdrawn: boolean }
  | { type: 'whisper'; seq: number; text: string; character: string }
  | { type: 'summary'; seq: number; text: string }
  | { type: 'rolled'; seq: number; name: string; expression: string; total: number; dice: readonly number[]; purpose: string }

export interface View {
  /** The last fact folded. */
  seq: number
  title: string
  mode: string
  heading: string
  members: ReadonlyMap<string, Member>
  entries: readonly Entry[]
  /** The line that is open, if any. */
  openLine: string | null
}

export const EMPTY: View = { seq: 0, title: '', mode: 'auto', heading: '', members: new Map(), entries: [], openLine: null }
