/** The director's desk of one session: for whoever steers the characters. */
import { useTranslation } from 'react-i18next'

import { Header } from '@/app/Header'
import { href } from '@/app/router'
import { Icon } from '@/components/Icon'
import { Skeleton } from '@/components/States'
import { Desk, type DeskSession, OwnVoiceLamp, Panic, Stop, useDesk } from '@/features/desk'
import { useNow } from '@/lib/useNow'
import { useObservable } from '@/lib/useObservable'

export function DeskPage({ session, onSettings }: { session: string; onSettings: () => void }) {
  const desk = useDesk(session)
  if (desk === null) return <Skeleton className="m-4 flex-1" />
  return <Room desk={desk} onSettings={onSettings} />
}

const DOT = { open: 'bg-good', connecting: 'bg-accent animate-pulse', waiting: 'bg-danger animate-pulse', refused: 'bg-danger', closed: 'bg-muted' }

function Room({ desk, onSettings }: { desk: DeskSession; onSettings: () => void }) {
  const { t } = useTranslation()
  const { view } = useObservable(desk.transcript$)
  const connection = useObservable(desk.state$)
  const cast = [...view.members.values()].filter((member) => member.role === 'character' && member.present)
  const refused = connection.kind === 'refused'
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <Header back onSettings={onSettings}>
        <h1 className="mr-auto flex min-w-0 items-center gap-2 font-serif text-lg sm:border-l sm:border-line sm:pl-3 max-sm:sr-only">
          <span className="truncate">{view.title || cast.map((member) => member.name).join(', ')}</span>
          <span className="chip shrink-0 font-sans max-lg:hidden">{t('desk.title')}</span>
        </h1>
        <Connection desk={desk} />
        <span className="max-lg:hidden">
          <OwnVoiceLamp desk={desk} />
        </span>
        <nav aria-label={t('desk.rooms')} className="flex items-center">
          <a href={href({ at: 'screenplay', session: desk.id })} className="icon-btn btn-quiet max-sm:hidden" aria-label={t('screenplay.label')} title={t('screenplay.label')} data-testid="screenplay-link">
            <Icon name="edit" />
          </a>
          {cast[0] !== undefined && (
            <a href={href({ at: 'table', slug: cast[0].id, session: desk.id })} className="icon-btn btn-quiet max-sm:hidden" aria-label={t('desk.to_table')} title={t('desk.to_table')} data-testid="table-link">
              <Icon name="table" />
            </a>
          )}
          <button type="button" className="icon-btn btn-quiet" aria-label={t('desk.prompter')} title={`${t('desk.prompter')} (Y)`} data-testid="prompter-button" onClick={() => desk.stand.turn({ prompter: true })}>
            <Icon name="prompter" />
          </button>
          <button type="button" className="icon-btn btn-quiet font-serif text-lg max-lg:hidden" aria-label={t('keys.title')} title={`${t('keys.title')} (?)`} data-testid="keys-button" onClick={() => desk.stand.turn({ help: true })}>
            ?
          </button>
        </nav>
        <Stop desk={desk} />
        <Panic desk={desk} />
      </Header>
      {refused && view.seq === 0 ? (
        <div role="alert" className="mx-auto flex w-full max-w-xl flex-col items-center gap-3 px-6 py-12 text-center">
          <p className="font-serif text-2xl">{t('connection.refused')}</p>
          <p className="text-muted">{connection.detail}</p>
          <a href={href({ at: 'company' })} className="btn btn-primary">
            {t('nav.back')}
          </a>
        </div>
      ) : (
        <Desk desk={desk} />
      )}
    </div>
  )
}

function Connection({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const state = useObservable(desk.state$)
  const now = useNow(250, state.kind === 'waiting')
  const seconds = state.kind === 'waiting' ? Math.max(1, Math.ceil((state.retryAt - now) / 1000)) : 0
  return (
    <span className="inline-flex items-center gap-2 text-xs text-muted" data-testid="connection-state" data-state={state.kind} role="status">
      <span className={`size-2 shrink-0 rounded-full ${DOT[state.kind]}`} />
      <span className={state.kind === 'open' ? 'sr-only' : 'max-sm:sr-only'}>{t(`connection.${state.kind}`, { seconds })}</span>
      {(state.kind === 'waiting' || state.kind === 'refused') && (
        <button type="button" className="font-medium text-accent underline underline-offset-2" onClick={() => desk.retryNow()}>
          {t('common.retry')}
        </button>
      )}
    </span>
  )
}
