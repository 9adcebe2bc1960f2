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

/** Engines may be listed by name alone or with what is known about them. */
export function engineInfo(engine: string | EngineInfo): EngineInfo {
  return typeof engine === 'string' ? { name: engine } : engine
}
