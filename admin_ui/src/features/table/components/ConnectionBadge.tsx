/** Whether the line to the stage stands, and when it is tried again. */
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { useObservable } from '@/lib/useObservable'

import type { TableSession } from '../session/tableSession'

const DOT = { open: 'bg-good', connecting: 'bg-accent animate-pulse', waiting: 'bg-danger animate-pulse', refused: 'bg-danger', closed: 'bg-muted' }

function useSecondsTo(at: number | null): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (at === null) return
    const timer = setInterval(() => setNow(Date.now()), 250)
    return () => clearInterval(timer)
  }, [at])
  return at === null ? 0 : Math.max(1, Math.ceil((at - now) / 1000))
}

export function ConnectionBadge({ table }: { table: TableSession }) {
  const { t } = useTranslation()
  const state = useObservable(table.state$)
  const seconds = useSecondsTo(state.kind === 'waiting' ? state.retryAt : null)
  return (
    <span className="inline-flex min-w-0 items-center gap-2 text-xs text-muted" data-testid="connection-state" data-state={state.kind} role="status">
      <span className={`size-2 shrink-0 rounded-full ${DOT[state.kind]}`} />
      <span className={state.kind === 'open' ? 'max-sm:sr-only' : 'truncate'}>{t(`connection.${state.kind}`, { seconds })}</span>
      {(state.kind === 'waiting' || state.kind === 'refused') && (
        <button type="button" className="shrink-0 font-medium text-accent underline underline-offset-2" onClick={() => table.retryNow()}>
          {t('common.retry')}
        </button>
      )}
    </span>
  )
}
