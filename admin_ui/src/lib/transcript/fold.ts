/** The fold: facts in order become the screenplay. Pure; a fact already folded changes nothing. */
import { codePoints } from '@/lib/transcript/codePoints'
import type { Fact, SentenceBody } from '@/lib/transcript/fact'
import { EMPTY, type Entry, type LineEntry, type Member, type SentenceEntry, type View } from '@/lib/transcript/view'

/** The view and the facts behind it, which a retcon needs again. */
export interface Transcript {
  facts: readonly Fact[]
  view: View
}

export const BLANK: Transcript = { facts: [], view: EMPTY }

/** Fold one more fact. */
export function advance(transcript: Transcript, fact: Fact): Transcript {
  if (fact.seq <= transcript.view.seq) return transcript
  const facts = [...transcript.facts, fact]
  if (fact.kind === 'retconned') return { facts, view: { ...refold(facts), seq: fact.seq } }
  return { facts, view: { ...step(transcript.view, fact), seq: fact.seq } }
}

/** Fold from the beginning. */
export function fold(facts: readonly Fact[]): Transcript {
  return facts.reduce(advance, BLANK)
}

/** A retcon at `seq` takes back everything after `to`, and only what stood before the retcon itself. */
function refold(facts: readonly Fact[]): View {
  const retcons = facts.filter((fact) => fact.kind === 'retconned')
  const kept = facts.filter((fact) => !retcons.some((retcon) => fact.seq > retcon.body.to && fact.seq < retcon.seq))
  return kept.reduce((view, fact) => ({ ...step(view, fact), seq: fact.seq }), EMPTY)
}

function step(view: View, fact: Fact): View {
  switch (fact.kind) {
    case 'scene_set':
      return sceneSet(view, fact)
    case 'joined':
      return joined(view, fact)
    case 'left':
      return left(view, fact)
    case 'said':
      return added(view, { type: 'said', seq: fact.seq, member: fact.by.id, name: nameOf(view, fact.by.id, fact.by.name), text: fact.body.text, utterance: fact.body.utterance, source: fact.body.source ?? 'voice', struck: false, edited: false })
    case 'line_opened':
      return opened(view, fact)
    case 'sentence':
      return inLine(view, fact.body.line, (line) => withSentence(line, fact.seq, fact.body))
    case 'line_closed':
      return closed(view, fact)
    case 'corrected':
      return corrected(view, fact)
    case 'struck':
      return struck(view, new Set(fact.body.targets))
    case 'erased':
      return erased(view, new Set(fact.body.seqs))
    case 'noted':
      return noted(view, fact)
    case 'passed':
      return added(view, { type: 'passed', seq: fact.seq, reason: fact.body.reason })
    case 'whispered':
      return added(view, { type: 'whisper', seq: fact.seq, text: fact.body.text, character: nameOf(view, fact.body.character) })
    case 'summarized':
      return added(view, { type: 'summary', seq: fact.seq, text: fact.body.text })
    case 'rolled':
      return added(view, { type: 'rolled', seq: fact.seq, name: nameOf(view, fact.by.id, fact.by.name), expression: fact.body.expression, total: fact.body.total, dice: fact.body.dice ?? [], purpose: fact.body.purpose ?? '' })
    case 'degraded':
      return added(view, { type: 'degraded', seq: fact.seq, part: fact.body.part, from: fact.body.from_engine, to: fact.body.to_engine, reason: fact.body.reason })
    default:
      return view
  }
}

type Of<K extends Fact['kind']> = Extract<Fact, { kind: K }>

function sceneSet(view: View, fact: Of<'scene_set'>): View {
  const { heading = '', description = '', title = '', mode = '' } = fact.body
  const next = { ...view, title: title || view.title, mode: mode || view.mode, heading: heading || view.heading }
  return heading === '' && description === '' ? next : added(next, { type: 'scene', seq: fact.seq, heading, description })
}

function joined(view: View, fact: Of<'joined'>): View {
  const { member, role, name, card } = fact.body
  const known = view.members.get(member)
  const ours = card?.extensions?.souffleur
  const now: Member = { id: member, role, name, color: ours?.color ?? known?.color ?? '', language: ours?.language ?? known?.language ?? '', present: true }
  const next = { ...view, members: new Map(view.members).set(member, now) }
  return known?.present === true ? next : added(next, { type: 'roll-call', seq: fact.seq, name: name || member, role, entered: true })
}

function left(view: View, fact: Of<'left'>): View {
  const known = view.members.get(fact.body.member)
  if (known?.present !== true) return view
  const next = { ...view, members: new Map(view.members).set(known.id, { ...known, present: false }) }
  return added(next, { type: 'roll-call', seq: fact.seq, name: known.name || known.id, role: known.role, entered: false })
}

function opened(view: View, fact: Of<'line_opened'>): View {
  const { line, character, attempt = 1 } = fact.body
  const fresh: LineEntry = { type: 'line', seq: fact.seq, line, character, name: nameOf(view, character), attempt, state: 'speaking', reason: '', basis: '', sentences: [] }
  const known = view.entries.some((entry) => entry.type === 'line' && entry.line === line)
  const next = known ? inLine(view, line, (old) => ({ ...fresh, seq: old.seq })) : added(view, fresh)
  return { ...next, openLine: line }
}

function withSentence(line: LineEntry, seq: number, body: SentenceBody): LineEntry {
  if (body.attempt < line.attempt) return line
  const earlier = body.attempt > line.attempt ? [] : line.sentences
  const sentence: SentenceEntry = {
    seq,
    index: body.index,
    text: body.text,
    emotion: body.emotion ?? 'neutral',
    intensity: body.intensity ?? 0.5,
    manner: body.manner ?? 'plain',
    engine: body.engine ?? '',
    heard: null,
    struck: false,
    edited: false,
  }
  return { ...line, attempt: body.attempt, sentences: [...earlier, sentence] }
}

function closed(view: View, fact: Of<'line_closed'>): View {
  const { line, state, last_seq = 0, offset = 0, basis = '', reason = '' } = fact.body
  const heardOf = (sentence: SentenceEntry) => {
    if (sentence.seq < last_seq) return codePoints(sentence.text)
    return sentence.seq === last_seq ? Math.min(offset, codePoints(sentence.text)) : 0
  }
  const next = inLine(view, line, (old) => ({ ...old, state, reason, basis, sentences: old.sentences.map((sentence) => ({ ...sentence, heard: heardOf(sentence) })) }))
  return view.openLine === line ? { ...next, openLine: null } : next
}

function corrected(view: View, fact: Of<'corrected'>): View {
  const { target, text, emotion } = fact.body
  return mapped(view, (entry) => {
    if (entry.type === 'said' && entry.seq === target) return { ...entry, text, edited: true }
    if (entry.type !== 'line' || !entry.sentences.some((sentence) => sentence.seq === target)) return entry
    return { ...entry, sentences: entry.sentences.map((sentence) => (sentence.seq === target ? reworded(sentence, text, emotion) : sentence)) }
  })
}

/** A sentence heard to its end stays heard to its end; one that was cut keeps the share that was heard. */
function reworded(sentence: SentenceEntry, text: string, emotion: string | null | undefined): SentenceEntry {
  const before = codePoints(sentence.text)
  const after = codePoints(text)
  const heard = sentence.heard === null || before === 0 ? sentence.heard : Math.round((sentence.heard / before) * after)
  return { ...sentence, text, heard, emotion: emotion ?? sentence.emotion, edited: true }
}

function struck(view: View, targets: ReadonlySet<number>): View {
  return mapped(view, (entry) => {
    if (entry.type === 'said' && targets.has(entry.seq)) return { ...entry, struck: true }
    if (entry.type !== 'line') return entry
    const whole = targets.has(entry.seq)
    if (!whole && !entry.sentences.some((sentence) => targets.has(sentence.seq))) return entry
    return { ...entry, sentences: entry.sentences.map((sentence) => (whole || targets.has(sentence.seq) ? { ...sentence, struck: true } : sentence)) }
  })
}

function erased(view: View, seqs: ReadonlySet<number>): View {
  const entries = view.entries
    .filter((entry) => !seqs.has(entry.seq))
    .map((entry) => (entry.type === 'line' ? { ...entry, sentences: entry.sentences.filter((sentence) => !seqs.has(sentence.seq)) } : entry))
  return { ...view, entries }
}

function noted(view: View, fact: Of<'noted'>): View {
  const { text, character = '', removes = 0 } = fact.body
  const next = removes === 0 ? view : mapped(view, (entry) => (entry.type === 'note' && entry.seq === removes ? { ...entry, withdrawn: true } : entry))
  return text === '' ? next : added(next, { type: 'note', seq: fact.seq, text, character: character === '' ? '' : nameOf(view, character), withdrawn: false })
}

function added(view: View, entry: Entry): View {
  return { ...view, entries: [...view.entries, entry] }
}

function mapped(view: View, change: (entry: Entry) => Entry): View {
  return { ...view, entries: view.entries.map(change) }
}

/** Lines are looked for from the end: it is nearly always the last one. */
function inLine(view: View, line: string, change: (line: LineEntry) => LineEntry): View {
  const index = view.entries.findLastIndex((entry) => entry.type === 'line' && entry.line === line)
  const entry = view.entries[index]
  if (entry?.type !== 'line') return view
  return { ...view, entries: view.entries.with(index, change(entry)) }
}

function nameOf(view: View, member: string, otherwise = ''): string {
  return view.members.get(member)?.name || otherwise || member
}
