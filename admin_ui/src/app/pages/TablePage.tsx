/** The table: stage and controls on one side, the screenplay on the other; on a phone one above the other. */
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Header } from '@/app/Header'
import { href, rename } from '@/app/router'
import { Icon } from '@/components/Icon'
import { Screenplay } from '@/features/screenplay'
import { ConnectionBadge, Dock, Notices, Stage, type TableSession, useTable } from '@/features/table'
import { audible$ } from '@/lib/audio/context'
import { Skeleton } from '@/components/States'
import { usePrefs } from '@/lib/prefs'
import { useObservable } from '@/lib/useObservable'

interface Props {
  slug: string
  session: string
  onSettings: () => void
}

export function TablePage({ slug, session, onSettings }: Props) {
  const table = useTable(slug, session, (seated) => rename({ at: 'table', slug, session: seated }))
  if (table === null) return <Skeleton className="m-4 flex-1" />
  return <Table table={table} onSettings={onSettings} />
}

function Table({ table, onSettings }: { table: TableSession; onSettings: () => void }) {
  const { t } = useTranslation()
  const { view } = useObservable(table.transcript$)
  const pending = useObservable(table.outbox.pending$)
  const attached = useObservable(table.attached$)
  const connection = useObservable(table.state$)
  const names = [...view.members.values()].filter((member) => member.role === 'character' && member.present).map((member) => member.name)
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <Header back onSettings={onSettings}>
        <h1 className="mr-auto min-w-0 truncate font-serif text-lg sm:border-l sm:border-line sm:pl-3">{view.title || names.join(', ') || attached?.cast.map((member) => member.name).join(', ')}</h1>
        <ConnectionBadge table={table} />
        {attached !== null && (
          <a href={href({ at: 'desk', session: attached.session_id })} className="icon-btn btn-quiet" aria-label={t('desk.title')} title={t('desk.title')} data-testid="desk-link">
            <Icon name="desk" />
          </a>
        )}
      </Header>
      {connection.kind === 'refused' ? <Refused detail={connection.detail} /> : <Hushed />}
      <main className={`relative ${connection.kind === 'refused' && attached === null ? 'hidden' : 'grid'} min-h-0 flex-1 lg:grid-cols-[minmax(27rem,5fr)_6fr] max-lg:grid-rows-[auto_minmax(0,1fr)_auto]`}>
        <div className="contents min-h-0 flex-col border-r border-line/70 lg:boards lg:flex">
          <div className="flex min-h-0 flex-1 flex-col max-lg:row-start-1 max-lg:boards max-lg:flex-none">
            <Stage table={table} />
          </div>
          <div className="max-lg:row-start-3 max-lg:border-t max-lg:border-line/70 max-lg:bg-velvet max-lg:pt-2">
            <Dock table={table} />
          </div>
        </div>
        <div className="flex min-h-0 min-w-0 max-lg:row-start-2">
          <Screenplay view={view} spoken$={table.playback.spoken$} pending={pending} session={attached?.session_id ?? ''} />
        </div>
        <Notices table={table} />
        <p className="sr-only">{t('talk.keys')}</p>
      </main>
    </div>
  )
}

/** The session is not there, or not for us; what was read stays readable. */
function Refused({ detail }: { detail: string }) {
  const { t } = useTranslation()
  return (
    <div role="alert" className="mx-auto flex w-full max-w-xl flex-col items-center gap-3 px-6 py-12 text-center">
      <p className="font-serif text-2xl">{t('connection.refused')}</p>
      <p className="text-muted">{detail}</p>
      <a href={href({ at: 'company' })} className="btn btn-primary">
        {t('nav.back')}
      </a>
    </div>
  )
}

/** The audio clock takes a moment to start even where it may. */
const AUDIO_START_MS = 800

/** Browsers play nothing before the first gesture on a page; say so rather than seem broken. */
function Hushed() {
  const { t } = useTranslation()
  const audible = useObservable(audible$)
  const { voices } = usePrefs()
  const [settled, setSettled] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setSettled(true), AUDIO_START_MS)
    return () => clearTimeout(timer)
  }, [])
  if (audible || !voices || !settled) return null
  return (
    <button type="button" data-testid="unlock-sound" className="shrink-0 bg-foot px-4 py-2 text-sm font-medium text-foot-ink">
      {t('stage.unlock')}
    </button>
  )
}
