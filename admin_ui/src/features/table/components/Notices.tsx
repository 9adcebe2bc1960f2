/** What the stage had to say to this attachment; each can be put away. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { useObservable } from '@/lib/useObservable'

import type { TableSession } from '../session/tableSession'

export function Notices({ table }: { table: TableSession }) {
  const { t, i18n } = useTranslation()
  const notices = useObservable(table.notices$)
  if (notices.length === 0) return null
  return (
    <ul className="absolute top-14 right-3 z-40 flex w-[min(24rem,calc(100vw-1.5rem))] flex-col gap-2" aria-live="polite">
      {notices.map((notice) => (
        <li key={notice.id} data-testid={`notice-${notice.code}`} className={`panel rise flex items-start gap-2 p-3 text-sm shadow-(--shadow) ${notice.severity === 'error' ? 'border-danger/50' : ''}`}>
          <Icon name={notice.severity === 'info' ? 'info' : 'warning'} className={`mt-0.5 size-4 shrink-0 ${notice.severity === 'error' ? 'text-danger' : 'text-accent'}`} />
          <span className="min-w-0 flex-1 break-words">{i18n.exists(`notice.${notice.code}`) ? t(`notice.${notice.code}`) : notice.detail || t('problem.unknown')}</span>
          <button type="button" className="shrink-0 rounded p-0.5 text-muted hover:text-ink" aria-label={t('common.dismiss')} onClick={() => table.dismiss(notice.id)}>
            <Icon name="close" className="size-4" />
          </button>
        </li>
      ))}
    </ul>
  )
}
