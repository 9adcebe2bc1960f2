/** Which stretch of the document is which fact, kept true while the text is edited; and what of it may not be edited. */
import { invertedEffects } from '@codemirror/commands'
import { type ChangeDesc, EditorState, type Extension, StateEffect, StateField, Transaction, type TransactionSpec } from '@codemirror/state'

import { type Block, type Range, sameBlock } from './blocks'

export interface Tracked extends Range {
  block: Block
  parts: readonly Range[]
  /** Its text is not what was handed out. */
  dirty: boolean
  /** Corrections are on their way: '' | 'sending' | 'conflict' | 'failed'. */
  fate: '' | 'sending' | 'conflict' | 'failed'
}

export const setTracked = StateEffect.define<readonly Tracked[]>()
export const setFate = StateEffect.define<{ id: number; fate: Tracked['fate'] }>()
/** How blocks lay that a deletion has emptied, by their distance from where it began: undoing it brings them back. */
interface Emptied {
  at: number
  blocks: readonly (Range & { id: number; parts: readonly Range[] })[]
}

const restored = StateEffect.define<Emptied>({ map: (value, changes) => ({ ...value, at: changes.mapPos(value.at, -1) }) })

export const tracked = StateField.define<readonly Tracked[]>({
  create: () => [],
  update(value, transaction) {
    let now = value
    if (transaction.docChanged) now = judged(mapped(now, transaction), transaction)
    for (const effect of transaction.effects) {
      if (effect.is(setTracked)) now = effect.value
      else if (effect.is(setFate)) now = now.map((one) => (one.block.id === effect.value.id ? { ...one, fate: effect.value.fate } : one))
    }
    return now
  },
})

/** A block freshly handed out at `from`. */
export function fresh(block: Block, from: number): Tracked {
  return { block, from, to: from + block.text.length, parts: block.parts.map((part) => ({ from: from + part.from, to: from + part.to })), dirty: false, fate: '' }
}

function moved(one: Tracked, changes: ChangeDesc): Tracked {
  const range = ({ from, to }: Range) => ({ from: changes.mapPos(from, -1), to: changes.mapPos(to, 1) })
  return { ...one, from: changes.mapPos(one.from, -1), to: changes.mapPos(one.to, -1), parts: one.parts.map(range) }
}

function mapped(before: readonly Tracked[], transaction: Transaction): readonly Tracked[] {
  const back = restoredBy(transaction)
  const length = transaction.newDoc.length
  let untouched = Infinity
  transaction.changes.iterChangedRanges((from) => {
    untouched = Math.min(untouched, from)
  })
  let end = 0
  return before.map((one, at) => {
    // Most typing is at the end of a long document: what lies before it is as it was.
    if (one.to < untouched && at < before.length - 1) {
      end = one.to
      return one
    }
    const known = back.get(one.block.id)
    const next = known === undefined ? moved(one, transaction.changes) : { ...one, from: known.from, to: known.to, parts: known.parts }
    // Blocks lie end to end, parts one after the other: what was typed on a border belongs to one side only.
    const from = end
    const to = at === before.length - 1 ? length : Math.max(from, next.to)
    end = to
    let last = from
    const parts = next.parts.map((part) => {
      const start = Math.min(to, Math.max(last, part.from))
      last = Math.min(to, Math.max(start, part.to))
      return { from: start, to: last }
    })
    return { ...next, from, to, parts }
  })
}

function restoredBy(transaction: Transaction): Map<number, Range & { parts: readonly Range[] }> {
  const found = transaction.effects.flatMap((effect) => (effect.is(restored) ? [effect.value] : []))
  return new Map(found.flatMap(({ at, blocks }) => blocks.map(({ id, from, to, parts }) => [id, { from: from + at, to: to + at, parts: parts.map((part) => ({ from: part.from + at, to: part.to + at })) }] as const)))
}

/** Blocks that a change touched are dirty, until they read again as they were handed out. */
function judged(now: readonly Tracked[], transaction: Transaction): readonly Tracked[] {
  const touched: Range[] = []
  transaction.changes.iterChangedRanges((_a, _b, from, to) => touched.push({ from, to }), true)
  return now.map((one) => {
    if (!touched.some(({ from, to }) => from <= one.to && to >= one.from)) return one
    return { ...one, dirty: transaction.newDoc.sliceString(one.from, one.to) !== one.block.text }
  })
}

/** The block that holds a position; a border belongs to what follows it. */
export function blockAt(all: readonly Tracked[], position: number): Tracked | undefined {
  return all.findLast((one) => one.from <= position && (one.to > position || one === all.at(-1)))
}

/** Stretches that stand as they are: cues, what is no text, and the line breaks that hold blocks apart. */
function fixedRanges(all: readonly Tracked[], transaction: Transaction): number[] {
  const deleted: Range[] = []
  transaction.changes.iterChangedRanges((from, to) => deleted.push({ from, to }), true)
  const ranges: number[] = []
  const add = (from: number, to: number) => {
    const last = ranges.at(-1)
    if (last !== undefined && from <= last) ranges[ranges.length - 1] = Math.max(last, to)
    else ranges.push(Math.max(0, from), to)
  }
  for (const one of all) {
    const { block, from, to } = one
    const text = from + block.text.trimEnd().length
    const gone = block.strikable && deleted.some((range) => range.from <= from && range.to >= Math.min(text, to))
    if (to === from || gone || !deleted.some((range) => range.from <= to + 1 && range.to >= from - 1)) continue
    if (block.fixed) add(from - 1, Math.min(to, text + 1))
    else if (block.kind === 'summary') add(from - 1, from + 2)
    else if (block.cue.to > 0) add(from - 1, from + block.cue.to + 1)
    else add(from - 1, from)
  }
  return ranges
}

export function tracking(): Extension {
  return [
    tracked,
    EditorState.changeFilter.of((transaction) => (transaction.docChanged ? fixedRanges(transaction.startState.field(tracked), transaction) : true)),
    invertedEffects.of((transaction) => {
      if (!transaction.docChanged || transaction.effects.some((effect) => effect.is(setTracked))) return []
      const now = transaction.state.field(tracked)
      const emptied = transaction.startState.field(tracked).filter((one, at) => squeezed(one, now[at]))
      const began: { from: number; at: number }[] = []
      transaction.changes.iterChangedRanges((from, to, at) => {
        if (to > from) began.push({ from, at })
      }, true)
      const [first] = began
      return emptied.length === 0 || first === undefined ? [] : [restored.of(emptiedFrom(first, emptied))]
    }),
  ]
}

function emptiedFrom({ from, at }: { from: number; at: number }, emptied: readonly Tracked[]): Emptied {
  const range = (one: Range) => ({ from: one.from - from, to: one.to - from })
  return { at, blocks: emptied.map((one) => ({ id: one.block.id, ...range(one), parts: one.parts.map(range) })) }
}

function squeezed(before: Tracked, now: Tracked | undefined): boolean {
  if (now === undefined || now.block.id !== before.block.id) return false
  return (before.to > before.from && now.to === now.from) || before.parts.some((part, at) => part.to > part.from && now.parts[at]?.to === now.parts[at]?.from)
}

export interface Sync {
  changes: { from: number; to: number; insert: string }[]
  tracked: Tracked[]
}

/** As a step that nobody undoes: it is what happened, not what was typed. */
export function stepOf(sync: Sync): TransactionSpec {
  return { changes: sync.changes, effects: setTracked.of(sync.tracked), annotations: [Transaction.addToHistory.of(false), Transaction.remote.of(true)], filter: false }
}

/** How the document becomes `blocks`, leaving alone what somebody is at. Null if nothing differs. */
export function reconciled(state: EditorState, blocks: readonly Block[], at: (one: Tracked) => boolean): Sync | null {
  const old = state.field(tracked)
  const places = new Map(old.map((one, index) => [one.block.id, index]))
  const known = blocks.flatMap((block) => places.get(block.id) ?? [])
  if (known.some((place, index) => index > 0 && place < (known[index - 1] ?? 0))) return whole(state, blocks)
  const changes: Sync['changes'] = []
  const result: Tracked[] = []
  let next = 0
  let position = 0
  let differs = old.length !== blocks.length
  const drop = (upTo: number) => {
    for (; next < upTo; next++) {
      const one = old[next]
      if (one !== undefined && one.to > one.from) changes.push({ from: one.from, to: one.to, insert: '' })
      differs = true
    }
  }
  for (const block of blocks) {
    const place = places.get(block.id)
    if (place !== undefined) drop(place)
    const one = place === undefined ? undefined : old[place]
    if (one === undefined) {
      const from = old[next]?.from ?? state.doc.length
      changes.push({ from, to: from, insert: block.text })
      result.push(fresh(block, position))
      differs = true
    } else if (at(one)) {
      next += 1
      result.push(shifted(one, position - one.from))
    } else {
      next += 1
      const text = state.doc.sliceString(one.from, one.to)
      if (text !== block.text) changes.push(...difference(one.from, text, block.text))
      differs ||= text !== block.text || one.dirty || one.fate !== '' || !sameBlock(one.block, block)
      result.push(fresh(block, position))
    }
    position = result.at(-1)?.to ?? position
  }
  drop(old.length)
  return differs ? { changes, tracked: result } : null
}

function whole(state: EditorState, blocks: readonly Block[]): Sync {
  let position = 0
  const result = blocks.map((block) => {
    const one = fresh(block, position)
    position = one.to
    return one
  })
  return { changes: [{ from: 0, to: state.doc.length, insert: blocks.map((block) => block.text).join('') }], tracked: result }
}

function shifted(one: Tracked, by: number): Tracked {
  if (by === 0) return one
  const range = ({ from, to }: Range) => ({ from: from + by, to: to + by })
  return { ...one, ...range(one), parts: one.parts.map(range) }
}

/** Only what differs: a cursor in the rest stays where it is. */
function difference(from: number, before: string, after: string): Sync['changes'] {
  const most = Math.min(before.length, after.length)
  let head = 0
  while (head < most && before[head] === after[head]) head++
  let tail = 0
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++
  return [{ from: from + head, to: from + before.length - tail, insert: after.slice(head, after.length - tail) }]
}
