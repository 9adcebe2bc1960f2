/** The live screenplay, to be edited in place: leave a block, and what you changed in it becomes corrections. */
import type { TFunction } from 'i18next'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { BehaviorSubject } from 'rxjs'

import { Icon } from '@/components/Icon'
import { useProblemText } from '@/components/States'
import type { Transcript } from '@/lib/transcript/fold'
import { useObservable } from '@/lib/useObservable'

import { EditorController, type Language } from './controller'
import { Downloads } from './Downloads'
import { Margin } from './Margin'
import { Troubles } from './Troubles'

interface Props {
  session: string
  /** The facts, folded, as they come. */
  transcript$: BehaviorSubject<Transcript>
  className?: string
}

export function ScreenplayEditor({ session, transcript$, className = '' }: Props) {
  const { t, i18n } = useTranslation()
  const host = useRef<HTMLDivElement>(null)
  const [controller, setController] = useState<EditorController | null>(null)
  const { language } = i18n
  useEffect(() => {
    if (host.current === null) return
    const made = new EditorController(host.current, session, transcript$, languageOf(t, language))
    setController(made)
    return () => {
      setController(null)
      made.destroy()
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- a new language makes a new editor; `t` itself changes more often
  }, [session, transcript$, language])
  const wide = useWide(host)
  return (
    <section aria-label={t('desk.editor.label')} data-testid="screenplay-editor" className={`relative flex min-h-0 min-w-0 flex-1 flex-col bg-paper ${className}`}>
      {controller === null ? <div className="h-12 shrink-0 border-b border-line/70" /> : <Toolbar controller={controller} session={session} transcript$={transcript$} wide={wide} />}
      <div ref={host} className={`screenplay-host min-h-0 flex-1 ${wide ? '' : 'screenplay-narrow'}`} />
      {controller !== null && wide && <Margin controller={controller} transcript$={transcript$} />}
      {controller !== null && <Troubles controller={controller} />}
      {controller !== null && <JumpToNow controller={controller} />}
    </section>
  )
}

/** Room for a margin beside the text. */
const WIDE_PX = 860

function useWide(host: React.RefObject<HTMLDivElement | null>): boolean {
  const [wide, setWide] = useState(true)
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const observer = new ResizeObserver(([entry]) => setWide((entry?.contentRect.width ?? 0) >= WIDE_PX))
    observer.observe(element)
    return () => observer.disconnect()
  }, [host])
  return wide
}

function languageOf(t: TFunction, language: string): Language {
  const search = ['find', 'next', 'previous', 'all', 'match_case', 'by_word', 'regexp', 'replace', 'replace_all', 'close', 'current_match', 'on_line', 'replaced_match', 'replaced_count', 'Find', 'Replace'] as const
  const theirs: Record<(typeof search)[number], string> = {
    find: 'find', next: 'next', previous: 'previous', all: 'all', match_case: 'match case', by_word: 'by word', regexp: 'regexp', replace: 'replace', replace_all: 'replace all', close: 'close',
    current_match: 'current match', on_line: 'on line', replaced_match: 'replaced match on line $', replaced_count: 'replaced $ matches', Find: 'Find', Replace: 'Replace',
  }
  return {
    label: t('desk.editor.text'),
    empty: t('desk.editor.empty'),
    // In English the parenthetical says it already.
    badge: (badge) => (badge.startsWith('emotion.') ? (language === 'en' ? '' : t(badge, { defaultValue: badge.slice('emotion.'.length) })) : t(`desk.editor.${badge}`, { defaultValue: badge.replace('badge_', '') })),
    phrases: Object.fromEntries(search.map((key) => [theirs[key], t(`desk.editor.search_${key}`)])),
    words: {
      enters: (name) => t('screenplay.enters', { name }),
      leaves: (name) => t('screenplay.leaves', { name }),
      passed: () => t('screenplay.passed'),
      degraded: (part, from, to) => t('screenplay.degraded', { part: t(`part.${part}`, { defaultValue: part }), from, to }),
      recovered: (part, to) => t('screenplay.recovered', { part: t(`part.${part}`, { defaultValue: part }), to }),
      rolled: (name, expression, total) => t('screenplay.rolled', { name, expression, total }),
    },
  }
}

function Toolbar({ controller, session, transcript$, wide }: { controller: EditorController; session: string; transcript$: BehaviorSubject<Transcript>; wide: boolean }) {
  const { t } = useTranslation()
  const shown = useObservable(controller.shown$)
  const text = useProblemText()
  return (
    <header className="flex min-h-12 shrink-0 flex-wrap items-center gap-x-1 gap-y-0.5 border-b border-line/70 px-3 py-1 max-sm:px-1.5">
      <button type="button" className="icon-btn btn-quiet" aria-label={t('desk.editor.search')} title={t('desk.editor.search')} data-testid="editor-search" onClick={() => controller.search()}>
        <Icon name="search" />
      </button>
      <button type="button" className="btn btn-quiet px-2.5" title={t('desk.editor.undo_hint')} data-testid="editor-undo" onClick={() => void controller.undo()}>
        <Icon name="reset" className="size-4.5" />
        <span className="max-sm:sr-only">{t('desk.editor.undo')}</span>
      </button>
      <button type="button" aria-pressed={shown.following} className={`btn px-2.5 ${shown.following ? 'btn-on' : 'btn-quiet'}`} title={t('desk.editor.follow_hint')} data-testid="editor-follow" onClick={() => controller.setFollowing(!shown.following)}>
        <Icon name="down" className="size-4.5" />
        <span className="max-sm:sr-only">{t('desk.editor.follow')}</span>
      </button>
      {!wide && <Margin controller={controller} transcript$={transcript$} sheet />}
      <Progress changed={shown.changed} waiting={shown.waiting} applied={shown.applied} refused={shown.refused === null ? null : text(shown.refused)} />
      <Downloads session={session} />
    </header>
  )
}

function Progress({ changed, waiting, applied, refused }: { changed: number; waiting: number; applied: number; refused: string | null }) {
  const { t } = useTranslation()
  const state = refused !== null ? 'refused' : waiting > 0 ? 'pending' : changed > 0 ? 'changed' : applied > 0 ? 'applied' : 'none'
  const words = { refused: refused ?? '', pending: t('desk.editor.pending', { count: waiting }), changed: t('desk.editor.changed'), applied: t('desk.editor.applied', { count: applied }), none: '' }
  const inks = { refused: 'text-danger', pending: 'text-accent', changed: 'text-accent', applied: 'text-good', none: '' }
  return (
    <p role="status" data-testid="editor-progress" data-state={state} className={`min-w-0 flex-1 truncate px-2 text-right text-xs ${inks[state]}`}>
      {words[state]}
    </p>
  )
}

function JumpToNow({ controller }: { controller: EditorController }) {
  const { t } = useTranslation()
  const { following, troubles } = useObservable(controller.shown$)
  const hidden = useMemo(() => following || troubles.length > 0, [following, troubles])
  if (hidden) return null
  return (
    <button type="button" className="btn btn-primary absolute bottom-4 left-1/2 -translate-x-1/2 rounded-full shadow-(--shadow)" data-testid="editor-jump" onClick={() => controller.jump()}>
      <Icon name="down" className="size-4" />
      {t('screenplay.jump')}
    </button>
  )
}
