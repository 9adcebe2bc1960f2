/** What the fold makes of the facts: the screenplay as values. */
import type { Secret } from '@/lib/transcript/fact'

export interface Member {
  id: string
  role: string
  name: string
  color: string
  language: string
  present: boolean
  place: string
  /** Of a character, where the reader may see its card. */
  secrets: readonly Secret[]
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
  /** The last fact that changed it, as the base of an edit. */
  touched: number
}

/** What a line took and cost. */
export interface Figures {
  ms: Readonly<Record<string, number>>
  tokens: readonly number[]
  cost: number
  engine: string
  model: string
}

export interface LineEntry {
  type: 'line'
  seq: number
  line: string
  character: string
  name: string
  attempt: number
  /** drafting, held, queued, speaking, heard, cut, rejected or aborted. */
  state: string
  reason: string
  basis: string
  sentences: readonly SentenceEntry[]
  /** The `said` that it answers; 0 = nobody asked. */
  turn: number
  /** auto, approve or puppet. */
  mode: string
  /** voice or teleprompter. */
  delivery: string
  /** The line that it replaces. */
  retakes: string
  /** The director whose words these are; empty = the character's own. */
  author: string
  figures: Figures | null
  inserted: boolean
}

export interface SaidEntry {
  type: 'said'
  seq: number
  member: string
  name: string
  text: string
  utterance: string
  /** voice, typed, narrated (the director tells), or inserted afterwards. */
  source: string
  struck: boolean
  edited: boolean
  touched: number
  inserted: boolean
}

/** Heading and description are corrected together. */
export interface SceneEntry {
  type: 'scene'
  seq: number
  heading: string
  description: string
  struck: boolean
  edited: boolean
  touched: number
}

/** The adviser's proposal and what became of it. */
export interface Recommendation {
  seq: number
  id: string
  category: string
  text: string
  /** Slug; empty = all. */
  character: string
  /** proposed, accepted, pinned, rejected or expired. */
  state: string
  restsOn: readonly number[]
  expiresAt: number
}

/** A note, or an accepted recommendation, that steers the coming lines. */
export interface NoteInForce {
  seq: number
  text: string
  /** Slug; empty = all. */
  character: string
  /** once, turns or until_removed. */
  scope: string
  /** Lines that it still steers; null = until it is removed. */
  limit: number | null
  /** The fact by which it took hold: a line that was prepared before it does not use it up. */
  since: number
  /** Of accepted advice, in ms since 1970; 0 = never. */
  expiresAt: number
  spent: ReadonlyMap<string, number>
}

export type Entry =
  | LineEntry
  | SaidEntry
  | SceneEntry
  | { type: 'roll-call'; seq: number; name: string; role: string; entered: boolean }
  /** `recovered`: `to` is back, and what had been told of it before is `over`. */
  | { type: 'degraded'; seq: number; place: string; part: string; from: string; to: string; reason: string; recovered: boolean; over: boolean }
  | { type: 'passed'; seq: number; reason: string }
  | { type: 'note'; seq: number; text: string; character: string; withdrawn: boolean }
  | { type: 'revealed'; seq: number; character: string; text: string }
  | { type: 'whisper'; seq: number; text: string; character: string }
  | { type: 'summary'; seq: number; text: string; covers: readonly number[] }
  | { type: 'rolled'; seq: number; name: string; expression: string; total: number; dice: readonly number[]; purpose: string }

export interface View {
  /** The last fact folded. */
  seq: number
  /** The latest time that a fact has told, in ms since 1970: by it advice expires, as on the server. */
  nowMs: number
  title: string
  mode: string
  heading: string
  members: ReadonlyMap<string, Member>
  entries: readonly Entry[]
  /** The line that has the floor, if any; of several the one that was opened last. */
  openLine: string | null
  /** Every note that may still steer; see `notesInForce`. */
  notes: readonly NoteInForce[]
  recommendations: readonly Recommendation[]
  /** `slug/secret` of what may be spoken of. */
  revealed: ReadonlySet<string>
  /** Inserted fact -> the facts it stands behind, outermost first, and itself. */
  insertions: ReadonlyMap<number, readonly number[]>
}

export const EMPTY: View = { seq: 0, nowMs: 0, title: '', mode: 'auto', heading: '', members: new Map(), entries: [], openLine: null, notes: [], recommendations: [], revealed: new Set(), insertions: new Map() }

const OPEN = new Set(['drafting', 'held', 'queued', 'speaking'])

/** Nothing says yet how a line in this state ended. */
export function isOpen(state: string): boolean {
  return OPEN.has(state)
}

/** Nobody has released its words yet: they are for the director's desk only. */
export function isWithheld(state: string): boolean {
  return state === 'drafting' || state === 'held'
}
