/** The live screenplay: what the table said, as it is said. */
import { useCallback, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { BehaviorSubject } from 'rxjs'

import { Icon } from '@/components/Icon'
import { Empty } from '@/components/States'
import type { SpokenPlace } from '@/lib/transcript/soundMap'
import type { View } from '@/lib/transcript/view'
import { useObservable } from '@/lib/useObservable'

import { EntryView } from './EntryView'

interface Props {
  view: View
  spoken$: BehaviorSubject<SpokenPlace | null>
  /** Typed words that do not stand in the transcript yet. */
  pending: readonly { id: string; text: string }[]
  /** Empty until the session has an id. */
  session: string
}

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
    if (content == null || !following) return
    const observer = new ResizeObserver(() => box.current?.scrollTo({ top: box.current.scrollHeight }))
    observer.observe(content)
    return () => observer.disconnect()
  }, [following])
  const watch = useCallback(() => {
    const element = box.current
    if (element !== null) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX)
  }, [])
  return { box, following, jump, watch }
}

export function Screenplay({ view, spoken$, pending, session }: Props) {
  const { t } = useTranslation()
  const spoken = useObservable(spoken$)
  const { box, following, jump, watch } = useFollowing()
  return (
    <section aria-label={t('screenplay.label')} data-testid="screenplay" className="relative flex min-h-0 min-w-0 flex-1 flex-col bg-paper">
      <header className="flex items-center gap-2 border-b border-line/70 px-5 py-2 max-lg:px-4 max-lg:py-1">
        <h2 className="eyebrow min-w-0 flex-1 truncate">{view.title || t('screenplay.label')}</h2>
        {session !== '' && <Downloads session={session} />}
      </header>
      {/* Focusable: a scroll area must be reachable by keyboard. */}
      <div ref={box} onScroll={watch} tabIndex={0} className="min-h-0 flex-1 overflow-y-auto overscroll-contain px-6 focus-visible:outline-offset-[-2px] max-sm:px-4">
        <ol className="script mx-auto flex max-w-2xl flex-col gap-5 py-8 max-lg:gap-4 max-lg:py-4">
          {view.entries.length === 0 && pending.length === 0 && (
            <li>
              <Empty title={t('screenplay.empty')}>{t('screenplay.empty_hint')}</Empty>
            </li>
          )}
          {view.entries.map((entry) => (
            <EntryView key={entry.seq} entry={entry} spoken={entry.type === 'line' && spoken?.line === entry.line ? spoken : null} />
          ))}
          {pending.map((typed) => (
            <li key={typed.id} className="px-[12%] opacity-55 max-sm:px-[5%]">
              <p className="pl-[24%] text-sm tracking-[0.12em] uppercase max-sm:pl-[18%]">{t('screenplay.sending')}</p>
              <p className="break-words whitespace-pre-wrap">{typed.text}</p>
            </li>
          ))}
        </ol>
      </div>
      {!following && (
        <button type="button" className="btn btn-primary absolute bottom-4 left-1/2 -translate-x-1/2 rounded-full shadow-(--shadow)" data-testid="jump-to-now" onClick={jump}>
          <Icon name="down" className="size-4" />
          {t('screenplay.jump')}
        </button>
      )}
    </section>
  )
}

function Downloads({ session }: { session: string }) {
  const { t } = useTranslation()
  const base = `/api/sessions/${encodeURIComponent(session)}/screenplay`
  return (
    <nav aria-label={t('screenplay.download')} className="flex items-center gap-1 text-xs">
      <Icon name="download" className="size-4 text-muted" />
      {(['fountain', 'txt'] as const).map((format) => (
        <a key={format} href={`${base}?format=${format}&download=1`} download data-testid={`download-${format}`} className="rounded px-1.5 py-1.5 text-muted underline-offset-2 hover:text-ink hover:underline">
          .{format}
        </a>
      ))}
    </nav>
  )
}
