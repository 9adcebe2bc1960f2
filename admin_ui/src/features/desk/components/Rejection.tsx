/** Why a draft is refused: a quick reason by its number, or one's own words; the next draft knows it. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Key } from './looks'

/** The words go to the model; the page's own words stand on the buttons. */
export const REASONS = {
  character: 'That is out of character.',
  long: 'It is too long. Be brief.',
  wrong: 'It contradicts what has happened.',
  secret: 'It gives away too much.',
  tone: 'The tone is wrong for this moment.',
  dull: 'It is dull. Do something unexpected.',
} as const

const NAMES = Object.keys(REASONS) as (keyof typeof REASONS)[]

export function Rejection({ onReject, onCancel }: { onReject: (reason: string) => Promise<boolean>; onCancel: () => void }) {
  const { t } = useTranslation()
  const [reason, setReason] = useState('')
  return (
    <form
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        void onReject(reason.trim())
      }}
      onKeyDown={(event) => {
        const quick = reason === '' && !event.ctrlKey && !event.altKey ? NAMES[Number(event.key) - 1] : undefined
        if (event.key === 'Escape') {
          event.stopPropagation()
          onCancel()
        } else if (quick !== undefined) {
          event.preventDefault()
          if (!event.repeat) void onReject(REASONS[quick])
        }
      }}
    >
      <div className="flex flex-wrap gap-1.5">
        {NAMES.map((name, index) => (
          <button key={name} type="button" className="btn-sm" data-testid={`reason-${name}`} onClick={() => void onReject(REASONS[name])}>
            {t(`desk.reason_${name}`)} <Key>{index + 1}</Key>
          </button>
        ))}
      </div>
      <div className="flex gap-2">
        <input autoFocus className="field h-9 py-1 text-sm" data-testid="reject-reason" aria-label={t('desk.reason')} placeholder={t('desk.reason_placeholder')} maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} />
        <button type="submit" className="btn-sm text-danger" data-testid="reject-send">
          {t('desk.reject')} <Key>⏎</Key>
        </button>
        <button type="button" className="btn-sm btn-quiet" onClick={onCancel}>
          {t('common.cancel')}
        </button>
      </div>
    </form>
  )
}
