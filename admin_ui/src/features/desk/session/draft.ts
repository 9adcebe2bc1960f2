/** A draft under the director's hand while the rest of it may still be arriving. Pure. */
import type { LineEntry } from '@/lib/transcript/view'

import type { Felt } from './marks'

export interface Draft {
  rows: readonly Felt[]
  /** Which attempt of the line it is, and the last sentence that has joined it. */
  attempt: number
  last: number
}

type Source = Pick<LineEntry, 'attempt' | 'sentences'>

const BLANK: Felt = { text: '', emotion: 'neutral', intensity: 0.6, manner: 'plain' }

export function opened(line: Source): Draft {
  return joined({ rows: [], attempt: line.attempt, last: 0 }, line)
}

/** What has arrived since stands behind what is edited; the same draft if nothing has. Another attempt is another's wording, or one's own coming back. */
export function joined(draft: Draft, { attempt, sentences }: Source): Draft {
  if (attempt !== draft.attempt) return draft
  const fresh = sentences.filter((sentence) => sentence.seq > draft.last)
  if (fresh.length === 0) return draft
  return { ...draft, rows: [...draft.rows, ...fresh.map(({ text, emotion, intensity, manner }) => ({ text, emotion, intensity, manner }))], last: Math.max(...fresh.map((sentence) => sentence.seq)) }
}

export function changed(draft: Draft, index: number, patch: Partial<Felt>): Draft {
  return { ...draft, rows: draft.rows.map((row, at) => (at === index ? { ...row, ...patch } : row)) }
}

/** With a sentence of the director's own to be written. */
export function lengthened(draft: Draft): Draft {
  return { ...draft, rows: [...draft.rows, BLANK] }
}
