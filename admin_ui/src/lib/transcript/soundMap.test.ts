import { describe, expect, it } from 'vitest'

import { codePoints, splitAt } from '@/lib/transcript/codePoints'
import { placeAt, type SoundMap } from '@/lib/transcript/soundMap'

const MAP: SoundMap = {
  sentences: new Map([
    [10, 0],
    [11, 1000],
  ]),
  words: new Map([
    [
      10,
      [
        { start: 0, end: 4, at_ms: 20 },
        { start: 5, end: 9, at_ms: 500 },
      ],
    ],
  ]),
}

describe('placeAt', () => {
  it('finds the word under the play head', () => {
    expect(placeAt(MAP, 'L', 10)).toEqual({ line: 'L', seq: 10, word: null })
    expect(placeAt(MAP, 'L', 499)).toEqual({ line: 'L', seq: 10, word: { start: 0, end: 4 } })
    expect(placeAt(MAP, 'L', 500)).toEqual({ line: 'L', seq: 10, word: { start: 5, end: 9 } })
  })

  it('names only the sentence where the engine marks no words', () => {
    expect(placeAt(MAP, 'L', 1500)).toEqual({ line: 'L', seq: 11, word: null })
  })

  it('finds nothing where nothing was announced', () => {
    expect(placeAt({ sentences: new Map(), words: new Map() }, 'L', 5)).toBeNull()
  })
})

describe('code points', () => {
  it('splits behind characters that take two units', () => {
    expect(splitAt('😀😀x', 2)).toEqual(['😀😀', 'x'])
    expect(splitAt('abc', 9)).toEqual(['abc', ''])
    expect(codePoints('😀é文')).toBe(3)
  })
})
