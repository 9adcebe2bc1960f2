/** Small things that every part of the desk uses: keys, names, feelings, states. */
import type { CSSProperties, ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { hueOf } from '@/components/Portrait'
import type { DeskShown } from '@/lib/realtime/protocol'
import type { Member, View } from '@/lib/transcript/view'

import type { Shown } from '../session/states'

export function Key({ children }: { children: ReactNode }) {
  return (
    <kbd aria-hidden="true" className="rounded border border-current/25 px-1 font-sans text-[10px] leading-4 font-medium opacity-70 max-lg:hidden">
      {children}
    </kbd>
  )
}

export function Dot({ name, color = '' }: { name: string; color?: string | undefined }) {
  return <span aria-hidden="true" className="size-2.5 shrink-0 rounded-full bg-(--hue)" style={{ '--hue': hueOf(name, color) } as CSSProperties} />
}

const STATE_LOOK: Record<Shown, string> = {
  drafting: 'text-muted border-line',
  held: 'text-foot-ink bg-foot border-transparent',
  queued: 'text-accent border-accent/60',
  speaking: 'text-good border-good/60',
  heard: 'text-muted border-transparent',
  cut: 'text-danger border-danger/50',
  rejected: 'text-danger border-danger/50',
  aborted: 'text-danger border-danger/50',
}

export function StateBadge({ state }: { state: Shown }) {
  const { t } = useTranslation()
  return <span className={`shrink-0 rounded-full border px-1.5 text-[11px] leading-4.5 ${STATE_LOOK[state]}`}>{t(`desk.state_${state}`)}</span>
}

/** A feeling in words of the page; empty where there is none. */
export function useFeeling(): (felt: { emotion: string; manner: string }) => string {
  const { t, i18n } = useTranslation()
  const word = (key: string) => (i18n.exists(`emotion.${key}`) ? t(`emotion.${key}`) : key)
  return ({ emotion, manner }) => [emotion === 'neutral' ? '' : word(emotion), manner === 'plain' || manner === '' ? '' : word(manner)].filter((part) => part !== '').join(', ')
}

/** The characters that are there, in the order in which they came. */
export function castOf(view: View): Member[] {
  return [...view.members.values()].filter((member) => member.role === 'character' && member.present)
}

export function peopleOf(view: View): Member[] {
  return [...view.members.values()].filter((member) => member.role !== 'character' && member.present)
}

/** Whom steering is for: the chosen one, else the one with a draft, else the one who spoke last, else the first. */
export function currentOf(view: View, desk: DeskShown, chosen: string): Member | undefined {
  const cast = castOf(view)
  const last = view.entries.findLast((entry) => entry.type === 'line')
  const wanted = [chosen, desk.held.findLast((held) => !held.queued)?.character, last?.type === 'line' ? last.character : '']
  return wanted.map((slug) => cast.find((member) => member.id === slug)).find((member) => member !== undefined) ?? cast[0]
}
