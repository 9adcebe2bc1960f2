/** How the document looks: the shape of each line, badges on cues, what was heard, what is struck, what is on its way. */
import { type Extension, type Range as Dressing, RangeSet, StateEffect, StateField } from '@codemirror/state'
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from '@codemirror/view'

import type { Block } from './blocks'
import { EMOTIONS, readFeeling } from './feeling'
import { classify, type LineKind } from './fountain'
import { type Tracked, tracked } from './tracked'

/** Words on badges, in the page's language. */
export type BadgeWords = (badge: string) => string

export const setWords = StateEffect.define<{ badge: BadgeWords }>()
/** Blocks whose correction has just been applied. */
export const setApplied = StateEffect.define<ReadonlySet<number>>()

interface Shown {
  badge: BadgeWords
  applied: ReadonlySet<number>
}

const shown = StateField.define<Shown>({
  create: () => ({ badge: (badge) => badge, applied: new Set() }),
  update: (value, transaction) =>
    transaction.effects.reduce((now, effect) => (effect.is(setWords) ? { ...now, badge: effect.value.badge } : effect.is(setApplied) ? { ...now, applied: effect.value } : now), value),
})

class Badges extends WidgetType {
  constructor(readonly items: readonly (readonly [string, string])[]) {
    super()
  }
  override eq(other: Badges): boolean {
    return this.items.map((item) => item.join()).join() === other.items.map((item) => item.join()).join()
  }
  override toDOM(): HTMLElement {
    const box = document.createElement('span')
    box.className = 'cm-badges'
    for (const [badge, words] of this.items) {
      const one = box.appendChild(document.createElement('span'))
      one.className = `cm-badge cm-badge-${badge}`
      one.dataset['badge'] = badge
      one.textContent = words
    }
    return box
  }
  override ignoreEvent(): boolean {
    return true
  }
}

class Feeling extends WidgetType {
  constructor(readonly words: string) {
    super()
  }
  override eq(other: Feeling): boolean {
    return this.words === other.words
  }
  override toDOM(): HTMLElement {
    const one = document.createElement('span')
    one.className = 'cm-feeling'
    one.textContent = this.words
    return one
  }
}

/** Of these nobody needs to be told. */
const SILENT = new Set(['heard', 'drafting-none'])
const lineLook = (kind: LineKind | 'remark', more = '') => Decoration.line({ class: `cm-f-${kind}${more}` })
const UNHEARD = Decoration.mark({ class: 'cm-unheard' })
const STRUCK = Decoration.mark({ class: 'cm-struck' })
const MARKER = /\[\[souffleur:[^\]\n]*\]\]/g
const HIDDEN = Decoration.replace({})

const dresser = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    hidden: DecorationSet
    constructor(view: EditorView) {
      ;[this.decorations, this.hidden] = dressed(view)
    }
    update(update: ViewUpdate) {
      if (update.docChanged || update.viewportChanged || update.transactions.some((transaction) => transaction.effects.length > 0)) [this.decorations, this.hidden] = dressed(update.view)
    }
  },
  {
    decorations: (plugin) => plugin.decorations,
    provide: (plugin) => EditorView.atomicRanges.of((view) => view.plugin(plugin)?.hidden ?? RangeSet.empty),
  },
)

export function dressing(): Extension {
  return [shown, dresser]
}

function dressed(view: EditorView): [DecorationSet, DecorationSet] {
  const { from, to } = view.viewport
  const found: Dressing<Decoration>[] = []
  const hidden: Dressing<Decoration>[] = []
  for (const one of view.state.field(tracked)) {
    if (one.to < from || one.from > to || one.to === one.from) continue
    dressBlock(view, one, found)
    for (const match of view.state.sliceDoc(one.from, one.to).matchAll(MARKER)) hidden.push(HIDDEN.range(one.from + match.index, one.from + match.index + match[0].length))
  }
  const atoms = Decoration.set(hidden, true)
  return [Decoration.set([...found, ...hidden], true), atoms]
}

/** Signs that force an element in Fountain: there, but not in the way. */
const SIGILS: Partial<Record<LineKind | 'remark', string>> = { cue: '@', heading: '.', synopsis: '=', action: '!' }
const SIGIL = Decoration.mark({ class: 'cm-sigil' })

const KINDS: Record<string, LineKind | 'remark'> = { title: 'title', remark: 'remark', roll: 'remark', summary: 'synopsis', action: 'action' }

function dressBlock(view: EditorView, one: Tracked, found: Dressing<Decoration>[]): void {
  const { block } = one
  const doc = view.state.doc
  const lines: { from: number; to: number; text: string }[] = []
  for (let line = doc.lineAt(one.from); line.from < one.to || line.from === one.from; line = doc.line(line.number + 1)) {
    lines.push(line)
    if (line.number === doc.lines) break
  }
  const guessed = classify(lines.map((line) => line.text))
  const fate = fateOf(view, one)
  const end = endOf(view, one)
  lines.forEach((line, at) => {
    if (line.from >= one.to && line.from > one.from) return
    const own = line.from <= end
    const kind = own ? (KINDS[block.kind] ?? spoken(block.kind, at, line.text) ?? setting(block, at) ?? guessed[at] ?? 'action') : (guessed[at] ?? 'action')
    if (line.text.trim() === '') return
    found.push(lineLook(kind, `${own && block.badges.includes('struck') ? ' cm-f-struck' : ''}${fate === '' ? '' : ` cm-fate-${fate}`}${own ? '' : ' cm-f-new'}`).range(line.from))
    if (SIGILS[kind] === line.text[0]) found.push(SIGIL.range(line.from, line.from + 1))
    if (kind === 'parenthetical') dressFeeling(view, line, found)
  })
  dressParts(view, one, found)
  const badges = [...block.badges.filter((badge) => !SILENT.has(badge)), ...(fate === '' ? [] : [fate])]
  const first = lines[0]
  if (badges.length > 0 && first !== undefined) {
    const { badge } = view.state.field(shown)
    found.push(Decoration.widget({ widget: new Badges(badges.map((name) => [name, badge(`badge_${name}`)] as const)), side: 1 }).range(first.to))
  }
}

/** Where its own text ends: what stands behind an empty line that was not there is new. */
function endOf(view: EditorView, { block, from, parts }: Tracked): number {
  const [part, range] = [block.parts.at(-1), parts.at(-1)]
  if (part === undefined || range === undefined) return from + block.text.trimEnd().length
  const gap = part.text.includes('\n\n') ? -1 : view.state.sliceDoc(range.from, range.to).search(/\S[^\S\n]*\n[ \t]*\n/)
  return gap < 0 ? range.to : range.from + gap
}

/** A line of a speech, also behind an empty one: a sentence that is being deleted leaves one. */
function spoken(kind: string, at: number, text: string): LineKind | undefined {
  if (kind !== 'line' && kind !== 'said') return undefined
  return at === 0 ? 'cue' : readFeeling(text) === null || kind === 'said' ? 'dialogue' : 'parenthetical'
}

/** The first line of a scene is its heading, if it has one; what follows is no other. */
function setting({ kind, text }: Block, at: number): LineKind | undefined {
  if (kind !== 'scene') return undefined
  return at === 0 && text.startsWith('.') ? 'heading' : 'action'
}

function fateOf(view: EditorView, one: Tracked): string {
  if (one.fate !== '') return one.fate
  if (one.dirty) return 'changed'
  return view.state.field(shown).applied.has(one.block.id) ? 'applied' : ''
}

function dressFeeling(view: EditorView, line: { from: number; to: number; text: string }, found: Dressing<Decoration>[]): void {
  const feeling = readFeeling(line.text)
  if (feeling === null || line.to === line.from) return
  const known = (EMOTIONS as readonly string[]).includes(feeling.emotion)
  found.push(Decoration.mark({ class: `cm-emotion cm-emotion-${known ? feeling.emotion : 'neutral'}`, attributes: { 'data-emotion': feeling.emotion } }).range(line.from, line.to))
  const { badge } = view.state.field(shown)
  const words = [feeling.emotion, ...(feeling.manner === 'plain' ? [] : [feeling.manner])].map((word) => badge(`emotion.${word}`)).filter((word) => word !== '').join(', ')
  if (words !== '') found.push(Decoration.widget({ widget: new Feeling(words), side: 1 }).range(line.to))
}

function dressParts(view: EditorView, one: Tracked, found: Dressing<Decoration>[]): void {
  one.block.parts.forEach((part, at) => {
    const range = one.parts[at]
    if (range === undefined || range.to === range.from) return
    if (part.struck) found.push(STRUCK.range(range.from, range.to))
    // Where the words have changed nobody knows what was heard of the new ones.
    else if (part.heard !== null && view.state.sliceDoc(range.from, range.to) === part.text && part.heard < part.text.length) found.push(UNHEARD.range(range.from + part.heard, range.to))
  })
}

const indent = (left: string, right = '0px') => ({ paddingLeft: left, paddingRight: right })
const tint = (color: string, share = 16) => `color-mix(in srgb, ${color} ${share}%, transparent)`
const badge = (color: string) => ({ color: `color-mix(in srgb, ${color} 62%, var(--paper-ink))`, borderColor: tint(color, 50), background: tint(color, 10) })
const EMOTION_COLORS: Record<string, string> = {
  joy: '#d9952b', sadness: '#5c8fc7', anger: '#d2503f', fear: '#8a6fd0', disgust: '#7f9a3a', surprise: '#2fa39a', tenderness: '#cf6a92', contempt: '#a5744b', weariness: '#8a8590', neutral: 'var(--paper-muted)',
}

export const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--paper-ink)', backgroundColor: 'transparent', fontSize: '1.02rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--font-serif)', lineHeight: '1.62', overflowX: 'hidden', justifyContent: 'center' },
  '.screenplay-margin': { flex: '0 0 17rem', position: 'relative', alignSelf: 'stretch' },
  '.screenplay-margin:empty': { display: 'none' },
  '.cm-content': { caretColor: 'var(--accent)', padding: '1.5rem 0 3.5rem', maxWidth: '44rem', minWidth: '0', flex: '1 1 0' },
  '.cm-line': { padding: '0 1.5rem', overflowWrap: 'anywhere' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { background: 'color-mix(in srgb, var(--accent) 30%, transparent) !important' },
  '.cm-activeLine': { background: 'color-mix(in srgb, var(--accent) 7%, transparent)' },
  '.cm-f-title': { color: 'var(--paper-muted)', fontStyle: 'italic' },
  '.cm-f-heading': { fontWeight: '600', letterSpacing: '0.06em', textTransform: 'uppercase' },
  '.cm-f-cue': { ...indent('38%'), letterSpacing: '0.1em', textTransform: 'uppercase', fontSize: '0.88em' },
  '.cm-f-parenthetical': { ...indent('28%', '12%'), fontStyle: 'italic', fontSize: '0.92em' },
  '.cm-f-dialogue': indent('16%', '14%'),
  '.cm-f-synopsis': { color: 'var(--paper-muted)', fontStyle: 'italic' },
  '.cm-f-remark': { color: 'var(--paper-muted)', fontStyle: 'italic', fontSize: '0.9em' },
  '.cm-f-note': { color: 'var(--accent)', fontStyle: 'italic', fontSize: '0.92em' },
  '.cm-f-boneyard': { color: 'var(--paper-muted)', textDecoration: 'line-through', opacity: '0.8' },
  '.cm-sigil': { opacity: '0.35', fontWeight: '400' },
  '.cm-f-struck': { color: 'var(--paper-muted)' },
  '.cm-struck': { textDecoration: 'line-through', textDecorationColor: 'var(--danger)', color: 'var(--paper-muted)' },
  '.cm-unheard': { textDecoration: 'line-through', textDecorationColor: 'color-mix(in srgb, var(--danger) 70%, transparent)', color: 'var(--paper-muted)' },
  '.cm-f-new': { background: 'color-mix(in srgb, var(--good) 8%, transparent)' },
  '.cm-fate-changed': { boxShadow: 'inset 3px 0 0 color-mix(in srgb, var(--lamp) 55%, transparent)' },
  '.cm-fate-sending': { boxShadow: 'inset 3px 0 0 var(--lamp)' },
  '.cm-fate-applied': { boxShadow: 'inset 3px 0 0 var(--good)' },
  '.cm-fate-conflict, .cm-fate-failed': { boxShadow: 'inset 3px 0 0 var(--danger)' },
  '.cm-badges': { display: 'inline-flex', flexWrap: 'wrap', gap: '0.25rem', marginLeft: '0.6rem', verticalAlign: 'middle', letterSpacing: '0', textTransform: 'none' },
  '.cm-badge': { fontFamily: 'var(--font-sans)', fontStyle: 'normal', fontSize: '0.7rem', lineHeight: '1.3', padding: '0.05rem 0.45rem', border: '1px solid var(--line)', borderRadius: '999px', color: 'var(--paper-muted)', whiteSpace: 'nowrap' },
  '.cm-badge-held, .cm-badge-drafting, .cm-badge-queued, .cm-badge-sending, .cm-badge-changed': badge('var(--lamp)'),
  '.cm-badge-speaking, .cm-badge-applied': badge('var(--good)'),
  '.cm-badge-struck, .cm-badge-rejected, .cm-badge-aborted, .cm-badge-conflict, .cm-badge-failed': badge('var(--danger)'),
  '.cm-badge-puppet, .cm-badge-inserted': badge('var(--accent)'),
  '.cm-emotion': { borderRadius: '0.3rem', padding: '0 0.15rem' },
  '.cm-feeling': { fontFamily: 'var(--font-sans)', fontStyle: 'normal', fontSize: '0.72rem', marginLeft: '0.5rem', color: 'var(--paper-muted)' },
  ...Object.fromEntries(Object.entries(EMOTION_COLORS).map(([emotion, color]) => [`.cm-emotion-${emotion}`, { color: emotion === 'neutral' ? color : `color-mix(in srgb, ${color} 78%, var(--paper-ink))`, background: tint(color, 14) }])),
  '.cm-panels': { backgroundColor: 'var(--velvet)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-panels.cm-panels-top': { borderBottom: '1px solid var(--line)' },
  '.cm-panel.cm-search': { fontFamily: 'var(--font-sans)', fontSize: '0.85rem', padding: '0.5rem 0.75rem', display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: '0.35rem' },
  '.cm-panel.cm-search br': { display: 'none' },
  '.cm-panel.cm-search label': { fontSize: '0.8rem', display: 'inline-flex', alignItems: 'center', gap: '0.25rem' },
  '.cm-panel.cm-search [name=close]': { position: 'static', marginLeft: 'auto', fontSize: '1.1rem', padding: '0 0.5rem', color: 'inherit' },
  '.cm-textfield': { background: 'var(--well)', color: 'var(--ink)', border: '1px solid var(--line)', borderRadius: '0.5rem', padding: '0.3rem 0.6rem', fontSize: '0.9rem' },
  '.cm-button': { background: 'var(--raised)', color: 'var(--ink)', border: '1px solid var(--line)', borderRadius: '0.5rem', padding: '0.3rem 0.7rem', backgroundImage: 'none', fontSize: '0.85rem' },
  '.cm-searchMatch': { backgroundColor: 'color-mix(in srgb, var(--lamp) 30%, transparent)' },
  '.cm-searchMatch-selected': { backgroundColor: 'color-mix(in srgb, var(--lamp) 60%, transparent)' },
  '@media (max-width: 640px)': {
    '.cm-line': { padding: '0 0.9rem' },
    '.cm-f-cue': indent('26%'),
    '.cm-f-parenthetical': indent('16%', '4%'),
    '.cm-f-dialogue': indent('7%', '4%'),
  },
})
