/** A draft that waits: what it would say, what it answers, how long it still waits, who works on it. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import type { HeldLine } from '@/lib/realtime/protocol'
import { usePrefs } from '@/lib/prefs'
import type { Entry, LineEntry, View } from '@/lib/transcript/view'
import { useNow } from '@/lib/useNow'
import { useObservable } from '@/lib/useObservable'

import type { DeskSession } from '../session/deskSession'
import { approve, decide, leave, listenTo, reject } from '../session/gestures'
import { lineIn, othersClaim } from '../session/states'
import { Dot, Key, useFeeling } from './looks'
import { MarkedEditor } from './MarkedEditor'
import { Rejection } from './Rejection'
import { useParts } from './useParts'

/** Entries before the line that are shown beside it. */
const HISTORY = 4

export function HeldCard({ desk, held }: { desk: DeskSession; held: HeldLine }) {
  const { t } = useTranslation()
  const { view, at } = useParts(desk)
  const line = lineIn(view, held.line)
  const others = othersClaim(held, desk.me)
  const deciding = at.held === held.line ? at.deciding : 'choose'
  const member = view.members.get(held.character)
  return (
    <article
      data-testid={`held-${held.line}`}
      data-line={held.line}
      data-stale={held.stale}
      aria-label={t('desk.draft_of', { name: member?.name ?? held.character })}
      className={`rounded-xl border bg-raised p-3 shadow-(--shadow) ${others ? 'border-line opacity-80' : 'border-accent/70'}`}
      onKeyDownCapture={() => deciding !== 'choose' && desk.keep(held.line)}
      onPointerDownCapture={() => deciding !== 'choose' && desk.keep(held.line)}
      onFocus={(event) => {
        // Keyboard focus alone takes nothing from others; a control of the card does.
        if (event.target !== event.currentTarget && !others && !held.queued) desk.stand.turn({ held: held.line })
      }}
    >
      <header className="mb-1.5 flex flex-wrap items-center gap-x-2 gap-y-1">
        <Dot name={member?.name ?? held.character} color={member?.color} />
        <h3 className="font-serif text-base leading-none">{member?.name ?? held.character}</h3>
        {!held.complete && <span className="chip animate-pulse">{t('desk.being_written')}</span>}
        {held.stale && (
          <span className="chip border-danger/50 text-danger" data-testid="held-stale" title={t('desk.stale_hint')}>
            {t('desk.stale')}
          </span>
        )}
        {held.claimed_by !== '' && <Claimed held={held} mine={!others} />}
        {held.releases_at_ms > 0 && <Countdown at={held.releases_at_ms} from={held.since_ms} />}
      </header>
      <div className={`grid gap-x-4 gap-y-2 ${deciding === 'choose' ? 'xl:grid-cols-[minmax(0,1fr)_12rem]' : ''}`}>
        <div className="min-w-0">
          {deciding === 'edit' && line !== undefined ? (
            <MarkedEditor line={line} complete={held.complete} onRelease={(text) => approve(desk, held, text)} onCancel={() => leave(desk, held.line)} />
          ) : (
            <>
              <Words line={line} />
              {deciding === 'reject' ? <Rejection onReject={(reason) => reject(desk, held.line, reason)} onCancel={() => leave(desk, held.line)} /> : <Choices desk={desk} held={held} disabled={others || line === undefined || line.sentences.length === 0} />}
            </>
          )}
        </div>
        <History view={view} line={held.line} beside={deciding === 'choose'} />
      </div>
    </article>
  )
}

function Words({ line }: { line: LineEntry | undefined }) {
  const feeling = useFeeling()
  if (line === undefined || line.sentences.length === 0) return <p className="animate-pulse text-muted">…</p>
  return (
    <p className="mb-2 max-h-[30dvh] overflow-y-auto font-serif text-[1.05rem] leading-snug break-words" data-testid="held-words">
      {line.sentences.map((sentence) => {
        const felt = feeling(sentence)
        return (
          <span key={sentence.seq}>
            {felt !== '' && <i className="text-sm text-accent">({felt}) </i>}
            {sentence.text}{' '}
          </span>
        )
      })}
    </p>
  )
}

function Choices({ desk, held, disabled }: { desk: DeskSession; held: HeldLine; disabled: boolean }) {
  const { t } = useTranslation()
  const { privateOutput } = usePrefs()
  const heard = useObservable(desk.preview.line$) === held.line
  return (
    <div className="flex flex-wrap gap-1.5">
      <button type="button" className="btn-sm btn-primary px-2.5" data-testid="held-approve" disabled={disabled} onClick={() => void approve(desk, held)}>
        <Icon name="check" className="size-4" />
        {t('desk.approve')} <Key>⏎</Key>
      </button>
      <button type="button" className="btn-sm" data-testid="held-edit" disabled={disabled} onClick={() => decide(desk, 'edit', held)}>
        <Icon name="edit" className="size-4" />
        {t('desk.edit')} <Key>E</Key>
      </button>
      <button type="button" className="btn-sm text-danger" data-testid="held-reject" disabled={disabled} onClick={() => decide(desk, 'reject', held)}>
        <Icon name="close" className="size-4" />
        {t('desk.reject')} <Key>R</Key>
      </button>
      <button type="button" className={`btn-sm ${heard ? 'btn-on' : ''}`} data-testid="held-listen" aria-pressed={heard} title={t('desk.listen_hint')} onClick={() => listenTo(desk, privateOutput, held)}>
        <Icon name="headphones" className="size-4" />
        {t('desk.listen')} <Key>L</Key>
      </button>
    </div>
  )
}

/** Who works on it, and how long it stays theirs if nothing more is heard of them. */
function Claimed({ held, mine }: { held: HeldLine; mine: boolean }) {
  const { t } = useTranslation()
  const now = useNow(500)
  const seconds = Math.max(0, Math.ceil((held.claim_lapses_at_ms - now) / 1000))
  return (
    <span className="chip border-accent/60 text-accent" data-testid={mine ? 'held-mine' : 'held-claimed'} title={t('desk.claim_hint')}>
      {mine ? t('desk.claimed_mine') : t('desk.claimed', { name: held.claimed_by_name || t('desk.another_director') })}
      <span className="ml-1 tabular-nums opacity-80">{t('desk.claim_lapses', { seconds })}</span>
    </span>
  )
}

/** How long until it is released by itself. */
function Countdown({ at, from }: { at: number; from: number }) {
  const { t } = useTranslation()
  const now = useNow(200)
  const left = Math.max(0, at - now)
  const share = at > from ? Math.min(1, left / (at - from)) : 0
  return (
    <span className="ml-auto flex items-center gap-2 text-xs text-muted" data-testid="held-countdown" role="timer">
      {t('desk.releases_in', { seconds: Math.ceil(left / 1000) })}
      <span className="h-1.5 w-16 overflow-hidden rounded-full bg-line">
        <span className="block h-full bg-foot" style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  )
}

/** What was said before it. */
function History({ view, line, beside }: { view: View; line: string; beside: boolean }) {
  const { t } = useTranslation()
  const index = view.entries.findLastIndex((entry) => entry.type === 'line' && entry.line === line)
  const before = view.entries.slice(0, index < 0 ? undefined : index).filter((entry) => wordsOf(entry) !== '')
  if (before.length === 0) return null
  return (
    <aside aria-label={t('desk.before')} className={`order-first max-h-16 overflow-y-auto border-l border-line pl-3 text-xs leading-snug text-muted ${beside ? 'xl:order-none xl:max-h-40' : ''}`} data-testid="held-history">
      {before.slice(-HISTORY).map((entry) => (
        <Row key={entry.seq} name={'name' in entry ? entry.name : ''}>
          {wordsOf(entry)}
        </Row>
      ))}
    </aside>
  )
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <p className="mb-1 line-clamp-2">
      {name !== '' && <b className="font-semibold text-ink/80">{name}: </b>}
      {children}
    </p>
  )
}

function wordsOf(entry: Entry): string {
  if (entry.type === 'said') return entry.struck ? '' : entry.text
  if (entry.type === 'line') return entry.sentences.filter((sentence) => !sentence.struck && sentence.heard !== 0).map((sentence) => sentence.text).join(' ')
  return ''
}

