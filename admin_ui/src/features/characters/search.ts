/** Finds characters by what is on their card. Pure. */
import type { CharacterSummary } from '@/lib/api/types'

/** Every word of the query must stand somewhere in name, tagline, tags, language or slug; accents and case do not count. */
export function matching(characters: readonly CharacterSummary[], query: string): CharacterSummary[] {
  const words = plain(query).split(/\s+/).filter((word) => word !== '')
  return characters.filter((character) => {
    const text = plain([character.name, character.tagline, character.language, character.slug, ...character.tags].join(' '))
    return words.every((word) => text.includes(word))
  })
}

function plain(text: string): string {
  return text.normalize('NFKD').replace(/\p{Mn}/gu, '').toLocaleLowerCase()
}
