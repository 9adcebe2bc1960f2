/** GET and PATCH /api/settings: the settings in force and the live overrides. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { request } from '@/lib/api/client'
import { STATUS_KEY } from '@/lib/api/status'

import type { SchemaNode } from '../schema'

type Tree = Record<string, Record<string, unknown> | undefined>

export interface Settings {
  settings: Tree
  schema: SchemaNode
  version: number
  overrides: Tree
}

const KEY = ['settings'] as const

export function useSettings() {
  return useQuery({ queryKey: KEY, queryFn: ({ signal }) => request<Settings>('/api/settings', { signal }), staleTime: 0 })
}

/** Change one field; null takes the override back. Refused if somebody else changed the settings since they were read. */
export function usePatchSetting() {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ section, name, value, base }: { section: string; name: string; value: unknown; base: number }) => request<unknown>('/api/settings', { method: 'PATCH', body: { patch: { [section]: { [name]: value } }, base_version: base } }),
    onSettled: async () => {
      await queries.invalidateQueries({ queryKey: KEY })
      await queries.invalidateQueries({ queryKey: STATUS_KEY })
    },
  })
}
