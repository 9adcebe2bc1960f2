/** Cards beside the text; where there is no room, behind a button. */
import { useLayoutEffect, useMemo, useRef, useState } from 'react'
import { createPortal } from 'react-dom'
import { useTranslation } from 'react-i18next'
import type { BehaviorSubject } from 'rxjs'

import { Icon } from '@/components/Icon'
import { Sheet } from '@/components/Sheet'
import { Empty, useProblemText } from '@/components/States'
import type { Transcript } from '@/lib/transcript/fold'
import { notesInForce } from '@/lib/transcript/steering'
import { useObservable } from '@/lib/useObservable'

import type { AnyCorrection } from './api'
import { type Card, cardsOf, stacked } from './cards'
import type { EditorController } from './controller'

export function Margin({ controller, transcript$, sheet = false }: { controller: EditorController; transcript$: BehaviorSubject<Transcript>; sheet?: boolean }) {
  const { view } = useObservable(transcript$)
  const cards = useMemo(() => cardsOf(view, new Map(notesInForce(view).map(({ note, left }) => [note.seq, left]))), [view])
  return sheet ? <Behind cards={cards} controller={controller} /> : createPortal(<Beside cards={cards} controller={controller} />, controller.margin)
}

function Behind({ cards, controller }: { cards: readonly Card[]; controller: EditorController }) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  return (
    <>
      <button type="button" className="btn btn-quiet px-2.5" data-testid="editor-notes" onClick={() => setOpen(true)}>
        <Icon name="edit" className="size-4.5" />
        {t('desk.editor.notes', { count: cards.length })}
      </button>
      {open && (
        <Sheet side title={t('desk.editor.notes_title')} onClose={() => setOpen(false)}>
          {cards.length === 0 && <Empty title={t('desk.editor.no_notes')}>{t('desk.editor.no_notes_hint')}</Empty>}
          <ol className="flex flex-col gap-2.5">
            {cards.map((card) => (
              <li key={card.seq}>
                <CardView card={card} controller={controller} />
              </li>
            ))}
          </ol>
        </Sheet>
      )}
    </>
  )
}

function Beside({ cards, controller }: { cards: readonly Card[]; controller: EditorController }) {
  const { t } = useTranslation()
  const list = useRef<HTMLOListElement>(null)
  const moved = useObservable(controller.moved$)
  useLayoutEffect(() => {
    const items = [...(list.current?.children ?? [])] as HTMLElement[]
    const tops = stacked(cards.map((card) => controller.topOf(card.block)), items.map((item) => item.offsetHeight))
    items.forEach((item, at) => {
      item.style.top = `${tops[at] ?? 0}px`
    })
    const last = items.at(-1)
    if (list.current !== null) list.current.style.height = last === undefined ? '0' : `${(tops.at(-1) ?? 0) + last.offsetHeight + 24}px`
  }, [cards, moved, controller])
  return (
    <ol ref={list} aria-label={t('desk.editor.notes_title')} className="relative font-sans text-sm">
      {cards.map((card) => (
        <li key={card.seq} className="absolute right-4 left-1">
          <CardView card={card} controller={controller} />
        </li>
      ))}
    </ol>
  )
}

const EDGE = { note: 'border-l-lamp', whisper: 'border-l-accent', revealed: 'border-l-accent', recommendation: 'border-l-good' }

function CardView({ card, controller }: { card: Card; controller: EditorController }) {
  const { t } = useTranslation()
  const text = useProblemText()
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const [draft, setDraft] = useState<string | null>(null)
  const tell = async (correction: AnyCorrection) => {
    setBusy(true)
    setError('')
    try {
      await controller.tellCard(correction)
      setDraft(null)
    } catch (problem) {
      setError(text(problem))
    } finally {
      setBusy(false)
    }
  }
  const decide = (state: 'accepted' | 'pinned' | 'rejected') => void tell({ kind: 'decide', recommendation: card.id, state, ...(draft === null ? {} : { text: draft }) })
  const save = () => {
    if (card.kind === 'recommendation') decide('accepted')
    else void tell({ kind: 'edit', target: card.seq, base: 0, text: draft ?? card.text })
  }
  const act = { seq: card.seq, busy }
  const faded = card.kind === 'note' && !card.inForce
  return (
    <article data-testid={`card-${card.seq}`} data-kind={card.kind} className={`rounded-lg border border-l-[3px] border-line bg-velvet px-3 py-2 text-[0.8rem] leading-snug text-ink ${EDGE[card.kind]} ${faded ? 'opacity-60' : ''}`}>
      <button type="button" className="mb-0.5 block w-full text-left text-[0.7rem] text-muted hover:text-ink" onClick={() => controller.reveal(card.block)}>
        {titleOf()}
      </button>
      {draft === null ? <p className="break-words whitespace-pre-wrap">{card.text}</p> : <textarea className="field min-h-20 text-[0.8rem]" aria-label={t('desk.editor.card_text')} value={draft} maxLength={4000} autoFocus onChange={(event) => setDraft(event.target.value)} />}
      {error !== '' && (
        <p role="alert" className="mt-1 text-danger">
          {error}
        </p>
      )}
      <p className="mt-1 -ml-1.5 flex flex-wrap gap-x-1">{draft === null ? acts() : editing()}</p>
    </article>
  )

  function titleOf(): string {
    const whom = card.character === '' ? t('desk.editor.for_all') : card.character
    if (card.kind === 'recommendation') return `${t('desk.editor.card_recommendation')} · ${t(`desk.editor.category_${card.category}`, { defaultValue: card.category })} · ${whom}${card.state === 'proposed' ? '' : ` · ${t(`desk.editor.state_${card.state}`)}`}`
    if (card.kind !== 'note') return t(`desk.editor.card_${card.kind}`, { name: card.character })
    const rest = faded ? t('desk.editor.spent') : card.left === null ? '' : t('desk.editor.lines_left', { count: card.left })
    return [t('desk.editor.card_note'), whom, rest].filter((part) => part !== '').join(' · ')
  }

  function acts() {
    if (card.kind === 'revealed') return null
    if (card.kind === 'recommendation' && card.state === 'proposed')
      return (
        <>
          <Act name="accept" {...act} onClick={() => decide('accepted')} />
          <Act name="pin" {...act} onClick={() => decide('pinned')} />
          <Act name="edit" {...act} onClick={() => setDraft(card.text)} />
          <Act name="reject" {...act} onClick={() => decide('rejected')} />
        </>
      )
    if (card.kind === 'recommendation') return <Act name="reject" {...act} onClick={() => decide('rejected')} />
    return (
      <>
        <Act name="edit" {...act} onClick={() => setDraft(card.text)} />
        <Act name="remove" {...act} onClick={() => void tell(card.kind === 'note' ? { kind: 'note', text: '', scope: 'until_removed', removes: card.seq } : { kind: 'strike', targets: [card.seq], base: 0 })} />
      </>
    )
  }

  function editing() {
    return (
      <>
        <Act name="save" {...act} onClick={save} />
        <Act name="cancel" {...act} onClick={() => setDraft(null)} />
      </>
    )
  }
}

function Act({ name, seq, busy, onClick }: { name: string; seq: number; busy: boolean; onClick: () => void }) {
  const { t } = useTranslation()
  return (
    <button type="button" disabled={busy} data-testid={`card-${name}-${seq}`} className="rounded px-1.5 py-1 text-[0.75rem] font-medium text-muted hover:bg-raised hover:text-ink disabled:opacity-50" onClick={onClick}>
      {t(`desk.editor.act_${name}`)}
    </button>
  )
}
