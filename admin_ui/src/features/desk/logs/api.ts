/** GET /api/logs: pages of what was logged, the newest first, and new entries as they are written. */
import { useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { type Page, request } from '@/lib/api/client'

export const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const

export interface Entry {
  id: number
  at: string
  level: string
  service: string
  event: string
  session: string
  fields: Record<string, unknown>
}

export interface Filters {
  q: string
  /** This one and graver ones; empty = all. */
  level: string
  service: string
  session: string
  /** As the browser's own field writes them, in local time; empty = no bound. */
  since: string
  until: string
}

export const NO_FILTERS: Filters = { q: '', level: '', service: '', session: '', since: '', until: '' }

/** The query's text; times go as UTC. */
export function queryOf(filters: Filters): URLSearchParams {
  const query = new URLSearchParams()
  for (const name of ['q', 'level', 'service', 'session'] as const) if (filters[name].trim() !== '') query.set(name, filters[name].trim())
  for (const name of ['since', 'until'] as const) {
    const moment = filters[name] === '' ? NaN : Date.parse(filters[name])
    if (!Number.isNaN(moment)) query.set(name, new Date(moment).toISOString())
  }
  return query
}

export function useLogs(filters: Filters) {
  return useInfiniteQuery({
    queryKey: ['logs', queryOf(filters).toString()],
    initialPageParam: '',
    queryFn: ({ signal, pageParam }) => {
      const query = queryOf(filters)
      query.set('limit', '100')
      if (pageParam !== '') query.set('cursor', pageParam)
      return request<Page<Entry>>(`/api/logs?${query.toString()}`, { signal })
    },
    getNextPageParam: (page) => page.next_cursor,
    staleTime: 0,
  })
}

/** Kept of what came live; older entries are a page away. */
const LIVE_KEPT = 1000

export type Feed = 'off' | 'live' | 'waiting'

/** Entries that were written since, the newest first. A new filter begins anew. */
export function useLiveLogs(filters: Filters, on: boolean): { entries: readonly Entry[]; feed: Feed } {
  const query = queryOf(filters).toString()
  const [state, setState] = useState<{ query: string; entries: readonly Entry[]; feed: Feed }>({ query, entries: [], feed: 'off' })
  useEffect(() => {
    if (!on) return
    const source = new EventSource(`/api/logs/live?${query}`)
    const change = (feed: Feed, entry?: Entry) =>
      setState((before) => {
        const known = before.query === query ? before.entries : []
        return { query, feed, entries: entry === undefined ? known : [entry, ...known].slice(0, LIVE_KEPT) }
      })
    source.onopen = () => change('live')
    source.onerror = () => change('waiting')
    source.addEventListener('log', (event: MessageEvent<string>) => change('live', JSON.parse(event.data) as Entry))
    return () => source.close()
  }, [query, on])
  const current = state.query === query
  return { entries: current ? state.entries : [], feed: on ? (current ? state.feed : 'waiting') : 'off' }
}

/** Both in one, the newest first, none twice. */
export function merged(live: readonly Entry[], pages: readonly Entry[]): Entry[] {
  return [...new Map([...pages, ...live].map((entry) => [entry.id, entry])).values()].sort((one, other) => other.id - one.id)
}
