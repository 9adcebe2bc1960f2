/** The whole page: which room is shown, and the drawer that every room has. */
import { useState } from 'react'

import { CharacterPage } from '@/app/pages/CharacterPage'
import { CompanyPage } from '@/app/pages/CompanyPage'
import { TablePage } from '@/app/pages/TablePage'
import { useVisit } from '@/app/router'
import { SettingsSheet } from '@/features/settings'
import { Banners, EnginesPanel } from '@/features/status'

export function App() {
  const { key, route } = useVisit()
  const [settings, setSettings] = useState(false)
  const openSettings = () => setSettings(true)
  return (
    <div className={`flex flex-col ${route.at === 'table' ? 'h-dvh overflow-hidden' : 'min-h-dvh'}`}>
      <Banners brief={route.at === 'table'} />
      {route.at === 'company' && <CompanyPage onSettings={openSettings} />}
      {route.at === 'character' && <CharacterPage key={key} slug={route.slug} onSettings={openSettings} />}
      {route.at === 'table' && <TablePage key={key} slug={route.slug} session={route.session} onSettings={openSettings} />}
      {settings && <SettingsSheet engines={<EnginesPanel />} onClose={() => setSettings(false)} />}
    </div>
  )
}
