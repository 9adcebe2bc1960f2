/** Which engines this house has, and which of them are in use. */
import { useTranslation } from 'react-i18next'

import { Failure, Skeleton } from '@/components/States'
import { useStatus } from '@/lib/api/status'
import type { EngineInfo, Status } from '@/lib/api/types'

interface Kind {
  part: 'stt' | 'llm' | 'tts'
  inUse: string[]
  engines: EngineInfo[]
}

function kindsOf({ engines }: Status): Kind[] {
  const one = (name: string) => (name === '' ? [] : [name])
  return [
    { part: 'stt', inUse: one(engines.stt.default), engines: engines.stt.engines },
    { part: 'llm', inUse: engines.llm.chain, engines: engines.llm.engines },
    { part: 'tts', inUse: one(engines.tts.default), engines: engines.tts.engines },
  ]
}

export function EnginesPanel() {
  const { t } = useTranslation()
  const status = useStatus()
  if (status.isPending) return <Skeleton className="h-40" />
  if (status.isError) return <Failure error={status.error} onRetry={() => void status.refetch()} />
  return (
    <div className="flex flex-col gap-5">
      {kindsOf(status.data).map((kind) => (
        <section key={kind.part}>
          <h3 className="eyebrow mb-2">{t(`part.${kind.part}`)}</h3>
          <p className="mb-2 text-sm">{t('engine.in_use', { engines: kind.inUse.join(' → ') || '–' })}</p>
          <ul className="flex flex-col gap-1.5">
            {kind.engines.map((engine) => (
              <li key={engine.name} className="flex items-start gap-2 text-sm">
                <span className={`mt-1.5 size-2 shrink-0 rounded-full ${engine.ready ? 'bg-good' : 'bg-muted'}`} />
                <span className="min-w-0">
                  {engine.name}
                  <span className="sr-only"> {t(engine.ready ? 'engine.ready' : 'engine.not_ready')}</span>
                  {engine.model !== undefined && engine.model !== '' && <span className="text-muted"> · {engine.model}</span>}
                  {engine.remark !== '' && <span className="block text-xs text-muted">{engine.remark}</span>}
                </span>
              </li>
            ))}
          </ul>
        </section>
      ))}
      <p className="text-xs text-muted">Souffleur {status.data.version}</p>
    </div>
  )
}
