/** Everything one does at the table with the hands: talk, type, mute, table talk, interrupt. */
import { useCallback, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon, type IconName } from '@/components/Icon'
import { Segmented } from '@/components/Segmented'
import { useStatus } from '@/lib/api/status'
import { setPrefs, usePrefs } from '@/lib/prefs'
import { useObservable } from '@/lib/useObservable'

import type { TableSession } from '../session/tableSession'
import { Footlights } from './Footlights'
import { TalkButton } from './TalkButton'
import { TypeBox } from './TypeBox'
import { useKeys } from './useKeys'

const HEADS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20]

interface KeyProps {
  icon: IconName
  label: string
  short: string
  hint: string
  on?: boolean
  disabled?: boolean
  testId: string
  onClick: () => void
}

function Key({ icon, label, short, hint, on = false, disabled = false, testId, onClick }: KeyProps) {
  return (
    <button type="button" className={`btn h-14 w-19 shrink-0 flex-col gap-0.5 rounded-2xl px-0.5 py-0 max-sm:w-15 ${on ? 'btn-on' : ''}`} data-testid={testId} aria-pressed={on} title={`${label} (${hint})`} disabled={disabled} onClick={onClick}>
      <Icon name={icon} />
      <span className="max-w-full truncate text-[11px] leading-tight max-sm:text-[10px] font-normal text-muted">{short}</span>
    </button>
  )
}

export function Dock({ table }: { table: TableSession }) {
  const { t } = useTranslation()
  const { talk, heads, voices, loudspeakers } = usePrefs()
  const voice = useObservable(table.voice.state$)
  const typing = useRef<HTMLTextAreaElement>(null)
  const focusTyping = useCallback(() => typing.current?.focus(), [])
  useKeys(table, focusTyping)
  const typingFirst = useStatus().data?.banners.some((banner) => banner.code === 'stt_weak') ?? false
  const type = <TypeBox key={String(typingFirst)} table={table} field={typing} first={typingFirst} />
  return (
    <div className="flex flex-col gap-3 px-4 pt-1 pb-[max(1rem,env(safe-area-inset-bottom))] max-sm:gap-2 max-sm:px-3">
      <Footlights table={table} />
      {typingFirst && type}
      <div className="flex items-center gap-2">
        <TalkButton table={table} quiet={typingFirst} />
        <Key icon="micOff" label={t('talk.mute')} short={t('talk.mute_short')} hint="M" on={voice.muted} disabled={talk === 'push'} testId="mute-button" onClick={() => table.voice.setMuted(!voice.muted)} />
        <Key icon="people" label={t('talk.table_talk')} short={t('talk.table_talk_short')} hint="T" on={voice.tableTalk} testId="table-talk-button" onClick={() => table.voice.setTableTalk(!voice.tableTalk)} />
        <Key icon="stop" label={t('talk.interrupt')} short={t('talk.interrupt_short')} hint="Esc" testId="interrupt-button" onClick={() => table.interrupt()} />
      </div>
      {!typingFirst && type}
      {voice.fault !== null && (
        <p role="alert" className="flex gap-2 text-sm text-danger">
          <Icon name="warning" className="mt-0.5 size-4 shrink-0" />
          {t(`microphone.${voice.fault}`)}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <Segmented
          label={t('talk.mode')}
          value={talk}
          onChange={(mode) => setPrefs({ talk: mode })}
          options={[
            { value: 'hands-free', label: t('talk.hands_free') },
            { value: 'push', label: t('talk.push') },
          ]}
        />
        <select className={`btn btn-quiet px-2.5 ${heads > 1 ? 'text-accent' : ''}`} data-testid="heads-select" aria-label={t('talk.heads')} title={t('talk.heads_hint')} value={heads} onChange={(event) => setPrefs({ heads: Number(event.target.value) })}>
          {HEADS.map((n) => (
            <option key={n} value={n}>
              {t(n === 1 ? 'talk.heads_one' : 'talk.heads_many', { n })}
            </option>
          ))}
        </select>
        <button type="button" className={`btn btn-quiet px-2.5 ${loudspeakers ? '' : 'text-ink'}`} aria-pressed={!loudspeakers} onClick={() => setPrefs({ loudspeakers: !loudspeakers })} title={t('prefs.loudspeakers_hint')} data-testid="loudspeakers-button">
          <Icon name={loudspeakers ? 'loudspeaker' : 'headphones'} />
          <span className="max-sm:sr-only">{loudspeakers ? t('talk.loudspeakers') : t('talk.headphones')}</span>
        </button>
        <button type="button" className={`btn btn-quiet px-2.5 ${voices ? '' : 'text-danger'}`} aria-pressed={voices} onClick={() => setPrefs({ voices: !voices })} data-testid="voices-button">
          <Icon name={voices ? 'speaker' : 'speakerOff'} />
          <span className="max-sm:sr-only">{voices ? t('talk.voices_on') : t('talk.voices_off')}</span>
        </button>
      </div>
    </div>
  )
}
