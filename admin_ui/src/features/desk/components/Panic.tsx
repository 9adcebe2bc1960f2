/** Everybody silent at once, and back. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { useObservable } from '@/lib/useObservable'

import type { DeskSession } from '../session/deskSession'
import { Key } from './looks'

/** Only the line that is being said. */
export function Stop({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useObservable(desk.transcript$)
  const line = view.openLine
  return (
    <button type="button" className="btn h-11 shrink-0 px-3 max-sm:hidden" data-testid="desk-stop" disabled={line === null} onClick={() => line !== null && void desk.act({ kind: 'stop', line })}>
      {t('desk.stop')} <Key>S</Key>
    </button>
  )
}

export function Panic({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { halted } = useObservable(desk.desk$)
  return (
    <button
      type="button"
      data-testid={halted ? 'desk-resume' : 'desk-panic'}
      onClick={() => void desk.panic()}
      className={`inline-flex h-11 min-w-28 shrink-0 items-center justify-center gap-2 rounded-xl border px-4 font-semibold tracking-wide transition-colors max-sm:min-w-0 max-sm:px-3 ${halted ? 'border-transparent bg-good text-stage' : 'border-danger/70 bg-danger/15 text-danger hover:bg-danger/25'}`}
    >
      <Icon name={halted ? 'speaker' : 'stop'} className="size-5" />
      {t(halted ? 'desk.resume' : 'desk.panic')}
      <Key>P</Key>
    </button>
  )
}

/** While everybody is silent nobody may overlook it. */
export function HaltedBar({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { halted } = useObservable(desk.desk$)
  if (!halted) return null
  return (
    <p role="alert" data-testid="desk-halted" className="shrink-0 bg-danger/20 px-4 py-1.5 text-center text-sm font-medium text-ink">
      {t('desk.halted')}
    </p>
  )
}
