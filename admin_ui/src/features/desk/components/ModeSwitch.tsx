/** Whether lines wait for approval: of the session, of the character at hand, or of those who come over one platform. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Segmented } from '@/components/Segmented'

import type { DeskSession } from '../session/deskSession'
import { modeIn, platformsOf, type Scope } from '../session/states'
import { useParts } from './useParts'

export function ModeSwitch({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { shown, current } = useParts(desk)
  const [chosen, choose] = useState('session')
  const platforms = platformsOf(shown)
  const scopeOf = (name: string): Scope => {
    if (name === 'character' && current !== undefined) return { character: current.id }
    return name.startsWith('platform:') && platforms.includes(name.slice(9)) ? { platform: name.slice(9) } : {}
  }
  const scope = scopeOf(chosen)
  const whole = scope.character === undefined && scope.platform === undefined
  const values = whole ? (['auto', 'approve'] as const) : (['inherit', 'auto', 'approve'] as const)
  return (
    <div data-testid="mode-switch">
      <p className="eyebrow mb-1.5">{t('desk.modes')}</p>
      <select className="btn-sm mb-1.5 w-full" data-testid="mode-scope" aria-label={t('desk.mode_scope')} value={whole ? 'session' : chosen} onChange={(event) => choose(event.target.value)}>
        <option value="session">{t('desk.session_mode')}</option>
        {current !== undefined && <option value="character">{t('desk.scope_character', { name: current.name })}</option>}
        {platforms.map((platform) => (
          <option key={platform} value={`platform:${platform}`}>
            {t('desk.scope_platform', { name: t(`desk.platform_${platform}`, { defaultValue: platform }) })}
          </option>
        ))}
      </select>
      <Segmented
        className="w-full"
        label={t('desk.modes')}
        value={modeIn(shown, scope)}
        onChange={(mode) => void desk.act({ kind: 'mode', text: mode, ...scope })}
        options={values.map((value) => ({ value, label: t(`desk.mode_${value}`) }))}
      />
      {scope.platform !== undefined && <p className="mt-1 text-xs text-muted">{t('desk.scope_platform_hint')}</p>}
    </div>
  )
}
