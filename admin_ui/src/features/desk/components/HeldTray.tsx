/** Everything that waits for a decision: the draft at hand opened, the others as one line each, and replies that are still being prepared. */
import { useTranslation } from 'react-i18next'

import type { HeldLine } from '@/lib/realtime/protocol'
import { useObservable } from '@/lib/useObservable'

import type { DeskSession } from '../session/deskSession'
import type { Speculation } from '../session/live'
import { lineIn, meant } from '../session/states'
import { HeldCard } from './HeldCard'
import { Dot, useFeeling } from './looks'
import { useParts } from './useParts'

export function HeldTray({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { shown, at, view } = useParts(desk)
  const { speculations } = useObservable(desk.live$)
  const open = meant(shown.held, at.held)
  const prepared = speculations.filter((one) => lineIn(view, one.line) === undefined)
  if (shown.held.length === 0 && prepared.length === 0) return null
  return (
    <section aria-label={t('desk.drafts')} data-testid="held-tray" className="flex max-h-[55%] min-h-0 shrink-0 flex-col gap-2 overflow-y-auto border-t border-accent/40 bg-velvet p-3 max-sm:p-2">
      {prepared.map((one) => (
        <Prepared key={one.line} desk={desk} speculation={one} />
      ))}
      {shown.held.filter((held) => held !== open).map((held) => (
        <Waiting key={held.line} desk={desk} held={held} />
      ))}
      {open !== undefined && <HeldCard key={open.line} desk={desk} held={open} />}
    </section>
  )
}

/** Not at hand, or released already and waiting for the floor. */
function Waiting({ desk, held }: { desk: DeskSession; held: HeldLine }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const member = view.members.get(held.character)
  const words = lineIn(view, held.line)?.sentences.map((sentence) => sentence.text).join(' ') ?? ''
  return (
    <button type="button" data-testid={`held-${held.line}`} data-queued={held.queued} disabled={held.queued} onClick={() => desk.stand.turn({ held: held.line, deciding: 'choose' })} className="flex w-full items-center gap-2 rounded-lg border border-line bg-raised/70 px-3 py-1.5 text-left text-sm">
      <Dot name={member?.name ?? held.character} color={member?.color} />
      <span className="shrink-0 font-medium">{member?.name ?? held.character}</span>
      <span className="min-w-0 flex-1 truncate text-muted">{words}</span>
      {held.stale && !held.queued && <span className="chip text-danger">{t('desk.stale')}</span>}
      {held.claimed_by !== '' && <span className="chip text-accent" data-testid="waiting-claimed">{held.claimed_by === desk.me ? t('desk.claimed_mine') : t('desk.claimed', { name: held.claimed_by_name || t('desk.another_director') })}</span>}
      <span className="chip">{t(held.queued ? 'desk.state_queued' : 'desk.state_held')}</span>
    </button>
  )
}

/** Prepared while somebody still talks: to be read, not to be released. */
function Prepared({ desk, speculation }: { desk: DeskSession; speculation: Speculation }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const feeling = useFeeling()
  const name = view.members.get(speculation.character)?.name ?? speculation.character
  return (
    <p data-testid={`draft-${speculation.line}`} className="rounded-lg border border-dashed border-line px-3 py-1.5 text-sm text-muted italic opacity-80">
      <span className="mr-1.5 font-medium not-italic">{name}</span>
      <span className="chip mr-1.5 not-italic">{t('desk.prepared')}</span>
      {speculation.sentences.map((sentence) => {
        const felt = feeling(sentence)
        return <span key={sentence.index}>{`${felt === '' ? '' : `(${felt}) `}${sentence.text} `}</span>
      })}
    </p>
  )
}
