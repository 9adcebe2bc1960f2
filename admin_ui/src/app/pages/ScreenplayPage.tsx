/** The screenplay by itself, as large as the window, to be edited while the table plays. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Header } from '@/app/Header'
import { href } from '@/app/router'
import { Icon } from '@/components/Icon'
import { Sheet } from '@/components/Sheet'
import { Failure, Skeleton } from '@/components/States'
import { type FactsFeed, ScreenplayEditor, useFacts } from '@/features/desk/editor'
import { TurnFigures } from '@/features/desk/metrics'
import { useObservable } from '@/lib/useObservable'

export function ScreenplayPage({ session, onSettings }: { session: string; onSettings: () => void }) {
  const feed = useFacts(session)
  if (feed === null) return <Skeleton className="m-4 flex-1" />
  return <Page feed={feed} session={session} onSettings={onSettings} />
}

function Page({ feed, session, onSettings }: { feed: FactsFeed; session: string; onSettings: () => void }) {
  const { t } = useTranslation()
  const transcript = useObservable(feed.transcript$)
  const [figures, setFigures] = useState(false)
  const { view } = transcript
  const state = useObservable(feed.state$)
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <Header back onSettings={onSettings}>
        <h1 className="mr-auto min-w-0 truncate font-serif text-lg sm:border-l sm:border-line sm:pl-3">{view.title || t('desk.editor.label')}</h1>
        <span role="status" data-testid="facts-state" data-state={state.kind} className="shrink-0 text-xs text-muted">
          {t(`desk.editor.feed_${state.kind}`)}
        </span>
        <a href={href({ at: 'desk', session })} className="icon-btn btn-quiet" aria-label={t('desk.title')} title={t('desk.title')} data-testid="desk-link">
          <Icon name="people" />
        </a>
        <button type="button" className="icon-btn btn-quiet" aria-label={t('desk.metrics.title')} title={t('desk.metrics.title')} data-testid="figures-button" onClick={() => setFigures(true)}>
          <Icon name="clock" />
        </button>
      </Header>
      <main className="flex min-h-0 flex-1 flex-col">
        {state.kind === 'refused' && (
          <div className="mx-auto w-full max-w-xl p-6">
            <Failure error={state.error} />
          </div>
        )}
        {state.kind !== 'refused' && <ScreenplayEditor session={session} transcript$={feed.transcript$} />}
      </main>
      {figures && (
        <Sheet side title={t('desk.metrics.title')} onClose={() => setFigures(false)}>
          <TurnFigures transcript={transcript} />
        </Sheet>
      )}
    </div>
  )
}
