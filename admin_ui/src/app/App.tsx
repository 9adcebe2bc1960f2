/** The whole page: which room is shown, and the drawer that every room has. */
import { useState } from 'react'

import { CharacterPage } from '@/app/pages/CharacterPage'
import { CompanyPage } from '@/app/pages/CompanyPage'
import { LogsPage } from '@/app/pages/LogsPage'
import { ScreenplayPage } from '@/app/pages/ScreenplayPage'
import { TablePage } from '@/app/pages/TablePage'
import { useVisit } from '@/app/router'
import { SettingsSheet } from '@/features/settings'
import { Banners, EnginesPanel } from '@/features/status'

export function App() {
  const { key, route } = useVisit()
  const [settings, setSettings] = useState(false)
  const openSettings = () => setSettings(true)
  // These rooms are as large as the window and scroll inside.
  const filling = route.at === 'table' || route.at === 'screenplay' || route.at === 'logs'
  return (
    <div className={`flex flex-col ${filling ? 'h-dvh overflow-hidden' : 'min-h-dvh'}`}>
      <Banners brief={filling} />
      {route.at === 'company' && <CompanyPage onSettings={openSettings} />}
      {route.at === 'character' && <CharacterPage key={key} slug={route.slug} onSettings={openSettings} />}
      {route.at === 'table' && <TablePage key={key} slug={route.slug} session={route.session} onSettings={openSettings} />}
      {route.at === 'screenplay' && <ScreenplayPage key={key} session={route.session} onSettings={openSettings} />}
      {route.at === 'logs' && <LogsPage onSettings={openSettings} />}
      {settings && <SettingsSheet engines={<EnginesPanel />} onClose={() => setSettings(false)} />}
    </div>
  )
}
