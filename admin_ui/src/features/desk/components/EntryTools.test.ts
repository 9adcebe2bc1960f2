import { describe, expect, it } from 'vitest'

import type { SentenceEntry } from '@/lib/transcript/view'

import type { Correction } from '../api/acts'
import { type Changeable, change, wordsOf } from './EntryTools'

const WAS: SentenceEntry = { seq: 6, index: 0, text: 'Well met.', emotion: 'joy', intensity: 0.8, manner: 'plain', engine: '', heard: null, struck: false, edited: true, touched: 11 }

function told(text: string, emotion = 'joy'): Correction[] {
  const corrections: Correction[] = []
  change({ correct: (correction) => Promise.resolve(corrections.push(correction) > 0) }, WAS, { text, emotion, intensity: 0.8, manner: 'plain' })
  return corrections
}

describe("a sentence changed among the desk's entries", () => {
  it('is told against what was seen, also where it is emptied', () => {
    expect(told('Well.')).toEqual([{ kind: 'edit', target: 6, text: 'Well.', base: 11 }])
    expect(told('  ')).toEqual([{ kind: 'strike', targets: [6], base: 11 }])
    expect(told('Well met.', 'fear')).toMatchObject([{ kind: 'edit', target: 6, base: 11, emotion: 'fear' }])
    expect(told('Well met.')).toEqual([])
  })
})

describe('the words of an entry', () => {
  it('are those of every sentence of a line, and its own where it is no line or was inserted', () => {
    const line = { type: 'line', seq: 4, inserted: false, sentences: [WAS, { ...WAS, seq: 9 }] } as unknown as Changeable
    expect(wordsOf(line)).toEqual([6, 9])
    expect(wordsOf({ ...line, inserted: true })).toEqual([4])
    expect(wordsOf({ type: 'said', seq: 3 } as Changeable)).toEqual([3])
  })
})
