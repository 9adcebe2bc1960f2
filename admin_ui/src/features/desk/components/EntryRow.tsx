/** One entry of the desk's transcript: who, in which state, with which feeling, at what cost; chosen, it shows what can be done with it. */
import { memo, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { splitAt } from '@/lib/transcript/codePoints'
import type { SpokenPlace } from '@/lib/transcript/soundMap'
import { type Entry, isOpen, type LineEntry, type SaidEntry, type SentenceEntry } from '@/lib/transcript/view'

import type { Shown } from '../session/states'
import { Dot, StateBadge, useFeeling } from './looks'

interface Props {
  entry: Entry
  color: string
  state: Shown | null
  spoken: SpokenPlace | null
  chosen: boolean
  onChoose: (seq: number) => void
  children?: ReactNode
}

export const EntryRow = memo(function EntryRow({ entry, color, state, spoken, chosen, onChoose, children }: Props) {
  const { t } = useTranslation()
  const changeable = entry.type === 'line' || entry.type === 'said'
  return (
    <li
      data-entry={entry.seq}
      data-type={entry.type}
      data-state={state ?? undefined}
      {...(entry.type === 'line' ? { 'data-line': entry.line } : {})}
      data-testid={`entry-${entry.seq}`}
      tabIndex={changeable ? -1 : undefined}
      className={`group rounded-lg px-2.5 py-1.5 outline-offset-[-2px] ${chosen ? 'bg-accent/10 ring-1 ring-accent/50' : changeable ? 'hover:bg-raised/50' : ''}`}
    >
      <div className="flex items-start gap-2">
        <div className="min-w-0 flex-1">
          <Element entry={entry} color={color} state={state} spoken={spoken} />
        </div>
        {changeable && (
          <button type="button" className="-my-0.5 shrink-0 rounded-md p-1 text-muted opacity-0 group-hover:opacity-100 hover:bg-raised hover:text-ink focus-visible:opacity-100 aria-expanded:opacity-100 max-lg:opacity-70" aria-expanded={chosen} aria-label={t('desk.entry_menu')} data-testid={`entry-menu-${entry.seq}`} onClick={() => onChoose(chosen ? 0 : entry.seq)}>
            <Icon name="more" className="size-5" />
          </button>
        )}
      </div>
      {children}
    </li>
  )
})

function Element({ entry, color, state, spoken }: { entry: Entry; color: string; state: Shown | null; spoken: SpokenPlace | null }) {
  const { t, i18n } = useTranslation()
  switch (entry.type) {
    case 'line':
      return <Line line={entry} color={color} state={state} spoken={spoken} />
    case 'said':
      return <Said entry={entry} />
    case 'scene':
      return (
        <div className={`border-y border-line/60 py-1 ${entry.struck ? 'line-through opacity-60' : ''}`}>
          {entry.heading !== '' && <p className="text-xs font-semibold tracking-[0.1em] uppercase">{entry.heading}</p>}
          {entry.description !== '' && <p className="text-sm text-muted">{entry.description}</p>}
        </div>
      )
    case 'roll-call':
      return <Aside>{t(entry.entered ? 'screenplay.enters' : 'screenplay.leaves', { name: entry.name })}</Aside>
    case 'degraded':
      return <Aside tone={entry.recovered || entry.over ? 'text-muted' : 'text-accent'}>{t(entry.recovered ? 'screenplay.recovered' : 'screenplay.degraded', { part: i18n.exists(`part.${entry.part}`) ? t(`part.${entry.part}`) : entry.part, from: entry.from, to: entry.to })}</Aside>
    case 'passed':
      return <Aside>{t('screenplay.passed')}</Aside>
    case 'note':
      return <Steering gone={entry.withdrawn}>{entry.character === '' ? t('screenplay.note', { text: entry.text }) : t('screenplay.note_for', { name: entry.character, text: entry.text })}</Steering>
    case 'whisper':
      return <Steering>{t('screenplay.whisper', { name: entry.character, text: entry.text })}</Steering>
    case 'revealed':
      return <Steering>{t('screenplay.revealed', { name: entry.character, text: entry.text })}</Steering>
    case 'summary':
      return <Aside>= {entry.text}</Aside>
    case 'rolled':
      return (
        <p className="text-sm">
          {t('screenplay.rolled', { name: entry.name || t('desk.you'), expression: entry.expression, total: entry.total })}
          {entry.purpose !== '' && <span className="text-muted"> · {entry.purpose}</span>}
        </p>
      )
    default:
      return null
  }
}

const Aside = ({ children, tone = 'text-muted' }: { children: ReactNode; tone?: string }) => <p className={`text-[13px] italic ${tone}`}>{children}</p>
const Steering = ({ children, gone = false }: { children: ReactNode; gone?: boolean }) => <p className={`border-l-2 border-accent/60 pl-2 text-[13px] text-accent ${gone ? 'line-through opacity-60' : ''}`}>{children}</p>

function Said({ entry }: { entry: SaidEntry }) {
  const { t } = useTranslation()
  if (entry.source === 'narrated') {
    return (
      <p className={`font-serif text-[0.98rem] whitespace-pre-wrap italic ${entry.struck ? 'line-through opacity-60' : ''}`} data-testid="narration">
        {entry.text}
        {entry.edited && <span className="ml-1 text-xs">{t('screenplay.edited')}</span>}
      </p>
    )
  }
  return (
    <div data-testid="said">
      <p className="flex items-baseline gap-2 text-[13px] text-muted">
        <span className="font-semibold">{entry.name}</span>
        {entry.source === 'typed' && <span className="text-xs italic">{t('screenplay.typed')}</span>}
        {entry.inserted && <span className="text-xs italic">{t('desk.inserted')}</span>}
        {entry.edited && <span className="text-xs italic">{t('screenplay.edited')}</span>}
      </p>
      <p className={`break-words whitespace-pre-wrap ${entry.struck ? 'text-muted line-through' : ''}`}>{entry.text}</p>
    </div>
  )
}

function Line({ line, color, state, spoken }: { line: LineEntry; color: string; state: Shown | null; spoken: SpokenPlace | null }) {
  const { t, i18n } = useTranslation()
  const feeling = useFeeling()
  const open = isOpen(line.state)
  return (
    <div data-testid="line" data-state={state ?? line.state}>
      <p className="flex flex-wrap items-center gap-x-2 gap-y-0.5 text-[13px]">
        <Dot name={line.name} color={color} />
        <span className="font-semibold">{line.name}</span>
        {state !== null && <StateBadge state={state} />}
        {line.author !== '' && (
          <span className="chip border-accent/50 text-accent" data-testid="line-author">
            {line.inserted ? t('desk.inserted') : t('desk.words_of', { name: line.author === 'local' ? t('desk.director') : line.author })}
          </span>
        )}
        {line.delivery === 'teleprompter' && <span className="chip">{t('desk.read_out')}</span>}
        {line.retakes !== '' && <span className="chip">{t('desk.retake_of')}</span>}
        {line.reason !== '' && !open && <span className="min-w-0 truncate text-xs text-muted">{i18n.exists(`desk.cause_${line.reason}`) ? t(`desk.cause_${line.reason}`) : line.reason}</span>}
        <Cost line={line} />
      </p>
      <p className={`font-serif text-[1.02rem] leading-snug break-words ${state === 'held' || state === 'drafting' || state === 'rejected' ? 'opacity-60' : ''}`}>
        {line.sentences.length === 0 && open && <span className="text-muted">…</span>}
        {line.sentences.map((sentence) => {
          const felt = feeling(sentence)
          return (
            <span key={sentence.seq} data-seq={sentence.seq}>
              {felt !== '' && <i className="text-[0.85em] text-accent/90">({felt}) </i>}
              <Sentence sentence={sentence} open={open} spoken={spoken} />
              {sentence.edited && <span className="text-xs text-muted">{t('screenplay.edited')} </span>}
            </span>
          )
        })}
      </p>
    </div>
  )
}

function Sentence({ sentence, open, spoken }: { sentence: SentenceEntry; open: boolean; spoken: SpokenPlace | null }) {
  const { text, heard, struck } = sentence
  if (struck) return <s className="text-muted">{text} </s>
  if (open || heard === null) return <span className={spoken?.seq === sentence.seq ? 'bg-lamp/25' : ''}>{text} </span>
  const [reached, unheard] = splitAt(text, heard)
  return (
    <>
      {reached}
      {unheard !== '' && (
        <s className="text-muted decoration-danger/70" data-testid="unheard">
          {unheard}
        </s>
      )}{' '}
    </>
  )
}

/** What the line took to its first sound, and what it cost. */
function Cost({ line }: { line: LineEntry }) {
  const { t } = useTranslation()
  if (line.figures === null) return null
  const { ms, tokens, cost, model, engine } = line.figures
  const total = ms['e2e'] ?? ms['llm_ttft']
  const parts = [total === undefined || total === 0 ? '' : t('latency.ms', { ms: Math.round(total) }), cost > 0 ? `$${cost < 0.01 ? cost.toFixed(4) : cost.toFixed(2)}` : '']
  const details = [engine, model, tokens.length === 2 ? t('desk.tokens', { prompt: tokens[0], completion: tokens[1] }) : '', ...Object.entries(ms).map(([name, value]) => `${name} ${Math.round(value)}`)]
  const shown = parts.filter((part) => part !== '').join(' · ')
  if (shown === '') return null
  return (
    <span className="ml-auto text-xs whitespace-nowrap text-muted tabular-nums" data-testid="line-figures" title={details.filter((part) => part !== '').join(' · ')}>
      {shown}
    </span>
  )
}
