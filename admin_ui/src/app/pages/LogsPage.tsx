/** What the house has written down about itself. */
import { useTranslation } from 'react-i18next'

import { Header } from '@/app/Header'
import { LogsPanel } from '@/features/desk/logs'

export function LogsPage({ onSettings }: { onSettings: () => void }) {
  const { t } = useTranslation()
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <Header back onSettings={onSettings}>
        <h1 className="mr-auto min-w-0 truncate font-serif text-lg sm:border-l sm:border-line sm:pl-3">{t('desk.logs.title')}</h1>
      </Header>
      <main className="flex min-h-0 flex-1 flex-col">
        <LogsPanel />
      </main>
    </div>
  )
}
