import { describe, expect, it } from 'vitest'

import type { SentenceEntry } from '@/lib/transcript/view'

import { changed, joined, lengthened, opened } from './draft'

const sentence = (seq: number, text: string): SentenceEntry => ({ seq, index: seq, text, emotion: 'joy', intensity: 0.7, manner: 'plain', engine: '', heard: null, struck: false, edited: false, touched: seq })
const line = (attempt: number, ...sentences: SentenceEntry[]) => ({ attempt, sentences })
const texts = (draft: ReturnType<typeof opened>) => draft.rows.map((row) => row.text)

describe('a draft under the hand', () => {
  it('takes what arrives later behind what is edited, once', () => {
    const edited = lengthened(changed(opened(line(1, sentence(4, 'One.'))), 0, { text: 'My one.' }))
    const more = line(1, sentence(4, 'One.'), sentence(6, 'Two.'), sentence(7, 'Three.'))
    const longer = joined(edited, more)
    expect(texts(longer)).toEqual(['My one.', '', 'Two.', 'Three.'])
    expect(longer.rows[3]).toEqual({ text: 'Three.', emotion: 'joy', intensity: 0.7, manner: 'plain' })
    expect(joined(longer, more)).toBe(longer)
  })

  it('begins with nothing where nothing has arrived', () => {
    const empty = opened(line(1))
    expect(texts(joined(empty, line(1, sentence(4, 'One.'))))).toEqual(['One.'])
  })

  it('does not take its own wording for more when it comes back released', () => {
    const draft = opened(line(1, sentence(4, 'One.')))
    expect(joined(draft, line(2, sentence(9, 'My one.')))).toBe(draft)
  })
})
