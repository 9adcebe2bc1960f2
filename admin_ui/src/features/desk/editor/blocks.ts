/** The view as blocks of a Fountain document: what can be edited in each, what cannot, and which fact it is. Pure. */
import { unitIndex } from '@/lib/transcript/codePoints'
import type { Entry, LineEntry, SaidEntry, SceneEntry, SentenceEntry, View } from '@/lib/transcript/view'

import { type Feeling, PLAIN, sameFeeling, writtenFeeling } from './feeling'

export interface Range {
  from: number
  to: number
}

/** A text that is corrected by itself; the range is within its block. */
export interface Part extends Range {
  seq: number
  /** The last fact that touched it: the base of a correction. */
  touched: number
  text: string
  /** Of sentences. */
  feeling: Feeling | null
  struck: boolean
  edited: boolean
  /** UTF-16 units that were heard; null = all, or not known yet. */
  heard: number | null
}

export type BlockKind = 'title' | 'scene' | 'said' | 'line' | 'action' | 'summary' | 'remark' | 'roll'

export interface Block {
  /** The fact's seq; 0 is the title. */
  id: number
  kind: BlockKind
  /** With the empty line behind it. */
  text: string
  parts: readonly Part[]
  /** Where the cue stands; empty range if there is none. */
  cue: Range
  /** What can be said of the whole: a line's state, or `struck`. */
  badges: readonly string[]
  /** Nothing in it can be changed here. */
  fixed: boolean
  /** Deleting it strikes it. */
  strikable: boolean
}

/** Words for what is no text of anybody; the page's language. */
export interface Words {
  enters: (name: string) => string
  leaves: (name: string) => string
  passed: () => string
  degraded: (part: string, from: string, to: string) => string
  recovered: (part: string, to: string) => string
  rolled: (name: string, expression: string, total: number) => string
}

const NO_CUE: Range = { from: 0, to: 0 }
const DEAD = new Set(['rejected', 'aborted'])

/** Every entry that is no card in the margin, in order, behind the title. */
export function blocksOf(view: View, words: Words): Block[] {
  return writer(words)(view)
}

/** The same for view after view of one session: an entry that has not changed is the same block again. */
export function writer(words: Words): (view: View) => Block[] {
  const known = new WeakMap<Entry, Block[]>()
  const written = (entry: Entry) => {
    const block = known.get(entry) ?? blockOf(entry, words)
    known.set(entry, block)
    return block
  }
  return (view) => [titleOf(view), ...view.entries.flatMap(written)]
}

function titleOf(view: View): Block {
  return { id: 0, kind: 'title', text: view.title === '' ? '\n' : `Title: ${view.title}\n\n`, parts: [], cue: NO_CUE, badges: [], fixed: true, strikable: false }
}

function blockOf(entry: Entry, words: Words): Block[] {
  switch (entry.type) {
    case 'line':
      return [lineBlock(entry)]
    case 'said':
      return [saidBlock(entry)]
    case 'scene':
      return [sceneBlock(entry)]
    case 'summary':
      return [texted({ id: entry.seq, kind: 'summary', prefix: '= ', cue: NO_CUE, text: entry.text, touched: entry.seq, struck: false, edited: false, badges: [] })]
    case 'rolled':
      return [{ ...plain(entry.seq, 'roll', `${words.rolled(entry.name, entry.expression, entry.total)}\n\n`), strikable: true }]
    case 'roll-call':
      return [plain(entry.seq, 'remark', `${entry.entered ? words.enters(entry.name) : words.leaves(entry.name)}\n\n`)]
    case 'degraded':
      if (entry.recovered) return [plain(entry.seq, 'remark', `${words.recovered(entry.part, entry.to)}\n\n`)]
      return [{ ...plain(entry.seq, 'remark', `${words.degraded(entry.part, entry.from, entry.to)}\n\n`), badges: entry.over ? [] : ['degraded'] }]
    case 'passed':
      return [plain(entry.seq, 'remark', `${words.passed()}\n\n`)]
    default:
      return []
  }
}

function plain(id: number, kind: BlockKind, text: string): Block {
  return { id, kind, text, parts: [], cue: NO_CUE, badges: [], fixed: true, strikable: false }
}

function saidBlock(entry: SaidEntry): Block {
  const narrated = entry.source === 'narrated'
  const prefix = narrated ? '' : `@${entry.name}\n`
  const badges = [...(entry.inserted ? ['inserted'] : []), ...(entry.edited ? ['edited'] : [])]
  return texted({ id: entry.seq, kind: narrated ? 'action' : 'said', prefix, cue: { from: 0, to: Math.max(0, prefix.length - 1) }, text: entry.text, touched: entry.touched, struck: entry.struck, edited: entry.edited, badges })
}

/** Heading and description are parts of one fact: `sceneChanges` tells them together. */
function sceneBlock({ seq, heading, description, touched, struck, edited }: SceneEntry): Block {
  let text = ''
  const parts: Part[] = []
  const add = (sigil: string, own: string) => {
    if (own === '') return
    const from = text.length + sigil.length
    parts.push({ from, to: from + own.length, seq, touched, text: own, feeling: null, struck, edited, heard: null })
    text += `${sigil}${own}\n\n`
  }
  add('.', heading)
  add('', description)
  const badges = [...(struck ? ['struck'] : []), ...(edited ? ['edited'] : [])]
  return { id: seq, kind: 'scene', text, parts, cue: NO_CUE, badges, fixed: struck, strikable: !struck }
}

interface Texted {
  id: number
  kind: BlockKind
  prefix: string
  cue: Range
  text: string
  touched: number
  struck: boolean
  edited: boolean
  badges: string[]
}

function texted({ id, kind, prefix, cue, text, touched, struck, edited, badges }: Texted): Block {
  const part: Part = { from: prefix.length, to: prefix.length + text.length, seq: id, touched, text, feeling: null, struck, edited, heard: null }
  return { id, kind, text: `${prefix}${text}\n\n`, parts: [part], cue, badges: struck ? ['struck', ...badges] : badges, fixed: struck, strikable: !struck }
}

/** Sentences of one feeling in a row share a parenthetical. */
function lineBlock(line: LineEntry): Block {
  let text = `@${line.name}\n`
  const cue = { from: 0, to: text.length - 1 }
  let feeling: Feeling = PLAIN
  const parts: Part[] = []
  for (const sentence of line.sentences) {
    const own: Feeling = { emotion: sentence.emotion, intensity: sentence.intensity, manner: sentence.manner || 'plain' }
    if (!sameFeeling(own, feeling)) text += `${writtenFeeling(own)}\n`
    feeling = own
    parts.push({ from: text.length, to: text.length + sentence.text.length, seq: sentence.seq, touched: sentence.touched, text: sentence.text, feeling: own, struck: sentence.struck, edited: sentence.edited, heard: heardUnits(sentence) })
    text += `${sentence.text}\n`
  }
  const struck = parts.length > 0 && parts.every((part) => part.struck)
  const fixed = struck || DEAD.has(line.state)
  return { id: line.seq, kind: 'line', text: `${text}\n`, parts, cue, badges: badgesOf(line, struck), fixed, strikable: !fixed }
}

function heardUnits(sentence: SentenceEntry): number | null {
  if (sentence.heard === null) return null
  const units = unitIndex(sentence.text, sentence.heard)
  return units >= sentence.text.length ? null : units
}

function badgesOf(line: LineEntry, struck: boolean): string[] {
  const found = [struck ? 'struck' : line.inserted ? 'inserted' : line.state]
  if (line.author !== '' && !line.inserted) found.push('puppet')
  if (line.sentences.some((sentence) => sentence.engine === 'understudy')) found.push('understudy')
  if (line.sentences.some((sentence) => sentence.edited)) found.push('edited')
  return found
}

/** Equal in everything that is shown or sent. */
export function sameBlock(one: Block, other: Block): boolean {
  return one === other || (one.text === other.text && one.fixed === other.fixed && one.badges.join() === other.badges.join() && one.parts.length === other.parts.length && one.parts.every((part, at) => samePart(part, other.parts[at])))
}

function samePart(one: Part, other: Part | undefined): boolean {
  return other !== undefined && one.seq === other.seq && one.touched === other.touched && one.struck === other.struck && one.heard === other.heard && one.from === other.from && one.to === other.to
}
