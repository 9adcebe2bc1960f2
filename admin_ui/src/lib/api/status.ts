/** GET /api/status: what runs here and what the table must know about it. */
import { useQuery } from '@tanstack/react-query'

import { request } from '@/lib/api/client'
import type { EngineInfo, Status } from '@/lib/api/types'

export const STATUS_KEY = ['status'] as const

export function useStatus() {
  return useQuery({
    queryKey: STATUS_KEY,
    queryFn: ({ signal }) => request<Status>('/api/status', { signal }),
    refetchInterval: 20_000,
    staleTime: 5_000,
  })
}

/** The language model that would answer now: the first of the chain that is ready. */
export function nextMind({ chain, engines }: Status['engines']['llm']): EngineInfo | undefined {
  return chain.map((name) => engines.find((engine) => engine.name === name)).find((engine) => engine?.ready)
}
