/** What everybody at the table must know about this house. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { useStatus } from '@/lib/api/status'

/** Banners that were put away stay away until the page is left; an error cannot be put away. `brief` leaves out what is merely good to know. */
export function Banners({ brief }: { brief: boolean }) {
  const { t, i18n } = useTranslation()
  const status = useStatus()
  const [away, setAway] = useState<ReadonlySet<string>>(new Set())
  if (status.isError) return <Line testId="banner-offline" severity="error" text={t('banner.offline')} />
  return (status.data?.banners ?? [])
    .filter((banner) => !away.has(banner.code) && !(brief && banner.severity === 'info'))
    .map((banner) => (
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

const LOOK = { info: 'bg-raised text-muted', warning: 'bg-lamp/15 text-ink', error: 'bg-danger/15 text-ink' }
const INK = { info: '', warning: 'text-lamp', error: 'text-danger' }

/** On a phone one line, which opens when touched: the table needs the room. */
function Line({ testId, severity, text, detail = '', onDismiss }: LineProps) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  return (
    <div role={severity === 'error' ? 'alert' : 'status'} data-testid={testId} data-severity={severity} title={detail} className={`flex shrink-0 items-start gap-2 border-b border-line/60 px-4 py-1.5 text-sm max-sm:px-3 max-sm:py-1 max-sm:text-[13px] ${LOOK[severity]}`}>
      <Icon name={severity === 'info' ? 'info' : 'warning'} className={`mt-0.5 size-4 shrink-0 ${INK[severity]}`} />
      <button type="button" className={`min-w-0 flex-1 text-left sm:cursor-default ${open ? '' : 'max-sm:line-clamp-1'}`} aria-expanded={open} onClick={() => setOpen(!open)}>
        {text}
      </button>
      {onDismiss !== undefined && (
        <button type="button" className="-my-1 shrink-0 rounded p-1.5 text-muted hover:text-ink" aria-label={t('common.dismiss')} onClick={onDismiss}>
          <Icon name="close" className="size-4" />
        </button>
      )}
    </div>
  )
}
