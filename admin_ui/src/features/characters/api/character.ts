/** One character: read, save, delete. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/lib/api/client'

import type { CardData } from '../card'
import { CHARACTERS } from './listCharacters'

export interface Character {
  slug: string
  version: number
  sample: boolean
  created_at: string
  updated_at: string
  data: CardData
}

const keyOf = (slug: string) => ['character', slug] as const
const pathOf = (slug: string) => `/api/characters/${encodeURIComponent(slug)}`

export function useCharacter(slug: string | null) {
  return useQuery({
    queryKey: keyOf(slug ?? ''),
    queryFn: ({ signal }) => request<Character>(pathOf(slug ?? ''), { signal }),
    enabled: slug !== null,
    // The form must not change under the hand.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
}

/** Create (no base) or replace what was read as `base`; somebody else's change in between is refused with 409. */
export function useSaveCharacter(base: Character | null) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (data: CardData) =>
      base === null ? request<Character>('/api/characters', { method: 'POST', body: { data } }) : request<Character>(pathOf(base.slug), { method: 'PUT', body: { data, version: base.version } }),
    onSuccess: async (saved) => {
      queries.removeQueries({ queryKey: keyOf(saved.slug) })
      await queries.invalidateQueries({ queryKey: CHARACTERS })
    },
  })
}

export function useDeleteCharacter() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (slug: string) => request<undefined>(pathOf(slug), { method: 'DELETE' }),
    onSuccess: () => queries.invalidateQueries({ queryKey: CHARACTERS }),
  })
}

export interface VoiceEntry {
  id: string
  name: string
  language: string
  engine: string
  /** Slug of the character whose voice it is; null = an engine's own voice. */
  character: string | null
}

/** GET /v1/audio/voices: the engines' own voices to choose from; without it any name can be typed. */
export function useVoices() {
  return useQuery({
    queryKey: ['voices'],
    queryFn: async ({ signal }) => {
      const { voices } = await request<{ voices: VoiceEntry[] }>('/v1/audio/voices', { signal })
      return voices.filter((voice) => voice.character === null)
    },
    staleTime: 60_000,
    retry: false,
  })
}
