/** Which engines answered, and where the time of the last turn went. */
import { useTranslation } from 'react-i18next'

import { nextMind, useStatus } from '@/lib/api/status'
import { useObservable } from '@/lib/useObservable'

import { type Part, segmentsOf, totalMs } from '../session/latency'
import type { TableSession } from '../session/tableSession'

const COLOR: Record<Part, string> = {
  waiting: '#8d7f8a',
  hearing: '#6f9bb8',
  thinking: '#d98a3d',
  phrasing: '#c9667a',
  voicing: '#7fae7a',
  rest: '#6b5b66',
}

/** The engines of the last turn; before the first one, those that would be used. */
function useEngines(table: TableSession): { engine: string; model: string; voice: string; ears: string } {
  const turn = useObservable(table.turn$)
  const status = useStatus().data?.engines
  const next = status === undefined ? undefined : nextMind(status.llm)
  return {
    engine: turn?.llm_engine ?? next?.name ?? '',
    model: turn?.llm_model ?? next?.model ?? '',
    voice: turn?.tts_engine || (status?.tts.default ?? ''),
    ears: turn?.stt_engine || (status?.stt.default ?? ''),
  }
}

export function EngineBadge({ table }: { table: TableSession }) {
  const { t } = useTranslation()
  const { engine, model, voice, ears } = useEngines(table)
  const understudy = engine === 'understudy'
  const title = [t('engine.mind', { engine: engine || '–' }), model, t('engine.voice', { engine: voice || '–' }), t('engine.ears', { engine: ears || '–' })].filter((part) => part !== '').join(' · ')
  return (
    <span data-testid="engine-badge" data-engine={engine} title={title} className={`chip max-w-full ${understudy ? 'border-accent/60 text-accent' : ''}`}>
      <span className="truncate">{engine === '' ? t('engine.none') : understudy ? t('engine.understudy') : model === '' ? engine : `${engine} · ${model}`}</span>
      <span className="sr-only">{title}</span>
    </span>
  )
}

export function Latency({ table }: { table: TableSession }) {
  const { t } = useTranslation()
  const turn = useObservable(table.turn$)
  if (turn === null) return <span data-testid="latency" className="hidden" />
  const segments = segmentsOf(turn.ms)
  const total = Math.round(totalMs(turn.ms))
  const whole = segments.reduce((sum, segment) => sum + segment.ms, 0) || 1
  return (
    <details className="relative" data-testid="latency" data-ms={total} onBlur={(event) => (event.currentTarget.open = false)}>
      <summary className="flex list-none items-center gap-2 text-xs text-muted [&::-webkit-details-marker]:hidden">
        <span className="sr-only">{t('latency.label')}</span>
        <span className="flex h-2 w-28 overflow-hidden rounded-full bg-raised max-sm:w-16">
          {segments.map((segment) => (
            <span key={segment.part} style={{ width: `${(segment.ms / whole) * 100}%`, background: COLOR[segment.part] }} />
          ))}
        </span>
        <span className="tabular-nums">{t('latency.ms', { ms: total })}</span>
      </summary>
      <ul className="panel absolute top-full right-0 z-20 mt-2 w-60 p-3 text-xs shadow-(--shadow) max-lg:right-auto max-lg:left-0">
        {segments.map((segment) => (
          <li key={segment.part} className="flex items-center gap-2 py-0.5">
            <span className="size-2.5 rounded-sm" style={{ background: COLOR[segment.part] }} />
            <span className="flex-1">{t(`latency.${segment.part}`)}</span>
            <span className="text-muted tabular-nums">{t('latency.ms', { ms: Math.round(segment.ms) })}</span>
          </li>
        ))}
      </ul>
    </details>
  )
}
