/** Which notes and accepted recommendations steer the coming lines. Pure; as the server counts them. */
import type { Fact } from '@/lib/transcript/fact'
import type { NoteInForce, Recommendation, View } from '@/lib/transcript/view'

type Of<K extends Fact['kind']> = Extract<Fact, { kind: K }>

/** A note takes hold, or takes an earlier one back. */
export function steered(view: View, fact: Of<'noted'>): View {
  const { text, character = '', scope = 'until_removed', turns = 0, removes = 0, line = '' } = fact.body
  const kept = removes === 0 ? view.notes : view.notes.filter((note) => note.seq !== removes)
  // What was told with the request for one line steers no other.
  if (text === '' || line !== '') return kept === view.notes ? view : { ...view, notes: kept }
  const limit = scope === 'once' ? 1 : scope === 'turns' ? Math.max(1, turns) : null
  return { ...view, notes: [...kept, { seq: fact.seq, text, character, scope, limit, since: fact.seq, expiresAt: 0, spent: new Map() }] }
}

/** A line counts against the notes that it knew of. */
export function spent(view: View, character: string, base: number): View {
  const aimed = (note: NoteInForce) => note.limit !== null && (note.character === '' || note.character === character) && (base === 0 || note.since <= base)
  if (!view.notes.some(aimed)) return view
  return { ...view, notes: view.notes.map((note) => (aimed(note) ? { ...note, spent: new Map(note.spent).set(character, (note.spent.get(character) ?? 0) + 1) } : note)) }
}

export function recommended(view: View, fact: Of<'recommended'>): View {
  const { recommendation, category, text, rests_on = [], character = '', expires_at_ms = 0 } = fact.body
  const fresh: Recommendation = { seq: fact.seq, id: recommendation, category, text, character, state: 'proposed', restsOn: rests_on, expiresAt: expires_at_ms }
  return { ...view, recommendations: [...view.recommendations.filter((known) => known.id !== recommendation), fresh] }
}

/** Accepted = steers one line like a note, unless its time is over before; pinned = until it is decided otherwise. The adviser, and time, settle only what waits. */
export function decided(view: View, fact: Of<'recommendation_decided'>): View {
  const { recommendation, state, text = '' } = fact.body
  const known = view.recommendations.find((one) => one.id === recommendation)
  if (known === undefined) return view
  if (known.state !== 'proposed' && (state === 'expired' || fact.by.role === 'adviser')) return view
  const now = { ...known, state, text: text || known.text }
  const notes = view.notes.filter((note) => note.seq !== known.seq)
  const steers = state === 'accepted' || state === 'pinned'
  const once = state === 'accepted'
  const note: NoteInForce = { seq: known.seq, text: now.text, character: known.character, scope: once ? 'once' : 'until_removed', limit: once ? 1 : null, since: fact.seq, expiresAt: once ? known.expiresAt : 0, spent: new Map() }
  return { ...view, recommendations: view.recommendations.map((one) => (one === known ? now : one)), notes: steers ? [...notes, note] : notes }
}

/** What rested on facts that do not stand any more is gone. */
export function withdrawn(view: View, gone: (seq: number) => boolean): View {
  const lost = view.recommendations.filter((one) => one.restsOn.some(gone))
  if (lost.length === 0) return view
  const seqs = new Set(lost.map((one) => one.seq))
  return { ...view, recommendations: view.recommendations.filter((one) => !seqs.has(one.seq)), notes: view.notes.filter((note) => !seqs.has(note.seq)) }
}

/** Lines that a note still steers; null = until it is removed. One for all stands until every character present has used it up. */
export function linesLeft(view: View, note: NoteInForce): number | null {
  if (note.limit === null) return null
  const limit = note.limit
  const leftFor = (slug: string) => Math.max(0, limit - (note.spent.get(slug) ?? 0))
  if (note.character !== '') return leftFor(note.character)
  const present = [...view.members.values()].filter((member) => member.present && member.role === 'character')
  return present.length === 0 ? limit : Math.max(...present.map((member) => leftFor(member.id)))
}

export function notesInForce(view: View): { note: NoteInForce; left: number | null }[] {
  const standing = view.notes.filter((note) => note.expiresAt === 0 || note.expiresAt > view.nowMs)
  return standing.map((note) => ({ note, left: linesLeft(view, note) })).filter(({ left }) => left !== 0)
}
