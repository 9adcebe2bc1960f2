/** The bar at the top: the house's sign, what the room adds, the settings. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { href } from '@/app/router'
import { Icon } from '@/components/Icon'

function Sign() {
  return (
    <svg viewBox="0 0 32 22" className="h-6 w-9" aria-hidden="true">
      <path d="M4 19a12 12 0 0 1 24 0z" fill="var(--curtain)" />
      <path d="M10 19a6 6 0 0 1 12 0z" fill="var(--lamp)" />
      <path d="M1.5 20.5h29" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" />
    </svg>
  )
}

export function Header({ back = false, onSettings, children }: { back?: boolean; onSettings: () => void; children?: ReactNode }) {
  const { t } = useTranslation()
  return (
    <header className="flex h-14 shrink-0 items-center gap-3 border-b border-line/70 bg-velvet px-4 max-sm:px-2">
      {back && (
        <a href={href({ at: 'company' })} className="icon-btn btn-quiet" aria-label={t('nav.back')} data-testid="back-button">
          <Icon name="back" />
        </a>
      )}
      <a href={href({ at: 'company' })} className={`flex items-center gap-2.5 ${back ? 'max-sm:hidden' : ''}`}>
        <Sign />
        <span className="font-serif text-xl tracking-wide">Souffleur</span>
      </a>
      <div className="flex min-w-0 flex-1 items-center justify-end gap-3">{children}</div>
      <button type="button" className="icon-btn btn-quiet" onClick={onSettings} aria-label={t('nav.settings')} data-testid="settings-button">
        <Icon name="settings" />
      </button>
    </header>
  )
}
