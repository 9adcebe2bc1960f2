/** To the dashboard that draws the same figures over time, where a Grafana is configured. */
import { useTranslation } from 'react-i18next'

import { useStatus } from '@/lib/api/status'
import type { Status } from '@/lib/api/types'

/** The dashboards' ids begin like this; see `grafana/`. */
const PREFIX = 'souffleur-'

export function GrafanaLink({ dashboard }: { dashboard: 'engines' | 'steering' | 'table' }) {
  const { t } = useTranslation()
  const { grafana_url: address } = (useStatus().data ?? {}) as Partial<Status> & { grafana_url?: string | null }
  // Settings come from outside: only a web address becomes a link.
  if (typeof address !== 'string' || !/^https?:\/\//.test(address)) return null
  return (
    <a href={`${address.replace(/\/+$/, '')}/d/${PREFIX}${dashboard}`} target="_blank" rel="noreferrer" data-testid={`grafana-${dashboard}`} className="text-xs font-medium tracking-normal text-accent normal-case underline-offset-2 hover:underline">
      {t('desk.metrics.grafana')}
    </a>
  )
}
