/** What everybody at the table must know about this house. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { useStatus } from '@/lib/api/status'

/** Remembered until the page is left: a banner that was put away stays away, an error cannot be. */
export function Banners() {
  const { t, i18n } = useTranslation()
  const status = useStatus()
  const [away, setAway] = useState<ReadonlySet<string>>(new Set())
  const banners = (status.data?.banners ?? []).filter((banner) => !away.has(banner.code))
  if (status.isError) return <Line testId="banner-offline" severity="error" text={t('banner.offline')} />
  return banners.map((banner) => (
    <Line
      key={banner.code}
      testId={`banner-${banner.code}`}
      severity={banner.severity}
      text={i18n.exists(`banner.${banner.code}`) ? t(`banner.${banner.code}`) : banner.detail}
      detail={banner.detail}
      {...(banner.severity === 'error' ? {} : { onDismiss: () => setAway(new Set(away).add(banner.code)) })}
    />
  ))
}

interface LineProps {
  testId: string
  severity: 'info' | 'warning' | 'error'
  text: string
  detail?: string
  onDismiss?: () => void
}

function Line({ testId, severity, text, detail = '', onDismiss }: LineProps) {
  const { t } = useTranslation()
  const look = { info: 'bg-raised text-muted', warning: 'bg-accent/12 text-ink', error: 'bg-danger/15 text-ink' }[severity]
  return (
    <div role={severity === 'error' ? 'alert' : 'status'} data-testid={testId} data-severity={severity} title={detail} className={`flex items-start gap-2 border-b border-line/60 px-4 py-1.5 text-sm ${look}`}>
      <Icon name={severity === 'info' ? 'info' : 'warning'} className={`mt-0.5 size-4 shrink-0 ${severity === 'error' ? 'text-danger' : severity === 'warning' ? 'text-accent' : ''}`} />
      <span className="min-w-0 flex-1">{text}</span>
      {onDismiss !== undefined && (
        <button type="button" className="-my-1 shrink-0 rounded p-1.5 text-muted hover:text-ink" aria-label={t('common.dismiss')} onClick={onDismiss}>
          <Icon name="close" className="size-4" />
        </button>
      )}
    </div>
  )
}
