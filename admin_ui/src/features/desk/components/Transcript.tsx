/** The session as it happens, with everything only the director sees; at its end who speaks now, word by word. */
import { useCallback, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Empty } from '@/components/States'
import { useObservable } from '@/lib/useObservable'

import type { DeskSession } from '../session/deskSession'
import { shownState } from '../session/states'
import { EntryRow } from './EntryRow'
import { EntryTools } from './EntryTools'
import { useParts } from './useParts'

/** Closer to the end than this counts as reading along. */
const NEAR_PX = 64

function useFollowing() {
  const box = useRef<HTMLDivElement>(null)
  const [following, setFollowing] = useState(true)
  const jump = useCallback(() => {
    setFollowing(true)
    box.current?.scrollTo({ top: box.current.scrollHeight })
  }, [])
  useEffect(() => {
    const content = box.current?.firstElementChild
    if (box.current === null || content == null || !following) return
    const observer = new ResizeObserver(() => box.current?.scrollTo({ top: box.current.scrollHeight }))
    observer.observe(content)
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [following])
  const watch = useCallback(() => {
    const element = box.current
    if (element !== null) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX)
  }, [])
  return { box, following, jump, watch }
}

export function Transcript({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view, shown, at } = useParts(desk)
  const spoken = useObservable(desk.sound.spoken$)
  const { box, following, jump, watch } = useFollowing()
  const choose = useCallback((seq: number) => desk.stand.turn({ entry: seq, doing: 'menu' }), [desk])
  const list = useRef<HTMLOListElement>(null)
  useEffect(() => {
    if (at.entry === 0 || at.doing !== 'menu') return
    const row = list.current?.querySelector<HTMLElement>(`[data-entry="${at.entry}"]`)
    if (row !== null && row !== undefined && !row.contains(document.activeElement)) row.focus()
  }, [at.entry, at.doing])
  return (
    <section aria-label={t('screenplay.label')} data-testid="desk-transcript" className="relative flex min-h-0 flex-1 flex-col bg-paper text-paper-ink">
      <div ref={box} onScroll={watch} tabIndex={0} className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-3 focus-visible:outline-offset-[-2px] max-sm:px-1">
        <ol ref={list} className="mx-auto flex max-w-3xl flex-col gap-0.5 py-4 *:[content-visibility:auto] *:[contain-intrinsic-size:auto_3rem]">
          {view.entries.length === 0 && (
            <li>
              <Empty title={t('screenplay.empty')}>{t('desk.empty_hint')}</Empty>
            </li>
          )}
          {view.entries.map((entry) => {
            const chosen = at.entry === entry.seq
            const tools = chosen && (entry.type === 'line' || entry.type === 'said') ? <EntryTools desk={desk} entry={entry} doing={at.doing} /> : null
            const line = entry.type === 'line' ? entry : null
            return (
              <EntryRow key={entry.seq} entry={entry} color={line === null ? '' : (view.members.get(line.character)?.color ?? '')} state={line === null ? null : shownState(line, shown.held)} spoken={line !== null && spoken?.line === line.line ? spoken : null} chosen={chosen} onChoose={choose}>
                {tools}
              </EntryRow>
            )
          })}
          <Speaking desk={desk} />
        </ol>
      </div>
      {!following && (
        <button type="button" className="btn btn-primary absolute bottom-3 left-1/2 -translate-x-1/2 rounded-full shadow-(--shadow)" data-testid="jump-to-now" onClick={jump}>
          <Icon name="down" className="size-4" />
          {t('screenplay.jump')}
        </button>
      )}
    </section>
  )
}

/** Words that are no fact yet. */
function Speaking({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const { speaking } = useObservable(desk.live$)
  return [...speaking].map(([participant, words]) => (
    <li key={participant} data-testid="partial" className="px-2.5 py-1.5 text-muted italic">
      <p className="flex items-center gap-2 text-[13px] not-italic">
        <Icon name="mic" className="size-3.5 animate-pulse text-good" />
        <span className="font-semibold">{view.members.get(participant)?.name || t('stage.someone')}</span>
      </p>
      <p className="break-words">{words === '' ? '…' : words}</p>
    </li>
  ))
}
