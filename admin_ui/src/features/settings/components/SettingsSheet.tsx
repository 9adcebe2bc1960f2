/** The settings drawer: this browser, the house, its engines. */
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Segmented } from '@/components/Segmented'
import { Sheet } from '@/components/Sheet'

import { BrowserPrefs } from './BrowserPrefs'
import { LiveFields } from './LiveFields'

type Tab = 'browser' | 'house' | 'engines'

export function SettingsSheet({ engines, onClose }: { engines: ReactNode; onClose: () => void }) {
  const { t } = useTranslation()
  const [tab, setTab] = useState<Tab>('browser')
  return (
    <Sheet side title={t('nav.settings')} onClose={onClose} testId="settings-drawer">
      <Segmented className="mb-6 w-full" label={t('nav.settings')} value={tab} onChange={setTab} options={(['browser', 'house', 'engines'] as const).map((value) => ({ value, label: t(`settings.tab_${value}`) }))} />
      {tab === 'browser' && <BrowserPrefs />}
      {tab === 'house' && <LiveFields />}
      {tab === 'engines' && engines}
    </Sheet>
  )
}
