/** GET /api/characters: everybody in short. */
import { useQuery } from '@tanstack/react-query'

import { everything } from '@/lib/api/client'
import type { CharacterSummary } from '@/lib/api/types'

export const CHARACTERS = ['characters'] as const

export function useCharacters() {
  return useQuery({ queryKey: CHARACTERS, queryFn: ({ signal }) => everything<CharacterSummary>('/api/characters', 500, signal) })
}
