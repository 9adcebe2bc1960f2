/** The fold: facts in order become the screenplay. Pure; a fact already folded changes nothing. */
import { codePoints } from '@/lib/transcript/codePoints'
import { type CardOnJoin, type Fact, RECOVERED, type Secret, type SentenceBody } from '@/lib/transcript/fact'
import { decided, recommended, spent, steered, withdrawn } from '@/lib/transcript/steering'
import { EMPTY, type Entry, isOpen, type LineEntry, type Member, type SaidEntry, type SentenceEntry, type View } from '@/lib/transcript/view'

/** The view and the facts behind it, which whatever rewrites the past needs again. */
export interface Transcript {
  facts: readonly Fact[]
  view: View
}

export const BLANK: Transcript = { facts: [], view: EMPTY }

/** Fold one more fact. */
export function advance(transcript: Transcript, fact: Fact): Transcript {
  if (fact.seq <= transcript.view.seq) return late(transcript, fact)
  const facts = [...transcript.facts, fact]
  const now = { seq: fact.seq, nowMs: Math.max(transcript.view.nowMs, Date.parse(fact.at) || 0) }
  if (fact.kind === 'retconned' || fact.kind === 'erased' || takesBack(fact, transcript.facts)) return { facts, view: { ...refold(facts), ...now } }
  return { facts, view: { ...step(transcript.view, fact), ...now } }
}

/** What was held back, while later facts were told: it stands where its number says. */
function late(transcript: Transcript, fact: Fact): Transcript {
  const at = transcript.facts.findLastIndex((known) => known.seq <= fact.seq)
  if (transcript.facts[at]?.seq === fact.seq) return transcript
  const facts = transcript.facts.toSpliced(at + 1, 0, fact)
  const { seq, nowMs } = transcript.view
  return { facts, view: { ...refold(facts), seq, nowMs } }
}

/** Fold from the beginning. */
export function fold(facts: readonly Fact[]): Transcript {
  return facts.reduce(advance, BLANK)
}

/** To strike one of these takes it back: all is as if it had never been done. */
const ACTS: ReadonlySet<string> = new Set(['struck', 'retconned', 'revealed', 'recommendation_decided'])

function takesBack(fact: Fact, before: readonly Fact[]): boolean {
  if (fact.kind !== 'struck') return false
  const targets = new Set(fact.body.targets)
  return before.some((known) => ACTS.has(known.kind) && targets.has(known.seq))
}

/** What counts: what is erased never was, and whether a strike counts is settled by those that are later than it: the last word comes first. */
function standing(facts: readonly Fact[]): Fact[] {
  const struck = new Set<number>()
  for (const fact of facts.toReversed()) {
    if (fact.kind !== 'struck' || struck.has(fact.seq)) continue
    for (const target of fact.body.targets) if (target < fact.seq) struck.add(target)
  }
  const erased = new Set(facts.flatMap((fact) => (fact.kind === 'erased' ? fact.body.seqs : [])))
  return facts.filter((fact) => !erased.has(fact.seq) && !(ACTS.has(fact.kind) && struck.has(fact.seq)))
}

/** What a retcon leaves standing: the table, its settings, the director's notes, corrections, and that a line has ended. */
const TABLE: ReadonlySet<string> = new Set(['joined', 'left', 'noted', 'corrected', 'struck', 'erased', 'line_closed', 'released', 'rejected', 'recommendation_decided', 'degraded', 'silenced'])

/** A retcon at `seq` takes back the story after `to`, and only what stood before the retcon itself. */
function refold(all: readonly Fact[]): View {
  const facts = standing(all)
  const retcons = facts.filter((fact) => fact.kind === 'retconned')
  const dead = (seq: number) => retcons.some((retcon) => seq > retcon.body.to && seq < retcon.seq)
  const kept = facts.flatMap((fact) => (TABLE.has(fact.kind) || !dead(fact.seq) ? [fact] : fact.kind === 'scene_set' ? [settingsOf(fact)] : []))
  const view = kept.reduce((view, fact) => ({ ...step(view, fact), seq: fact.seq }), EMPTY)
  const entries = view.entries.filter((entry) => entry.type !== 'summary' || !entry.covers.some(dead))
  return withdrawn({ ...view, entries }, dead)
}

/** A scene that never happened still set the session's title and mode. */
function settingsOf(fact: Of<'scene_set'>): Fact {
  return { ...fact, body: { ...fact.body, heading: '', description: '' } }
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
      return added(view, saidOf(fact.seq, { member: fact.by.id, name: nameOf(view, fact.by.id, fact.by.name), text: fact.body.text, utterance: fact.body.utterance, source: fact.body.source ?? 'voice' }))
    case 'line_opened':
      return opened(view, fact)
    case 'sentence':
      return inLine(view, fact.body.line, (line) => withSentence(line, fact.seq, fact.body, fact.by.role === 'director' ? fact.by.name || fact.by.id : ''))
    case 'line_closed':
      return closed(view, fact)
    case 'released':
      return { ...inLine(view, fact.body.line, (line) => (isOpen(line.state) ? { ...line, state: 'queued' } : line)), openLine: fact.body.line }
    case 'rejected':
      return inLine(view, fact.body.line, (line) => (isOpen(line.state) ? { ...line, state: 'rejected', reason: fact.body.reason ?? '' } : line))
    case 'inserted':
      return inserted(view, fact)
    case 'revealed':
      return revealed(view, fact)
    case 'recommended':
      return recommended(view, fact)
    case 'recommendation_decided':
      return decided(view, fact)
    case 'corrected':
      return corrected(view, fact)
    case 'struck':
      return struck(view, new Set(fact.body.targets), fact.seq)
    case 'noted':
      return noted(view, fact)
    case 'passed':
      // Players are not told why, and their screenplay has nothing of it.
      return fact.body.reason === undefined ? view : added(view, { type: 'passed', seq: fact.seq, reason: fact.body.reason })
    case 'whispered':
      return added(view, { type: 'whisper', seq: fact.seq, text: fact.body.text, character: nameOf(view, fact.body.character) })
    case 'summarized':
      return added(view, { type: 'summary', seq: fact.seq, text: fact.body.text, covers: fact.body.covers })
    case 'rolled':
      return added(view, { type: 'rolled', seq: fact.seq, name: nameOf(view, fact.by.id, fact.by.name), expression: fact.body.expression, total: fact.body.total, dice: fact.body.dice ?? [], purpose: fact.body.purpose ?? '' })
    case 'degraded':
      return degraded(view, fact)
    default:
      return view
  }
}

function degraded(view: View, fact: Of<'degraded'>): View {
  const { part, from_engine: from, to_engine: to, reason } = fact.body
  const recovered = reason === RECOVERED
  return added(recovered ? recoveredFrom(view, fact.place, part, from, to) : view, { type: 'degraded', seq: fact.seq, place: fact.place, part, from, to, reason, recovered, over: false })
}

/** Every step that led from `to` to `from` is over. */
function recoveredFrom(view: View, place: string, part: string, from: string, to: string): View {
  const over = new Set<number>()
  let last = from
  for (const entry of view.entries.toReversed()) {
    if (last === to) break
    if (entry.type !== 'degraded' || entry.recovered || entry.over || entry.part !== part || entry.place !== place || entry.to !== last) continue
    over.add(entry.seq)
    last = entry.from
  }
  return mapped(view, (entry) => (entry.type === 'degraded' && over.has(entry.seq) ? { ...entry, over: true } : entry))
}

type Of<K extends Fact['kind']> = Extract<Fact, { kind: K }>

function sceneSet(view: View, fact: Of<'scene_set'>): View {
  const { heading = '', description = '', title = '', mode = '' } = fact.body
  const next = { ...view, title: title || view.title, mode: mode || view.mode, heading: heading || view.heading }
  return heading === '' && description === '' ? next : added(next, { type: 'scene', seq: fact.seq, heading, description, struck: false, edited: false, touched: fact.seq })
}

function joined(view: View, fact: Of<'joined'>): View {
  const { member, role, name, card } = fact.body
  const known = view.members.get(member)
  const ours = card?.extensions?.souffleur
  const now: Member = { id: member, role, name, color: ours?.color ?? known?.color ?? '', language: ours?.language ?? known?.language ?? '', present: true, place: fact.place, secrets: card === undefined ? (known?.secrets ?? []) : secretsOf(card) }
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
  const { line, character, turn, base_seq = 0, attempt = 1, mode = 'auto', delivery = 'voice', retakes = '' } = fact.body
  const held = mode === 'approve'
  const author = fact.by.role === 'director' ? fact.by.name || fact.by.id : ''
  const fresh: LineEntry = { ...BARE, seq: fact.seq, line, character, name: nameOf(view, character), attempt, state: held ? 'drafting' : 'speaking', turn, mode, delivery, retakes, author }
  const known = view.entries.some((entry) => entry.type === 'line' && entry.line === line)
  const next = spent(known ? inLine(view, line, (old) => ({ ...fresh, seq: old.seq })) : added(view, fresh), character, base_seq)
  return held ? next : { ...next, openLine: line }
}

const BARE: LineEntry = { type: 'line', seq: 0, line: '', character: '', name: '', attempt: 1, state: 'speaking', reason: '', basis: '', sentences: [], turn: 0, mode: 'auto', delivery: 'voice', retakes: '', author: '', figures: null, inserted: false }

function withSentence(line: LineEntry, seq: number, body: SentenceBody, author: string): LineEntry {
  if (body.attempt < line.attempt || !isOpen(line.state)) return line
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
    touched: seq,
  }
  return { ...line, attempt: body.attempt, state: line.state === 'drafting' ? 'held' : line.state, author: author || line.author, sentences: [...earlier, sentence] }
}

function closed(view: View, fact: Of<'line_closed'>): View {
  const { line, state, last_seq = 0, offset = 0, basis = '', reason = '', ms = {}, tokens = [], cost = 0, engine = '', model = '' } = fact.body
  const figures = { ms, tokens, cost, engine, model }
  const heardOf = (sentence: SentenceEntry) => {
    if (sentence.seq < last_seq) return codePoints(sentence.text)
    return sentence.seq === last_seq ? Math.min(offset, codePoints(sentence.text)) : 0
  }
  const next = inLine(view, line, (old) => ({ ...old, state, reason: reason || old.reason, basis, figures, sentences: old.sentences.map((sentence) => ({ ...sentence, heard: heardOf(sentence) })) }))
  return view.openLine === line ? { ...next, openLine: speaking(next) } : next
}

/** Elsewhere, or beside the line that is over, another one may still be spoken. */
function speaking(view: View): string | null {
  const entry = view.entries.findLast((entry) => entry.type === 'line' && (entry.state === 'speaking' || entry.state === 'queued'))
  return entry?.type === 'line' ? entry.line : null
}

function corrected(view: View, fact: Of<'corrected'>): View {
  const { target, text } = fact.body
  const next = mapped(view, (entry) => {
    if (entry.type === 'said' && entry.seq === target) return { ...entry, text, edited: true, touched: fact.seq }
    if (entry.type === 'scene' && entry.seq === target) return { ...entry, ...sceneOf(text), edited: true, touched: fact.seq }
    if ((entry.type === 'note' || entry.type === 'whisper' || entry.type === 'summary') && entry.seq === target) return { ...entry, text }
    if (entry.type !== 'line' || !entry.sentences.some((sentence) => sentence.seq === target)) return entry
    return { ...entry, sentences: entry.sentences.map((sentence) => (sentence.seq === target ? reworded(sentence, fact) : sentence)) }
  })
  return { ...next, notes: next.notes.map((note) => (note.seq === target ? { ...note, text } : note)), recommendations: next.recommendations.map((one) => (one.seq === target ? { ...one, text } : one)) }
}

/** The wording of a scene is its heading, and behind the first line break its description. */
function sceneOf(text: string): { heading: string; description: string } {
  const [heading = '', ...description] = text.split('\n')
  return { heading, description: description.join('\n') }
}

/** A sentence heard to its end stays heard to its end; one that was cut keeps the share that was heard. An empty text with a feeling keeps the words. */
function reworded(sentence: SentenceEntry, fact: Of<'corrected'>): SentenceEntry {
  const { text: given, emotion, intensity, manner } = fact.body
  const text = given || sentence.text
  const before = codePoints(sentence.text)
  const heard = sentence.heard === null || before === 0 ? sentence.heard : Math.round((sentence.heard / before) * codePoints(text))
  return { ...sentence, text, heard, emotion: emotion ?? sentence.emotion, intensity: intensity ?? sentence.intensity, manner: manner ?? sentence.manner, edited: true, touched: fact.seq }
}

/** What rests on a struck fact is withdrawn with it. */
function struck(view: View, targets: ReadonlySet<number>, seq: number): View {
  const gone = (target: number) => targets.has(target)
  const next = withdrawn(view, gone)
  const kept = next.entries.filter((entry) => entry.type !== 'summary' || !(gone(entry.seq) || entry.covers.some(gone)))
  const notes = next.notes.filter((note) => !gone(note.seq))
  return mapped({ ...next, entries: kept, notes }, (entry) => {
    if ((entry.type === 'said' || entry.type === 'scene') && gone(entry.seq)) return { ...entry, struck: true, touched: seq }
    if (entry.type === 'note' && gone(entry.seq)) return { ...entry, withdrawn: true }
    if (entry.type !== 'line') return entry
    const whole = gone(entry.seq)
    if (!whole && !entry.sentences.some((sentence) => gone(sentence.seq))) return entry
    return { ...entry, sentences: entry.sentences.map((sentence) => (whole || gone(sentence.seq) ? { ...sentence, struck: true, touched: seq } : sentence)) }
  })
}

function noted(view: View, fact: Of<'noted'>): View {
  const { text, character = '', removes = 0 } = fact.body
  const before = steered(view, fact)
  const next = removes === 0 ? before : mapped(before, (entry) => (entry.type === 'note' && entry.seq === removes ? { ...entry, withdrawn: true } : entry))
  return text === '' ? next : added(next, { type: 'note', seq: fact.seq, text, character: character === '' ? '' : nameOf(view, character), withdrawn: false })
}

/** The director adds to the past: it stands behind the fact `after`. */
function inserted(view: View, fact: Of<'inserted'>): View {
  const { after, block, text, member = '', name = '', emotion = 'neutral', intensity = 0.5, manner = 'plain' } = fact.body
  const who = nameOf(view, member, name)
  const sentence: SentenceEntry = { seq: fact.seq, index: 0, text, emotion, intensity, manner, engine: '', heard: codePoints(text), struck: false, edited: false, touched: fact.seq }
  const entry: Entry =
    block === 'line'
      ? { ...BARE, seq: fact.seq, line: `inserted-${fact.seq}`, character: member, name: who, state: 'heard', author: fact.by.name || fact.by.id, sentences: [sentence], inserted: true }
      : { ...saidOf(fact.seq, { member, name: block === 'action' ? '' : who, text, utterance: '', source: block === 'action' ? 'narrated' : 'inserted' }), inserted: true }
  const opening = openingOf(view.entries)
  const at = view.entries.findLastIndex((known) => known.seq === after || (known.type === 'line' && known.sentences.some((one) => one.seq === after)))
  const anchor = Math.max(opening, at < 0 ? view.entries.findLastIndex((known) => known.seq < after) : at)
  const path = [...(view.insertions.get(after) ?? [Math.max(after, view.entries[opening]?.seq ?? 0)]), fact.seq]
  // What was inserted there before stands before it, with all that stands behind that.
  const later = view.entries.findIndex((known, index) => index > anchor && !comesBefore(view.insertions.get(known.seq), path))
  const entries = view.entries.toSpliced(later < 0 ? view.entries.length : later, 0, entry)
  return { ...view, entries, insertions: new Map(view.insertions).set(fact.seq, path) }
}

/** The last entry of how a session begins, where the cast is there to hear what is inserted; -1 = there is none. */
function openingOf(entries: readonly Entry[]): number {
  const first = entries.findIndex((entry) => !(entry.type === 'scene' || entry.type === 'summary' || (entry.type === 'roll-call' && entry.entered)))
  return (first < 0 ? entries.length : first) - 1
}

/** Paths are compared number by number, as the server does. */
function comesBefore(one: readonly number[] | undefined, other: readonly number[]): boolean {
  if (one === undefined) return false
  const at = one.findIndex((seq, index) => seq !== other[index])
  return at < 0 ? one.length < other.length : at < other.length && (one[at] ?? 0) < (other[at] ?? 0)
}

function revealed(view: View, fact: Of<'revealed'>): View {
  const { character, secret } = fact.body
  const text = view.members.get(character)?.secrets.find((one) => one.id === secret)?.text ?? secret
  return added({ ...view, revealed: new Set(view.revealed).add(`${character}/${secret}`) }, { type: 'revealed', seq: fact.seq, character: nameOf(view, character), text })
}

function saidOf(seq: number, said: Pick<SaidEntry, 'member' | 'name' | 'text' | 'utterance' | 'source'>): SaidEntry {
  return { type: 'said', seq, ...said, struck: false, edited: false, touched: seq, inserted: false }
}

/** Cards come from anywhere: what is not a secret with words is left out. */
function secretsOf(card: CardOnJoin): Secret[] {
  const given = card.extensions?.souffleur?.secrets
  if (!Array.isArray(given)) return []
  return given.flatMap((one: unknown, index) => {
    if (typeof one !== 'object' || one === null || !('text' in one) || typeof one.text !== 'string') return []
    return [{ id: 'id' in one && typeof one.id === 'string' ? one.id : String(index + 1), text: one.text }]
  })
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
