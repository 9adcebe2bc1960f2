/** The page begins here. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

import { App } from '@/app/App'
import { startI18n } from '@/app/i18n'
import '@/app/index.css'
import { startTheme } from '@/app/theme'
import { Problem } from '@/lib/api/client'
import { unlockAudio } from '@/lib/audio/context'

startTheme()
await startI18n()

// Browsers keep audio silent until the first gesture; any will do.
for (const gesture of ['pointerdown', 'keydown']) window.addEventListener(gesture, unlockAudio, { capture: true, passive: true })

const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, retry: (count, error) => count < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500) },
  },
})

const root = document.getElementById('root')
if (root === null) throw new Error('the page has no root element')
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
)
