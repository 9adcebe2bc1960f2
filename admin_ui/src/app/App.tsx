/** The whole page: which room is shown, and the drawer that every room has. */
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { CharacterPage } from '@/app/pages/CharacterPage'
import { CompanyPage } from '@/app/pages/CompanyPage'
import { TablePage } from '@/app/pages/TablePage'
import { href, useVisit } from '@/app/router'
import { Skeleton } from '@/components/States'
import { SettingsSheet } from '@/features/settings'
import { Banners, EnginesPanel } from '@/features/status'

// Players never need these: whoever does fetches them then.
const ScreenplayPage = lazy(async () => ({ default: (await import('@/app/pages/ScreenplayPage')).ScreenplayPage }))
const DeskPage = lazy(async () => ({ default: (await import('@/app/pages/DeskPage')).DeskPage }))
const LogsPage = lazy(async () => ({ default: (await import('@/app/pages/LogsPage')).LogsPage }))

export function App() {
  const { key, route } = useVisit()
  const [settings, setSettings] = useState(false)
  const openSettings = () => setSettings(true)
  // These rooms are as large as the window and scroll inside.
  const filling = route.at === 'table' || route.at === 'screenplay' || route.at === 'logs' || route.at === 'desk'
  return (
    <div className={`flex flex-col ${filling ? 'h-dvh overflow-hidden' : 'min-h-dvh'}`}>
      <Banners brief={filling} />
      {route.at === 'company' && <CompanyPage onSettings={openSettings} />}
      {route.at === 'character' && <CharacterPage key={key} slug={route.slug} onSettings={openSettings} />}
      {route.at === 'table' && <TablePage key={key} slug={route.slug} session={route.session} onSettings={openSettings} />}
      <Suspense fallback={<Skeleton className="m-4 flex-1" />}>
        {route.at === 'screenplay' && <ScreenplayPage key={key} session={route.session} onSettings={openSettings} />}
        {route.at === 'desk' && <DeskPage key={key} session={route.session} onSettings={openSettings} />}
        {route.at === 'logs' && <LogsPage onSettings={openSettings} />}
      </Suspense>
      {settings && <SettingsSheet engines={<House onLeave={() => setSettings(false)} />} onClose={() => setSettings(false)} />}
    </div>
  )
}

/** What runs here, and the way to what it has written down about itself. */
function House({ onLeave }: { onLeave: () => void }) {
  const { t } = useTranslation()
  return (
    <div className="flex flex-col gap-5">
      <EnginesPanel />
      <a href={href({ at: 'logs' })} className="btn self-start" data-testid="logs-link" onClick={onLeave}>
        {t('desk.logs.title')}
      </a>
    </div>
  )
}
