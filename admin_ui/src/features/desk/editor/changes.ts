/** What an editor has done to one block, as corrections. Pure. */
import type { Member } from '@/lib/transcript/view'

import type { Block, Part, Range } from './blocks'
import { type Feeling, PLAIN, readFeeling, sameFeeling } from './feeling'

/** The body of POST /api/sessions/{id}/corrections, without its id. */
export type Correction =
  | { kind: 'edit'; target: number; base: number; text: string; emotion?: string; intensity?: number; manner?: string }
  | { kind: 'strike'; targets: number[]; base: number }
  | { kind: 'insert'; after: number; block: 'said' | 'line' | 'action'; text: string; member?: string; name?: string; emotion?: string; intensity?: number; manner?: string }
  | { kind: 'note'; text: string; character?: string; scope: string; turns?: number }
  | { kind: 'whisper'; character: string; text: string }
  | { kind: 'scene'; heading: string; description: string }

/** A block as it stands in the editor; ranges are within `text`. */
export interface Edited {
  text: string
  parts: readonly Range[]
}

export interface Outcome {
  corrections: Correction[]
  /** Something is not written to its end: wait. */
  complete: boolean
}

type Members = ReadonlyMap<string, Member>

const MARKER = /\[\[souffleur:[^\]]*\]\]\s?/g
const tidy = (text: string) => text.replace(MARKER, '').replace(/[ \t]+$/gm, '').replace(/^\n+|\n+$/g, '').trim()

export function changesOf(block: Block, edited: Edited, members: Members): Outcome {
  if (edited.text === block.text) return { corrections: [], complete: true }
  if (block.kind === 'scene') return sceneChanges(block, edited, members)
  const { sentences, rest } = block.parts.length === 0 ? { sentences: [], rest: behindFixed(block, edited.text) } : partsOf(block, edited)
  const gone = sentences.filter((sentence) => sentence.text === '' && !sentence.part.struck)
  const added = insertions(rest, block.id, members)
  const standing = block.parts.filter((part) => !part.struck)
  if (block.strikable && gone.length > 0 && gone.length === standing.length) return { corrections: [struck(block, standing), ...added.corrections], complete: added.complete }
  if (block.strikable && block.parts.length === 0 && tidy(edited.text) === '') return { corrections: [{ kind: 'strike', targets: [block.id], base: block.id }], complete: true }
  const edits = sentences.flatMap(({ part, text, feeling }) => edit(part, text, feeling))
  const strikes: Correction[] = gone.length === 0 ? [] : [{ kind: 'strike', targets: gone.map(({ part }) => part.seq), base: Math.max(...gone.map(({ part }) => part.touched)) }]
  return { corrections: [...edits, ...strikes, ...added.corrections], complete: added.complete }
}

const heading = (line: string) => /^\.(?!\.)/.test(line)
/** Begins an element of its own, even where a description stands. */
const element = (paragraph: string) => heading(paragraph) || /^(?:@|!|\[\[)/.test(paragraph)

/** One correction of both texts: the heading is its first line. */
function sceneChanges(block: Block, edited: Edited, members: Members): Outcome {
  const { text, rest } = sceneOf(block, edited)
  const added = insertions(rest, block.id, members)
  const [first] = block.parts
  if (first === undefined || first.struck || text === sceneOf(block, block).text) return added
  const own: Correction = text === '' ? { kind: 'strike', targets: [block.id], base: first.touched } : { kind: 'edit', target: block.id, base: first.touched, text }
  return { corrections: [own, ...added.corrections], complete: added.complete }
}

/** The wording of a scene as it is edited; and what is none of it: elements of their own, and what stands behind an empty line at its end. */
function sceneOf(block: Block, { text, parts }: Edited): { text: string; rest: string } {
  const [head, tail, last] = [parts[0], parts.at(-1), block.parts.at(-1)]
  if (head === undefined || tail === undefined || last === undefined) return { text: '', rest: text }
  const own = torn(text.slice(tail.from, tail.to), last)
  const whole = tidy(`${text.slice(0, tail.from)}${own.text}`)
  const pointed = block.text.startsWith('.')
  // A heading can be put over a description that had none.
  const headed = pointed ? tidy(text.slice(0, head.to)).replace('.', '').trim() !== '' : heading(whole) && !heading(last.text)
  const bare = pointed || headed ? whole.replace(/^\.(?!\.)/, '') : whole
  const [title = '', ...lines] = headed ? bare.split('\n') : ['', bare]
  const paragraphs = paragraphsOf(lines.join('\n'))
  const foreign = (paragraph: string) => element(paragraph) && !last.text.includes(paragraph)
  const description = paragraphs.filter((paragraph) => !foreign(paragraph)).join('\n\n')
  return { text: description === '' ? title.trim() : `${title.trim()}\n${description}`, rest: [...paragraphs.filter(foreign), own.rest, text.slice(tail.to)].join('\n\n') }
}

const paragraphsOf = (text: string) => text.split(/\n[ \t]*\n/).map(tidy).filter((paragraph) => paragraph !== '')

/** A line goes as a whole; anything else by its own seq. */
function struck(block: Block, standing: readonly Part[]): Correction {
  return { kind: 'strike', targets: [block.id], base: Math.max(block.id, ...standing.map((part) => part.touched)) }
}

function edit(part: Part, text: string, feeling: Feeling | null): Correction[] {
  if (part.struck || text === '') return []
  const moved = feeling !== null && part.feeling !== null && !sameFeeling(feeling, part.feeling)
  if (!moved && text === tidy(part.text)) return []
  // A text that is the same is sent as it was, blanks and all: only the feeling changes.
  return [{ kind: 'edit', target: part.seq, base: part.touched, text: text === tidy(part.text) ? part.text : text, ...(moved ? feeling : {}) }]
}

interface Found {
  part: Part
  text: string
  feeling: Feeling | null
}

/** Each part's words and feeling as they now are, and what was written behind them. */
function partsOf(block: Block, { text, parts }: Edited): { sentences: Found[]; rest: string } {
  let feeling = PLAIN
  let before = 0
  let rest = ''
  const sentences = block.parts.map((part, at) => {
    const { from, to } = parts[at] ?? { from: before, to: before }
    for (const line of text.slice(before, from).split('\n')) feeling = readFeeling(line) ?? feeling
    before = Math.max(before, to)
    const found = torn(text.slice(from, to), part)
    rest += found.rest
    const lines = found.text.split('\n')
    // Parentheticals typed at either end of a text are its own, or the next one's.
    let own = feeling
    while (part.feeling !== null && lines.length > 1 && readFeeling(lines[0] ?? '') !== null) own = readFeeling(lines.shift() ?? '') ?? own
    feeling = own
    while (part.feeling !== null && lines.length > 1 && readFeeling(lines.at(-1) ?? '') !== null) feeling = readFeeling(lines.pop() ?? '') ?? feeling
    return { part, text: tidy(lines.join('\n')), feeling: part.feeling === null ? null : own }
  })
  return { sentences, rest: `${rest}\n\n${text.slice(before)}` }
}

/** An empty line ends a block: what stands behind one that was not there before is new. */
function torn(text: string, part: Part): { text: string; rest: string } {
  const at = part.text.includes('\n\n') ? -1 : text.replace(/^\n+/, (lead) => ' '.repeat(lead.length)).search(/\n[ \t]*\n/)
  return at < 0 ? { text, rest: '' } : { text: text.slice(0, at), rest: text.slice(at) }
}

function behindFixed(block: Block, text: string): string {
  const own = block.text.trimEnd()
  return text.startsWith(own) ? text.slice(own.length) : text === '' ? '' : text.replace(own, '')
}

/** A text whose facts are gone, as something new behind the fact `after`. */
export function asNew(text: string, after: number, members: Members): Correction[] {
  return insertions(text, after, members).corrections
}

/** New text, paragraph by paragraph, to stand behind the fact `after`. */
function insertions(rest: string, after: number, members: Members): Outcome {
  const found = paragraphsOf(rest.replace(MARKER, '')).map((paragraph) => inserted(paragraph, after, members))
  return { corrections: found.flatMap((one) => (one === null ? [] : [one])), complete: !found.includes(null) }
}

function inserted(paragraph: string, after: number, members: Members): Correction | null {
  if (paragraph.startsWith('[[')) return paragraph.endsWith(']]') ? noteOf(paragraph.slice(2, -2).trim(), members) : null
  const [first = '', ...others] = paragraph.split('\n')
  if (heading(first)) return { kind: 'scene', heading: first.slice(1).trim(), description: others.join('\n') }
  if (!first.startsWith('@')) return { kind: 'insert', after, block: 'action', text: paragraph.replace(/^!/, '').trim() }
  const name = first.slice(1).trim()
  const feeling = others.map(readFeeling).find((one) => one !== null)
  const text = others.filter((line) => readFeeling(line) === null).join('\n').trim()
  if (name === '' || text === '') return null
  const member = memberOf(name, members)
  const block = member?.role === 'character' ? 'line' : 'said'
  return { kind: 'insert', after, block, text, name: member?.name ?? name, ...(member === undefined ? {} : { member: member.id }), ...(feeling === undefined || sameFeeling(feeling, PLAIN) ? {} : feeling) }
}

/** `to mirelle, once: be curt`, `whisper to mirelle: the key is gone`, or just the words. */
function noteOf(text: string, members: Members): Correction | null {
  if (text === '') return null
  const match = /^(whisper )?to ([^:\n]{1,80}):\s*([\s\S]+)$/i.exec(text)
  const [who = '', ...more] = (match?.[2] ?? '').split(',').map((word) => word.trim())
  const member = memberOf(who, members)
  const everyone = who.toLowerCase() === 'all'
  const words = match?.[3] ?? ''
  if (match === null || (!everyone && member === undefined)) return { kind: 'note', text, scope: 'until_removed' }
  if (match[1] !== undefined) return member === undefined ? null : { kind: 'whisper', character: member.id, text: words }
  const turns = Number(/^(\d{1,3})\b/.exec(more[0] ?? '')?.[1] ?? 0)
  const scope = turns > 0 ? 'turns' : more[0]?.toLowerCase() === 'once' ? 'once' : 'until_removed'
  return { kind: 'note', text: words, scope, ...(member === undefined ? {} : { character: member.id }), ...(turns > 0 ? { turns } : {}) }
}

function memberOf(name: string, members: Members): Member | undefined {
  const wanted = name.toLocaleLowerCase()
  const all = [...members.values()]
  return all.find((member) => member.id.toLocaleLowerCase() === wanted) ?? all.find((member) => member.name.toLocaleLowerCase() === wanted)
}
