/** That the director's own microphone is open, and for whom; on a screen without keys, buttons to hold. */
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { rawAsked } from '@/lib/audio/microphone'
import { usePrefs } from '@/lib/prefs'
import { useObservable } from '@/lib/useObservable'

import type { DeskSession } from '../session/deskSession'
import type { Role } from '../session/ownVoice'
import { useParts } from './useParts'

export function OwnVoiceLamp({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { role, waiting, fault } = useObservable(desk.voice.state$)
  const { view } = useParts(desk)
  const bar = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    const subscription = desk.voice.level$.subscribe((level) => {
      if (bar.current !== null) bar.current.style.width = `${Math.round(level * 100)}%`
    })
    return () => subscription.unsubscribe()
  }, [desk])
  const name = (slug: string) => view.members.get(slug)?.name ?? slug
  const label = role === null ? (waiting ? t('desk.voice_waiting') : t('desk.voice_idle')) : role.as === 'narrator' ? t('desk.voice_narrator') : role.as === 'character' ? t('desk.voice_character', { name: name(role.slug) }) : t('desk.voice_address', { name: name(role.to) })
  return (
    <div className="flex items-center gap-1.5" data-testid="own-voice" data-role={role?.as ?? ''}>
      <span className={`relative flex items-center gap-1.5 overflow-hidden rounded-full border px-2 py-1 text-xs ${role === null ? 'border-line text-muted' : 'border-transparent bg-foot text-foot-ink'}`} role="status">
        <Icon name="mic" className="size-3.5" />
        <span className="max-w-44 truncate max-sm:hidden">{label}</span>
        <span ref={bar} className="absolute bottom-0 left-0 h-0.5 bg-current" />
      </span>
      {fault !== null && <span className="max-w-60 truncate text-xs text-danger" role="alert" title={t(`microphone.${fault}`)}>{t(`microphone.${fault}`)}</span>}
    </div>
  )
}

/** Why the microphone does not open, where the lamp has no room. */
export function OwnVoiceFault({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { fault } = useObservable(desk.voice.state$)
  if (fault === null) return null
  return (
    <p role="alert" className="flex shrink-0 items-start gap-2 border-t border-danger/50 bg-velvet px-3 py-1.5 text-sm text-danger lg:hidden" data-testid="own-voice-fault">
      <Icon name="warning" className="mt-0.5 size-4 shrink-0" />
      {t(`microphone.${fault}`)}
    </p>
  )
}

/** To hold where there is no keyboard. */
export function OwnVoiceButtons({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { current } = useParts(desk)
  const { role } = useObservable(desk.voice.state$)
  const { microphone } = usePrefs()
  const roles: [string, Role][] = [['narrator', { as: 'narrator' }], ...(current === undefined ? [] : ([['character', { as: 'character', slug: current.id }], ['address', { as: 'oneself', to: current.id }]] satisfies [string, Role][]))]
  return roles.map(([key, one]) => (
    <button
      key={key}
      type="button"
      className={`btn-sm shrink-0 touch-none select-none lg:hidden ${role?.as === one.as ? 'btn-on' : ''}`}
      aria-label={t(`desk.hold_${key}`)}
      data-testid={`hold-${key}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        desk.voice.press(one, microphone, rawAsked(location.search))
      }}
      onPointerUp={() => desk.voice.release()}
      onPointerCancel={() => desk.voice.release()}
      onContextMenu={(event) => event.preventDefault()}
    >
      <Icon name="mic" className="size-4" />
      {t(`desk.short_${key}`)}
    </button>
  ))
}
