/** The teleprompter: the line large on the master's own screen, sentence by sentence. */
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import type { LineEntry, SentenceEntry } from '@/lib/transcript/view'

import type { DeskSession } from '../session/deskSession'
import { pages } from '../session/pages'
import { useFeeling } from './looks'
import { useParts } from './useParts'

interface Card {
  line: LineEntry
  sentence: SentenceEntry
}

export function Prompter({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const feeling = useFeeling()
  const { view } = useParts(desk)
  // Lines for reading out; where there are none, all.
  const lines = view.entries.filter((entry): entry is LineEntry => entry.type === 'line' && entry.state !== 'rejected')
  const wanted = lines.some((line) => line.delivery === 'teleprompter') ? lines.filter((line) => line.delivery === 'teleprompter') : lines
  const cards: Card[] = wanted.flatMap((line) => line.sentences.filter((sentence) => !sentence.struck).map((sentence) => ({ line, sentence })))
  const newest = cards.findIndex((card) => card.line === wanted.at(-1))
  const [read, setRead] = useState<{ line: string; seq: number } | null>(null)
  // A new line comes up by itself; within it the master turns the pages.
  const mine = read !== null && read.line === wanted.at(-1)?.line ? cards.findIndex((card) => card.sentence.seq === read.seq) : -1
  const [back, setBack] = useState(0)
  const at = Math.max(0, Math.min(cards.length - 1, (mine >= 0 ? mine : newest) - back))
  const card = cards[at]
  const step = (by: number) => {
    const to = cards[Math.max(0, Math.min(cards.length - 1, at + by))]
    if (to === undefined) return
    const last = wanted.at(-1)?.line ?? ''
    if (to.line.line === last) {
      setBack(0)
      setRead({ line: last, seq: to.sentence.seq })
    } else setBack((mine >= 0 ? mine : newest) - cards.indexOf(to))
  }
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      const by = pages(event.key, event.target instanceof Element && event.target.closest('button, a, input, textarea, select') !== null)
      if (by === 0) return
      step(by)
      event.preventDefault()
    }
    window.addEventListener('keydown', down)
    return () => window.removeEventListener('keydown', down)
  })
  const sheet = useRef<HTMLElement>(null)
  useEffect(() => {
    const before = document.activeElement
    sheet.current?.focus()
    // The hand goes back to where it was.
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  const next = cards[at + 1]
  const felt = card === undefined ? '' : feeling(card.sentence)
  return (
    <section ref={sheet} tabIndex={-1} role="dialog" aria-label={t('desk.prompter')} data-testid="prompter" className="absolute inset-0 z-30 flex flex-col bg-stage text-ink outline-none">
      <header className="flex items-center gap-3 px-5 py-3">
        <p className="min-w-0 flex-1 truncate text-lg text-muted">
          {card?.line.name} {felt !== '' && <i className="text-accent">({felt})</i>}
        </p>
        <button type="button" className="btn" data-testid="prompter-close" onClick={() => desk.stand.turn({ prompter: false })}>
          <Icon name="close" className="size-4" />
          {t('common.close')}
        </button>
      </header>
      <div className="flex min-h-0 flex-1 flex-col justify-center gap-8 overflow-y-auto px-[8vw] py-4">
        <p className="font-serif text-[clamp(1.9rem,6vw,4.5rem)] leading-tight text-balance break-words" data-testid="prompter-line" aria-live="assertive">
          {card?.sentence.text ?? t('desk.prompter_empty')}
        </p>
        {next !== undefined && <p className="font-serif text-[clamp(1.1rem,2.6vw,2rem)] text-muted">{next.sentence.text}</p>}
      </div>
      <footer className="flex items-center justify-center gap-4 px-5 pt-2 pb-[max(1.25rem,env(safe-area-inset-bottom))]">
        <button type="button" className="btn h-14 min-w-28" data-testid="prompter-prev" disabled={at <= 0} onClick={() => step(-1)}>
          ← {t('desk.previous')}
        </button>
        <span className="text-sm text-muted tabular-nums">
          {cards.length === 0 ? 0 : at + 1} / {cards.length}
        </span>
        <button type="button" className="btn btn-primary h-14 min-w-28" data-testid="prompter-next" disabled={at >= cards.length - 1} onClick={() => step(1)}>
          {t('desk.next_line')} →
        </button>
      </footer>
    </section>
  )
}
