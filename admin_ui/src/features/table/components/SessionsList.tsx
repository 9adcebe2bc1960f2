/** Sessions that can be taken up again. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Portrait } from '@/components/Portrait'
import { Empty, Failure, Skeleton } from '@/components/States'

import { type SessionSummary, useSessions } from '../api/sessions'

function useWhen(): (iso: string) => string {
  const { i18n } = useTranslation()
  return (iso) => {
    const at = new Date(iso)
    return Number.isNaN(at.getTime()) ? '' : at.toLocaleString(i18n.language, { dateStyle: 'medium', timeStyle: 'short' })
  }
}

interface Props {
  hrefOf: (slug: string, session: string) => string
  /** Where the director of a session sits. */
  deskOf: (session: string) => string
  /** The list names the cast without colours. */
  colorOf: (slug: string) => string
}

export function SessionsList({ hrefOf, deskOf, colorOf }: Props) {
  const { t } = useTranslation()
  const sessions = useSessions()
  if (sessions.isPending) return <Skeleton className="h-20" />
  if (sessions.isError) return <Failure error={sessions.error} onRetry={() => void sessions.refetch()} />
  const open = sessions.data.filter((session) => session.cast.length > 0)
  if (open.length === 0) return <Empty title={t('sessions.empty')}>{t('sessions.empty_hint')}</Empty>
  return (
    <ul className="grid gap-2 sm:grid-cols-2 xl:grid-cols-3">
      {open.map((session) => (
        <SessionItem key={session.id} session={session} href={hrefOf(session.cast[0]?.slug ?? '', session.id)} desk={deskOf(session.id)} colorOf={colorOf} />
      ))}
    </ul>
  )
}

function SessionItem({ session, href, desk, colorOf }: { session: SessionSummary; href: string; desk: string; colorOf: Props['colorOf'] }) {
  const { t } = useTranslation()
  const when = useWhen()
  const names = session.cast.map((member) => member.name).join(', ')
  return (
    <li className="panel flex items-center pr-2 transition-colors hover:border-accent/60">
      <a href={href} data-testid={`session-${session.id}`} className="flex min-w-0 flex-1 items-center gap-3 rounded-2xl p-3">
        <span className="flex -space-x-3">
          {session.cast.slice(0, 3).map((member) => (
            <Portrait key={member.slug} name={member.name} color={colorOf(member.slug)} className="h-12 w-10 text-base" />
          ))}
        </span>
        <span className="min-w-0">
          <span className="block truncate font-serif text-base">{session.title || names}</span>
          <span className="block truncate text-xs text-muted">
            {when(session.active_at)} · {t('sessions.facts', { count: session.head })}
          </span>
        </span>
      </a>
      <a href={desk} className="icon-btn btn-quiet" aria-label={t('sessions.desk', { name: session.title || names })} title={t('desk.title')} data-testid={`desk-${session.id}`}>
        <Icon name="desk" />
      </a>
    </li>
  )
}
