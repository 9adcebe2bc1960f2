import { describe, expect, it } from 'vitest'

import { type CardData, dataOf, formOf } from './card'
import { matching } from './search'

const CARD: CardData = {
  name: 'Mirelle',
  description: 'An innkeeper.',
  tags: ['inn', 'gossip'],
  character_book: { entries: [{ keys: ['stew'] }] },
  extensions: { depth_prompt: { depth: 4 }, souffleur: { language: 'en', color: '#b5651d', future: 1, voice: { engine: 'piper', name: 'amy', rate: 1.1, options: { clip: 'x' } } } },
}

describe('the card form', () => {
  it('gives back what it was given, keys it does not know included', () => {
    const back = dataOf(formOf(CARD), CARD)
    expect(back).toMatchObject(CARD)
    expect(dataOf(formOf(back), back)).toEqual(back)
  })

  it('writes edits where they belong', () => {
    const back = dataOf({ ...formOf(CARD), tagline: ' Hears all. ', tags: 'a， b,,c ', alternate_greetings: ['', ' Hi '], voice_name: '', rate: 0.8 }, CARD)
    expect(back.tags).toEqual(['a', 'b', 'c'])
    expect(back.alternate_greetings).toEqual(['Hi'])
    expect(back.extensions?.souffleur).toMatchObject({ tagline: 'Hears all.', future: 1, voice: { name: '', rate: 0.8, options: { clip: 'x' } } })
  })

  it('starts from nothing', () => {
    expect(formOf({})).toMatchObject({ name: '', rate: 1, pitch: 1, volume: 1, alternate_greetings: [] })
  })
})

describe('search', () => {
  const character = (slug: string, name: string, tags: string[], language: string) => ({ slug, name, tagline: '', tags, language, color: '', voice: {}, sample: false, updated_at: '' })
  const all = [character('mirelle', 'Mirelle Ashgrove', ['innkeeper'], 'en'), character('zoe', 'Zoë', ['guide'], 'fr'), character('gorynych', 'Горыныч', ['dragon'], 'ru')]

  it('finds by name, tag and language, whatever the case and accents, all words needed', () => {
    expect(matching(all, 'ZOE').map((found) => found.slug)).toEqual(['zoe'])
    expect(matching(all, 'горын').map((found) => found.slug)).toEqual(['gorynych'])
    expect(matching(all, 'mirelle innk').map((found) => found.slug)).toEqual(['mirelle'])
    expect(matching(all, 'mirelle dragon')).toEqual([])
    expect(matching(all, '  ')).toHaveLength(3)
  })
})
