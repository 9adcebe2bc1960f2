/** What stands where content would be: nothing yet, still coming, or gone wrong. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Problem } from '@/lib/api/client'

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="rounded-2xl border border-dashed border-line px-6 py-10 text-center">
      <p className="font-serif text-xl">{title}</p>
      {children !== undefined && <div className="mx-auto mt-2 max-w-md text-sm text-muted">{children}</div>}
    </div>
  )
}

/** Words for what went wrong; the server's own detail where it has one. */
export function useProblemText(): (error: unknown) => string {
  const { t } = useTranslation()
  return (error) => {
    if (!(error instanceof Problem)) return t('problem.unknown')
    if (error.code === 'unreachable') return t('problem.unreachable')
    return error.detail === '' ? t('problem.unknown') : error.detail
  }
}

export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { t } = useTranslation()
  const text = useProblemText()
  return (
    <div role="alert" className="flex flex-wrap items-center gap-3 rounded-2xl border border-danger/40 bg-danger/8 px-4 py-3 text-sm">
      <Icon name="warning" className="size-5 text-danger" />
      <span className="min-w-0 flex-1">{text(error)}</span>
      {onRetry !== undefined && (
        <button type="button" className="btn" onClick={onRetry}>
          {t('common.retry')}
        </button>
      )}
    </div>
  )
}

export function Skeleton({ className = '' }: { className?: string }) {
  return <div className={`animate-pulse rounded-xl bg-raised ${className}`} aria-hidden="true" />
}
