/** What the desk's panels read and change beside the transcript. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { everything, type Page, request } from '@/lib/api/client'
import type { CharacterSummary, VoiceProfile } from '@/lib/api/types'

export interface Bus {
  kind: string
  connected: boolean
  depth: number | null
  dead: number | null
}

export interface DeadLetter {
  id: string
  attempts: number
  reason: string
  at: string
  correction: { kind: string; session: string; body: Record<string, unknown>; detail: string } | null
}

const BUS = ['bus'] as const
const DEAD = ['bus', 'dead'] as const

export function useBus(watched: boolean) {
  return useQuery({ queryKey: BUS, queryFn: ({ signal }) => request<Bus>('/api/bus', { signal }), refetchInterval: watched ? 2_000 : 15_000, retry: false })
}

export function useDeadLetters() {
  return useQuery({ queryKey: DEAD, queryFn: async ({ signal }) => (await request<Page<DeadLetter>>('/api/bus/dead', { signal })).items, refetchInterval: 5_000, retry: false })
}

export function useDeadActs() {
  const queries = useQueryClient()
  const options = { onSettled: () => queries.invalidateQueries({ queryKey: BUS }) }
  const path = (id: string) => `/api/bus/dead/${encodeURIComponent(id)}`
  return {
    retry: useMutation({ mutationFn: (id: string) => request<unknown>(`${path(id)}/retry`, { method: 'POST' }), ...options }),
    drop: useMutation({ mutationFn: (id: string) => request<unknown>(path(id), { method: 'DELETE' }), ...options }),
  }
}

export interface Memory {
  id: string
  character: string
  text: string
  importance: number
  session: string
  sources: number[]
  present: string[]
  created_at: string
}

const MEMORIES = ['memories'] as const

/** The newest first, page by page. */
export function useMemories(character: string, words: string) {
  return useInfiniteQuery({
    queryKey: [...MEMORIES, character, words],
    queryFn: ({ pageParam, signal }) => request<Page<Memory>>(memoriesPath(character, words, pageParam), { signal }),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
    select: ({ pages }) => pages.flatMap((page) => page.items),
    enabled: character !== '',
    retry: false,
  })
}

export function memoriesPath(character: string, words: string, cursor: string): string {
  const wanted = new URLSearchParams({ character, ...(words === '' ? {} : { q: words }), ...(cursor === '' ? {} : { cursor }) })
  return `/api/memories?${wanted.toString()}`
}

export function useMemoryActs() {
  const queries = useQueryClient()
  const options = { onSettled: () => queries.invalidateQueries({ queryKey: MEMORIES }) }
  const path = (id: string) => `/api/memories/${encodeURIComponent(id)}`
  return {
    save: useMutation({ mutationFn: ({ id, ...body }: { id: string; text?: string; importance?: number }) => request<Memory>(path(id), { method: 'PATCH', body }), ...options }),
    forget: useMutation({ mutationFn: (id: string) => request<undefined>(path(id), { method: 'DELETE' }), ...options }),
  }
}

/** Ask for a digest and advice now; it may take its time. */
export function useAdvice(session: string) {
  return useMutation({ mutationFn: () => request<{ remark: string }>(`/api/sessions/${encodeURIComponent(session)}/advice`, { method: 'POST', body: { what: 'both' }, deadlineMs: 150_000 }) })
}

/** A card's `data`, as far as the quick form knows it; the rest is kept. */
export interface Card {
  name?: string
  description?: string
  personality?: string
  first_mes?: string
  extensions?: { souffleur?: { language?: string; tagline?: string; voice?: VoiceProfile; [other: string]: unknown }; [other: string]: unknown }
  [other: string]: unknown
}

export function useCardDraft() {
  return useMutation({ mutationFn: (body: { sentence: string; language: string }) => request<{ card: Card; engine: string }>('/api/characters/draft', { method: 'POST', body, deadlineMs: 60_000 }) })
}

export function useSaveCard() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (data: Card) => request<{ slug: string }>('/api/characters', { method: 'POST', body: { data } }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['characters'] }),
  })
}

/** Bring a character of the house into the running session. */
export const bringIn = (session: string, slug: string) => request<unknown>(`/api/sessions/${encodeURIComponent(session)}/cast`, { method: 'POST', body: { character: slug } })

export const sendOff = (session: string, slug: string) => request<unknown>(`/api/sessions/${encodeURIComponent(session)}/cast/${encodeURIComponent(slug)}`, { method: 'DELETE' })

/** Every character of the house. */
export function useHouse() {
  return useQuery({ queryKey: ['characters'], queryFn: ({ signal }) => everything<CharacterSummary>('/api/characters', 500, signal) })
}

export interface VoiceChoice {
  id: string
  name: string
  language: string
  engine: string
  character: string | null
}

export function useEngineVoices() {
  return useQuery({
    queryKey: ['voices', 'engines'],
    queryFn: async ({ signal }) => (await request<{ voices: VoiceChoice[] }>('/v1/audio/voices', { signal })).voices.filter((voice) => voice.character === null),
    staleTime: 60_000,
    retry: false,
  })
}
