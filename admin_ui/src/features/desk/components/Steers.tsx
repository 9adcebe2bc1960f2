/** One tap on the current character: refuse, lie, stall, the check failed, wrap up, angrier, shorter; and stop. */
import { useTranslation } from 'react-i18next'

import type { DeskSession } from '../session/deskSession'
import { type Steer, steer, STEERS } from '../session/gestures'
import { Dot } from './looks'
import { OwnVoiceButtons } from './OwnVoiceLamp'
import { useParts } from './useParts'

export const STEER_KEYS: Record<Steer, string> = { refuse: 'R', lie: 'L', stall: 'S', failed: 'F', wrap: 'W', angrier: 'A', shorter: 'K' }

export function Steers({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { current } = useParts(desk)
  if (current === undefined) return null
  return (
    <div className="flex shrink-0 items-center gap-1.5 overflow-x-auto border-t lg:flex-wrap border-line/70 bg-velvet px-3 py-1.5 [scrollbar-width:none]" role="toolbar" aria-label={t('desk.steer', { name: current.name })}>
      <OwnVoiceButtons desk={desk} />
      <span className="flex shrink-0 items-center gap-1.5 pr-1 text-sm" data-testid="current-character">
        <Dot name={current.name} color={current.color} />
        {current.name}
      </span>
      {(Object.keys(STEERS) as Steer[]).map((how) => (
        <button key={how} type="button" className="btn-sm shrink-0" data-testid={`steer-${how}`} onClick={() => steer(desk, current.id, how)}>
          {t(`desk.steer_${how}`)} <span aria-hidden="true" className="text-[10px] opacity-60 max-lg:hidden">⇧{STEER_KEYS[how]}</span>
        </button>
      ))}
    </div>
  )
}
