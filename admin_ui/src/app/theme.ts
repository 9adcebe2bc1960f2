/** Applies the chosen theme and follows the system where it is asked to. */
import { onPrefs, prefs } from '@/lib/prefs'

const BARS = { dark: '#120e16', light: '#f1e8d8' }

export function startTheme(): void {
  const system = matchMedia('(prefers-color-scheme: light)')
  const apply = () => {
    const chosen = prefs().theme
    const theme = chosen === 'system' ? (system.matches ? 'light' : 'dark') : chosen
    document.documentElement.dataset['theme'] = theme
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', BARS[theme])
  }
  apply()
  system.addEventListener('change', apply)
  onPrefs(apply)
}
