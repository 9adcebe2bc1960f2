import { describe, expect, it } from 'vitest'

import type { Fact } from '@/lib/transcript/fact'
import { fold } from '@/lib/transcript/fold'
import { notesInForce } from '@/lib/transcript/steering'

import { cardsOf, stacked } from './cards'

let last = 0
function fact(kind: string, body: object): Fact {
  last += 1
  return { seq: last, kind, at: '2026-01-01T00:00:00Z', by: { role: 'director', id: 'local', name: '' }, place: '', body } as Fact
}

describe('the margin', () => {
  it('holds notes, whispers and open advice beside the block that they follow', () => {
    last = 0
    const facts = [
      fact('joined', { member: 'mirelle', role: 'character', name: 'Mirelle' }),
      fact('noted', { text: 'Be curt', character: 'mirelle', scope: 'once' }),
      fact('said', { utterance: 'U', text: 'Hm' }),
      fact('recommended', { recommendation: 'r1', category: 'tone', text: 'Colder', character: 'mirelle' }),
      fact('recommended', { recommendation: 'r2', category: 'plot', text: 'No' }),
      fact('whispered', { character: 'mirelle', text: 'The key' }),
      fact('recommendation_decided', { recommendation: 'r2', state: 'rejected' }),
      fact('noted', { text: 'Gone' }),
      fact('noted', { text: '', removes: 8 }),
    ]
    const { view } = fold(facts)
    const cards = cardsOf(view, new Map(notesInForce(view).map(({ note, left }) => [note.seq, left])))
    expect(cards.map(({ kind, block, text, character, left }) => [kind, block, text, character, left])).toEqual([
      ['note', 1, 'Be curt', 'Mirelle', 1],
      ['recommendation', 3, 'Colder', 'Mirelle', null],
      ['whisper', 3, 'The key', 'Mirelle', null],
    ])
  })

  it('lets no card cover another', () => {
    expect(stacked([0, 10, 300], [50, 40, 20], 8)).toEqual([0, 58, 300])
  })
})
