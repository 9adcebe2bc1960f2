/** One element of the screenplay. */
import { memo } from 'react'
import { useTranslation } from 'react-i18next'

import type { SpokenPlace } from '@/lib/transcript/soundMap'
import type { Entry, SaidEntry } from '@/lib/transcript/view'

import { Cue } from './Cue'
import { LineView } from './LineView'

export const EntryView = memo(function EntryView({ entry, spoken }: { entry: Entry; spoken: SpokenPlace | null }) {
  return (
    <li data-seq={entry.seq} data-type={entry.type} className="rise">
      <Element entry={entry} spoken={spoken} />
    </li>
  )
})

function Element({ entry, spoken }: { entry: Entry; spoken: SpokenPlace | null }) {
  const { t, i18n } = useTranslation()
  switch (entry.type) {
    case 'line':
      return <LineView line={entry} spoken={spoken} />
    case 'said':
      return <Said entry={entry} />
    case 'scene':
      return (
        <div className={entry.struck ? 'text-paper-muted line-through decoration-danger' : ''}>
          {entry.heading !== '' && <h3 className="border-b border-line/60 pb-1 text-[0.95em] font-semibold tracking-[0.08em] uppercase">{entry.heading}</h3>}
          {entry.description !== '' && <p className="mt-2 whitespace-pre-wrap">{entry.description}</p>}
        </div>
      )
    case 'roll-call':
      return <p className="text-[0.9em] text-paper-muted italic">{t(entry.entered ? 'screenplay.enters' : 'screenplay.leaves', { name: entry.name })}</p>
    case 'degraded':
      if (entry.recovered || entry.over) {
        return (
          <p className="text-center text-[0.85em] text-paper-muted italic">
            {t(entry.recovered ? 'screenplay.recovered' : 'screenplay.degraded', { part: t(`part.${entry.part}`, { defaultValue: entry.part }), from: entry.from, to: entry.to })}
          </p>
        )
      }
      return (
        <p className="flex justify-center">
          <span data-testid="degraded" className="rounded-full border border-accent/50 px-3 py-0.5 font-sans text-xs text-accent" title={entry.reason}>
            {t('screenplay.degraded', { part: i18n.exists(`part.${entry.part}`) ? t(`part.${entry.part}`) : entry.part, from: entry.from, to: entry.to })}
          </span>
        </p>
      )
    case 'passed':
      return <p className="text-center text-[0.85em] text-paper-muted italic">{t('screenplay.passed')}</p>
    case 'note':
      return <p className={`border-l-2 border-accent/50 pl-3 text-[0.9em] text-paper-muted italic ${entry.withdrawn ? 'line-through' : ''}`}>{entry.character === '' ? t('screenplay.note', { text: entry.text }) : t('screenplay.note_for', { name: entry.character, text: entry.text })}</p>
    case 'whisper':
      return <p className="border-l-2 border-accent/50 pl-3 text-[0.9em] text-paper-muted italic">{t('screenplay.whisper', { name: entry.character, text: entry.text })}</p>
    case 'revealed':
      return <p className="border-l-2 border-accent/50 pl-3 text-[0.9em] text-paper-muted italic">{t('screenplay.revealed', { name: entry.character, text: entry.text })}</p>
    case 'summary':
      return <p className="text-[0.9em] text-paper-muted italic">= {entry.text}</p>
    case 'rolled':
      return <p className="text-center text-[0.9em]">{t('screenplay.rolled', { name: entry.name, expression: entry.expression, total: entry.total })}</p>
  }
}

function Said({ entry }: { entry: SaidEntry }) {
  const { t } = useTranslation()
  if (entry.source === 'narrated') {
    return (
      <p data-testid="narration" className={`break-words whitespace-pre-wrap ${entry.struck ? 'text-paper-muted line-through' : ''}`}>
        {entry.text}
      </p>
    )
  }
  return (
    <div className="px-[12%] max-sm:px-[4%]" data-testid="said">
      <Cue name={entry.name} aside={entry.source === 'typed' ? t('screenplay.typed') : ''} />
      <p className={`break-words whitespace-pre-wrap ${entry.struck ? 'text-paper-muted line-through' : ''}`}>
        {entry.text}
        {entry.edited && <span className="ml-1 text-[0.75em] text-paper-muted">{t('screenplay.edited')}</span>}
      </p>
    </div>
  )
}
