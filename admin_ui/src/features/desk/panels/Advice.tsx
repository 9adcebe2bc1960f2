/** The adviser's proposals as cards: accept, edit and accept, pin, reject. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Failure } from '@/components/States'
import type { Recommendation } from '@/lib/transcript/view'
import { useNow } from '@/lib/useNow'

import { useAdvice } from '../api/panels'
import { useParts } from '../components/useParts'
import type { DeskSession } from '../session/deskSession'
import { DeskNothing, PanelTitle } from './parts'

const OPEN: ReadonlySet<string> = new Set(['proposed', 'pinned'])

export function Advice({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const asking = useAdvice(desk.id)
  const now = useNow(5_000)
  const cards = view.recommendations.filter((one) => OPEN.has(one.state) && (one.expiresAt === 0 || one.expiresAt > now)).toReversed()
  return (
    <section>
      <PanelTitle title={t('desk.advice')}>
        <button type="button" className="btn-sm" data-testid="ask-advice" disabled={asking.isPending} onClick={() => asking.mutate()}>
          {t(asking.isPending ? 'desk.advising' : 'desk.ask_advice')}
        </button>
      </PanelTitle>
      {asking.isError && <Failure error={asking.error} />}
      {asking.data?.remark && <p className="mb-2 text-xs text-muted">{asking.data.remark}</p>}
      {cards.length === 0 && <DeskNothing>{t('desk.advice_empty')}</DeskNothing>}
      <ul className="flex flex-col gap-2">
        {cards.map((card) => (
          <Card key={card.id} desk={desk} card={card} />
        ))}
      </ul>
    </section>
  )
}

function Card({ desk, card }: { desk: DeskSession; card: Recommendation }) {
  const { t, i18n } = useTranslation()
  const { view } = useParts(desk)
  const [text, setText] = useState<string | null>(null)
  const pinned = card.state === 'pinned'
  const decide = (state: 'accepted' | 'pinned' | 'rejected') => void desk.correct({ kind: 'decide', recommendation: card.id, state, ...(text === null || text.trim() === '' ? {} : { text: text.trim() }) }).then(() => setText(null))
  const category = i18n.exists(`desk.category_${card.category}`) ? t(`desk.category_${card.category}`) : card.category
  const whom = card.character === '' ? t('desk.everybody') : (view.members.get(card.character)?.name ?? card.character)
  return (
    <li data-testid={`advice-${card.id}`} data-state={card.state} className={`rounded-lg border bg-raised/60 p-2.5 text-sm ${pinned ? 'border-accent/60' : 'border-line'}`}>
      <p className="mb-1 flex items-center gap-2 text-xs text-muted">
        <span className="chip">{category}</span>
        <span className="truncate">{whom}</span>
        {card.restsOn.length > 0 && (
          <button type="button" className="ml-auto shrink-0 underline underline-offset-2 hover:text-ink" onClick={() => desk.stand.turn({ entry: entryOf(card, desk), doing: 'menu', part: 'live' })}>
            {t('desk.rests_on')}
          </button>
        )}
      </p>
      {text === null ? <p className="mb-2 break-words">{card.text}</p> : <textarea autoFocus className="field mb-2 field-sizing-content max-h-40 text-sm" aria-label={t('desk.edit')} maxLength={2000} value={text} onChange={(event) => setText(event.target.value)} />}
      <div className="flex flex-wrap gap-1.5">
        {!pinned && (
          <button type="button" className="btn-sm btn-primary" data-testid="advice-accept" onClick={() => decide('accepted')}>
            <Icon name="check" className="size-4" />
            {t('desk.accept')}
          </button>
        )}
        <button type="button" className="btn-sm" onClick={() => setText(text === null ? card.text : null)}>
          {t('desk.edit')}
        </button>
        {!pinned && (
          <button type="button" className="btn-sm" data-testid="advice-pin" onClick={() => decide('pinned')}>
            <Icon name="pin" className="size-4" />
            {t('desk.pin')}
          </button>
        )}
        <button type="button" className="btn-sm text-danger" data-testid="advice-reject" onClick={() => decide('rejected')}>
          {t(pinned ? 'desk.unpin' : 'desk.reject')}
        </button>
      </div>
    </li>
  )
}

/** The entry that holds the first fact that it rests on. */
function entryOf(card: Recommendation, desk: DeskSession): number {
  const seq = card.restsOn[0] ?? 0
  const entry = desk.transcript$.value.view.entries.find((one) => one.seq === seq || (one.type === 'line' && one.sentences.some((sentence) => sentence.seq === seq)))
  return entry?.seq ?? 0
}
