/** The one big control: hands-free it opens and closes the ear, push-to-talk it is held. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { usePrefs } from '@/lib/prefs'
import { useObservable } from '@/lib/useObservable'

import type { TableSession } from '../session/tableSession'
import type { VoiceState } from '../session/voicePath'

function labelOf(state: VoiceState): string {
  if (state.microphone === 'opening') return 'talk.opening'
  if (state.microphone === 'off') return 'talk.start'
  if (state.tableTalk) return 'talk.table_talk_on'
  if (state.mode === 'push') return state.held ? 'talk.release' : 'talk.hold'
  if (state.muted) return 'talk.muted'
  return state.guarded ? 'talk.guarded' : 'talk.listening'
}

export function TalkButton({ table, quiet }: { table: TableSession; quiet: boolean }) {
  const { t } = useTranslation()
  const state = useObservable(table.voice.state$)
  const { microphone } = usePrefs()
  const open = state.microphone === 'open'
  const holding = state.mode === 'push' && open
  const hot = open && !state.tableTalk && (state.mode === 'push' ? state.held : !state.muted && !state.guarded)
  const toggle = () => {
    if (state.microphone === 'off') table.startTalking(microphone)
    else if (!holding) table.voice.close()
  }
  const look = hot ? 'border-transparent bg-foot text-foot-ink shadow-[0_0_34px_-6px_var(--lamp)]' : open ? 'border-accent/60 bg-raised text-ink' : quiet ? 'border-line bg-raised text-ink' : 'border-transparent bg-foot text-foot-ink'
  return (
    <button
      type="button"
      data-talk
      data-testid="talk-button"
      data-state={hot ? 'hearing' : state.microphone}
      aria-pressed={state.mode === 'push' ? state.held : open}
      aria-label={t(labelOf(state))}
      onClick={toggle}
      onPointerDown={(event) => {
        if (!holding) return
        event.currentTarget.setPointerCapture(event.pointerId)
        table.voice.press()
      }}
      onPointerUp={() => table.voice.release()}
      onPointerCancel={() => table.voice.release()}
      onContextMenu={(event) => event.preventDefault()}
      className={`flex h-14 min-w-0 flex-1 touch-none items-center justify-center gap-2.5 rounded-full border px-5 font-medium transition-[background,box-shadow,color] select-none ${look}`}
    >
      <Icon name={state.muted && open && state.mode === 'hands-free' ? 'micOff' : 'mic'} className="size-5.5 shrink-0" />
      <span className="truncate">{t(labelOf(state))}</span>
    </button>
  )
}
