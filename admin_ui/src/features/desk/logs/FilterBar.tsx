/** What of the log is shown. */
import { type ReactNode, useId, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'

import { type Feed, type Filters, LEVELS, NO_FILTERS } from './api'

interface Props {
  filters: Filters
  onChange: (filters: Filters) => void
  following: boolean
  onFollow: (following: boolean) => void
  feed: Feed
  /** Those that were seen. */
  services: readonly string[]
}

const SMALL = 'field h-10 py-1.5 text-sm'

export function FilterBar({ filters, onChange, following, onFollow, feed, services }: Props) {
  const { t } = useTranslation()
  const [more, setMore] = useState(false)
  const list = useId()
  const set = (patch: Partial<Filters>) => onChange({ ...filters, ...patch })
  const narrowed = Object.values(filters).some((value: string) => value !== '')
  return (
    <div role="search" className="flex shrink-0 flex-wrap items-end gap-2 border-b border-line/70 px-4 py-2.5 max-sm:px-3">
      <Labelled label={t('desk.logs.search')} className="min-w-52 flex-1">
        <input type="search" className={SMALL} value={filters.q} maxLength={500} placeholder={t('desk.logs.search_hint')} data-testid="logs-query" onChange={(event) => set({ q: event.target.value })} />
      </Labelled>
      <Labelled label={t('desk.logs.level')} className="w-36">
        <select className={SMALL} value={filters.level} data-testid="logs-level" onChange={(event) => set({ level: event.target.value })}>
          <option value="">{t('desk.logs.level_any')}</option>
          {LEVELS.map((level) => (
            <option key={level} value={level}>
              {t(`desk.logs.level_${level}`)}
            </option>
          ))}
        </select>
      </Labelled>
      <button type="button" aria-expanded={more} className={`btn sm:hidden ${more ? 'btn-on' : ''}`} onClick={() => setMore(!more)}>
        <Icon name="settings" className="size-4.5" />
      </button>
      <div className={`flex flex-wrap items-end gap-2 ${more ? '' : 'max-sm:hidden'}`}>
        <Labelled label={t('desk.logs.service')} className="w-32">
          <input className={SMALL} list={list} value={filters.service} maxLength={64} placeholder={t('desk.logs.service_any')} data-testid="logs-service" onChange={(event) => set({ service: event.target.value })} />
          <datalist id={list}>
            {services.map((service) => (
              <option key={service} value={service} />
            ))}
          </datalist>
        </Labelled>
        <Labelled label={t('desk.logs.session')} className="w-44">
          <input className={SMALL} value={filters.session} maxLength={64} placeholder={t('desk.logs.session_hint')} data-testid="logs-session" onChange={(event) => set({ session: event.target.value })} />
        </Labelled>
        <Labelled label={t('desk.logs.since')}>
          <input type="datetime-local" step="1" className={SMALL} value={filters.since} data-testid="logs-since" onChange={(event) => set({ since: event.target.value })} />
        </Labelled>
        <Labelled label={t('desk.logs.until')}>
          <input type="datetime-local" step="1" className={SMALL} value={filters.until} data-testid="logs-until" onChange={(event) => set({ until: event.target.value })} />
        </Labelled>
      </div>
      <button type="button" aria-pressed={following} disabled={filters.until !== ''} className={`btn ${following ? 'btn-on' : ''}`} title={t('desk.logs.follow_hint')} data-testid="logs-follow" data-feed={feed} onClick={() => onFollow(!following)}>
        <span className={`size-2 rounded-full ${feed === 'live' ? 'bg-good' : feed === 'waiting' ? 'bg-lamp' : 'bg-muted'}`} />
        {t(following ? 'desk.logs.following' : 'desk.logs.follow')}
        <span role="status" className="sr-only">
          {feed === 'off' ? '' : t(`desk.logs.feed_${feed}`)}
        </span>
      </button>
      {narrowed && (
        <button type="button" className="icon-btn btn-quiet" aria-label={t('desk.logs.clear')} title={t('desk.logs.clear')} data-testid="logs-clear" onClick={() => onChange(NO_FILTERS)}>
          <Icon name="close" />
        </button>
      )}
    </div>
  )
}

function Labelled({ label, className = '', children }: { label: string; className?: string; children: ReactNode }) {
  return (
    <label className={`block ${className}`}>
      <span className="mb-0.5 block text-xs text-muted">{label}</span>
      {children}
    </label>
  )
}
