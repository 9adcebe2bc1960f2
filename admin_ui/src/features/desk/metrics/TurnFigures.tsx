/** What the session took and cost, beside its transcript: no Grafana needed. */
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Empty } from '@/components/States'
import { nextMind, useStatus } from '@/lib/api/status'
import type { TurnTimed } from '@/lib/realtime/protocol'
import type { Transcript } from '@/lib/transcript/fold'

import { figuresOf, type LineFigures, PARTS, type SessionFigures, type Spread } from './figures'
import { GrafanaLink } from './GrafanaLink'
import { COLOR, useUnits } from './units'

interface Props {
  transcript: Transcript
  /** `souffleur.turn` events by line, where somebody listens to them: figures of lines that are not over. */
  turns?: ReadonlyMap<string, TurnTimed>
  /** Somebody wants to see a line in the transcript. */
  onLine?: (seq: number) => void
  className?: string
}

const SHOWN = 30

export function TurnFigures({ transcript, turns, onLine, className = '' }: Props) {
  const { t } = useTranslation()
  const figures = useMemo(() => figuresOf(transcript, turns), [transcript, turns])
  const [all, setAll] = useState(false)
  const latest = figures.lines.toReversed()
  const shown = all ? latest : latest.slice(0, SHOWN)
  const longest = Math.max(1, ...shown.map((line) => line.totalMs))
  return (
    <section aria-label={t('desk.metrics.title')} data-testid="turn-figures" className={`flex min-w-0 flex-col gap-5 text-sm ${className}`}>
      <Totals figures={figures} />
      <Engines figures={figures} />
      {figures.spreads.length > 0 && <Spreads spreads={figures.spreads} />}
      <section>
        <h3 className="eyebrow mb-2">{t('desk.metrics.turns')}</h3>
        {shown.length === 0 && <Empty title={t('desk.metrics.empty')}>{t('desk.metrics.empty_hint')}</Empty>}
        <ol className="flex flex-col gap-2.5">
          {shown.map((line) => (
            <Line key={line.line} line={line} longest={longest} {...(onLine === undefined ? {} : { onLine })} />
          ))}
        </ol>
        {!all && latest.length > SHOWN && (
          <button type="button" className="btn btn-quiet mt-2 w-full" onClick={() => setAll(true)}>
            {t('desk.metrics.older', { count: latest.length })}
          </button>
        )}
      </section>
    </section>
  )
}

function Totals({ figures }: { figures: SessionFigures }) {
  const { t } = useTranslation()
  const { money, count } = useUnits()
  const decided = figures.adviceDecided === 0 ? '–' : t('desk.metrics.advice_of', { taken: figures.adviceTaken, decided: figures.adviceDecided })
  const tiles: [string, string][] = [
    ['turns', count(figures.lines.length)],
    ['tokens', `${count(figures.prompt)} / ${count(figures.completion)}`],
    ['cost', figures.cost === 0 ? '–' : money(figures.cost)],
    ['interruptions', count(figures.interruptions)],
    ['corrections', count(figures.corrections)],
    ['advice', decided],
    ['fallbacks', count(figures.fallbacks.length)],
  ]
  return (
    <section>
      <h3 className="eyebrow mb-2 flex items-center justify-between gap-2">
        {t('desk.metrics.session')}
        <GrafanaLink dashboard="steering" />
      </h3>
      <dl className="grid grid-cols-[repeat(auto-fill,minmax(7rem,1fr))] gap-2">
        {tiles.map(([name, value]) => (
          <div key={name} className="flex flex-col justify-between rounded-lg border border-line bg-velvet px-3 py-2" data-testid={`figure-${name}`}>
            <dt className="text-xs leading-tight text-muted">{t(`desk.metrics.${name}`)}</dt>
            <dd className="mt-0.5 truncate font-serif text-lg tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** What answers now and whether it is well, and where something gave way to something else. */
function Engines({ figures }: { figures: SessionFigures }) {
  const { t } = useTranslation()
  const status = useStatus().data
  const mind = status === undefined ? undefined : nextMind(status.engines.llm)
  const parts = status === undefined ? [] : [
    { part: 'stt', engine: status.engines.stt.engines.find((one) => one.name === status.engines.stt.default) },
    { part: 'llm', engine: mind },
    { part: 'tts', engine: status.engines.tts.engines.find((one) => one.name === status.engines.tts.default) },
  ]
  return (
    <section>
      <h3 className="eyebrow mb-2 flex items-center justify-between gap-2">
        {t('desk.metrics.engines')}
        <GrafanaLink dashboard="engines" />
      </h3>
      <ul className="flex flex-wrap gap-1.5">
        {parts.map(({ part, engine }) => (
          <li key={part} className="chip" title={engine?.remark ?? ''} data-testid={`engine-${part}`}>
            <span className={`size-2 rounded-full ${engine?.ready === true ? 'bg-good' : 'bg-danger'}`} />
            {t(`part.${part}`)}: {engine === undefined ? '–' : [engine.name, engine.model ?? ''].filter((word) => word !== '').join(' · ')}
            <span className="sr-only">{t(engine?.ready === true ? 'desk.metrics.ready' : 'desk.metrics.not_ready')}</span>
          </li>
        ))}
      </ul>
      {figures.fallbacks.length > 0 && (
        <ul className="mt-2 flex flex-col gap-1 text-xs">
          {figures.fallbacks.toReversed().slice(0, 5).map((one) => (
            <li key={one.seq} className="flex items-center gap-1.5 text-accent" title={one.reason}>
              <Icon name="warning" className="size-3.5 shrink-0" />
              <span className="min-w-0 truncate">
                {t('desk.metrics.fallback', { part: t(`part.${one.part}`, { defaultValue: one.part }), from: one.from, to: one.to })}
                {one.reason !== '' && <span className="text-muted"> · {one.reason}</span>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Spreads({ spreads }: { spreads: readonly Spread[] }) {
  const { t } = useTranslation()
  const { time } = useUnits()
  return (
    <section>
      <h3 className="eyebrow mb-2 flex items-center justify-between gap-2">
        {t('desk.metrics.latency')}
        <GrafanaLink dashboard="table" />
      </h3>
      <table className="w-full text-left tabular-nums" data-testid="figure-spreads">
        <thead className="text-xs text-muted">
          <tr>
            <th scope="col" className="pb-1 font-normal">{t('desk.metrics.part')}</th>
            <th scope="col" className="pb-1 text-right font-normal">{t('desk.metrics.p50')}</th>
            <th scope="col" className="pb-1 text-right font-normal">{t('desk.metrics.p95')}</th>
          </tr>
        </thead>
        <tbody>
          {spreads.map(({ part, p50, p95 }) => (
            <tr key={part} className={part === 'total' ? 'border-t border-line font-medium' : ''} data-part={part}>
              <th scope="row" className="py-0.5 font-normal">
                {part !== 'total' && <span className="mr-2 inline-block size-2.5 rounded-sm" style={{ background: COLOR[part] }} />}
                {t(`desk.metrics.${part}`)}
              </th>
              <td className="text-right">{time(p50)}</td>
              <td className="text-right">{time(p95)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Line({ line, longest, onLine }: { line: LineFigures; longest: number; onLine?: (seq: number) => void }) {
  const { t } = useTranslation()
  const { time, money, count } = useUnits()
  const words = line.segments.map((segment) => `${t(`desk.metrics.${segment.part}`)}: ${time(segment.ms)}`)
  const spent = [
    [line.engine, line.model].filter((word) => word !== '').join(' · '),
    line.prompt + line.completion === 0 ? '' : t('desk.metrics.line_tokens', { prompt: count(line.prompt), completion: count(line.completion) }),
    line.cost === 0 ? '' : money(line.cost),
    line.live ? t(`desk.editor.badge_${line.state}`, { defaultValue: line.state }) : '',
  ].filter((word) => word !== '')
  return (
    <li data-testid="turn-figure" data-line={line.line} data-ms={Math.round(line.totalMs)}>
      <p className="flex items-baseline gap-2">
        {onLine === undefined ? <span className="min-w-0 flex-1 truncate">{line.name}</span> : (
          <button type="button" className="min-w-0 flex-1 truncate text-left hover:underline" onClick={() => onLine(line.seq)}>
            {line.name}
          </button>
        )}
        <span className="shrink-0 text-xs text-muted tabular-nums">{line.segments.length === 0 ? t('desk.metrics.no_times') : time(line.totalMs)}</span>
      </p>
      <span role="img" aria-label={words.join(', ')} title={words.join('\n')} className="mt-1 flex h-2.5 overflow-hidden rounded-full bg-raised">
        {PARTS.flatMap((part) => line.segments.filter((segment) => segment.part === part)).map((segment) => (
          <span key={segment.part} data-part={segment.part} className="h-full min-w-px" style={{ width: `${(segment.ms / longest) * 100}%`, background: COLOR[segment.part] }} />
        ))}
      </span>
      {spent.length > 0 && <p className="mt-0.5 truncate text-xs text-muted">{spent.join(' · ')}</p>}
    </li>
  )
}
