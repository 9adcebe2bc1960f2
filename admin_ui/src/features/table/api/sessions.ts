/** /api/sessions: the list, and opening one. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { type Page, request } from '@/lib/api/client'

export interface SessionSummary {
  id: string
  title: string
  mode: string
  cast: { slug: string; name: string }[]
  head: number
  created_at: string
  active_at: string
}

export interface NewSession {
  title: string
  cast: string[]
  mode: 'auto'
  scene: { heading: string; description: string } | null
}

const KEY = ['sessions'] as const

export function useSessions() {
  return useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await request<Page<SessionSummary>>('/api/sessions?limit=30', { signal })).items,
  })
}

export function useOpenSession() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (body: NewSession) => request<SessionSummary>('/api/sessions', { method: 'POST', body }),
    onSuccess: () => queries.invalidateQueries({ queryKey: KEY }),
  })
}
