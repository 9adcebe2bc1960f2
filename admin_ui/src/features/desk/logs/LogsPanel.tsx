/** The house's log: search, filters, live entries, every field of each. */
import { useDeferredValue, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Empty, Failure, Skeleton } from '@/components/States'
import { Problem } from '@/lib/api/client'

import { type Filters, merged, NO_FILTERS, useLiveLogs, useLogs } from './api'
import { EntryRow } from './EntryRow'
import { FilterBar } from './FilterBar'

interface Props {
  /** Begin with the entries of one session. */
  session?: string
  className?: string
}

export function LogsPanel({ session = '', className = '' }: Props) {
  const { t } = useTranslation()
  const [filters, setFilters] = useState<Filters>({ ...NO_FILTERS, session })
  const [following, setFollowing] = useState(true)
  const settled = useSettled(filters)
  // An end in the past has no news.
  const live = useLiveLogs(settled, following && settled.until === '')
  const logs = useLogs(settled)
  const pages = logs.data?.pages.flatMap((page) => page.items) ?? []
  const entries = useDeferredValue(merged(live.entries, pages))
  return (
    <section aria-label={t('desk.logs.title')} data-testid="logs" className={`flex min-h-0 min-w-0 flex-1 flex-col bg-paper ${className}`}>
      <FilterBar filters={filters} onChange={setFilters} following={following} onFollow={setFollowing} feed={live.feed} services={[...new Set(entries.map((entry) => entry.service))].sort()} />
      <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain" tabIndex={0} aria-label={t('desk.logs.title')} role="log" aria-live="off">
        {logs.isPending && <Loading />}
        {logs.isError && (
          <div className="mx-auto max-w-2xl p-5">
            {logs.error instanceof Problem && (logs.error.status === 404 || logs.error.status === 403) ? <Empty title={t('desk.logs.unavailable')}>{t('desk.logs.unavailable_hint')}</Empty> : <Failure error={logs.error} onRetry={() => void logs.refetch()} />}
          </div>
        )}
        {logs.isSuccess && entries.length === 0 && (
          <div className="mx-auto max-w-2xl p-5">
            <Empty title={t('desk.logs.empty')}>{t('desk.logs.empty_hint')}</Empty>
          </div>
        )}
        <ol className="divide-y divide-line/50">
          {entries.map((entry) => (
            <EntryRow key={entry.id} entry={entry} onSession={(id) => setFilters({ ...filters, session: id })} />
          ))}
        </ol>
        {logs.hasNextPage && (
          <div className="flex justify-center p-4">
            <button type="button" className="btn" data-testid="logs-more" disabled={logs.isFetchingNextPage} onClick={() => void logs.fetchNextPage()}>
              <Icon name="down" className="size-4" />
              {t('desk.logs.more')}
            </button>
          </div>
        )}
      </div>
    </section>
  )
}

function Loading() {
  return (
    <div className="flex flex-col gap-2 p-4" data-testid="logs-loading">
      {Array.from({ length: 8 }, (_, at) => (
        <Skeleton key={at} className="h-7" />
      ))}
    </div>
  )
}

const TYPING_MS = 300

/** The filters as they are when nobody types any more. */
function useSettled(filters: Filters): Filters {
  const [settled, setSettled] = useState(filters)
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null)
  useEffect(() => {
    timer.current = setTimeout(() => setSettled(filters), TYPING_MS)
    return () => {
      if (timer.current !== null) clearTimeout(timer.current)
    }
  }, [filters])
  return settled
}
