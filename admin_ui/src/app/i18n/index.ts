/** The page's languages. All words are in the bundle: nothing is fetched. */
import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'

import { onPrefs, prefs } from '@/lib/prefs'

import en from './en.json'
import ru from './ru.json'
import zh from './zh.json'

export const LANGUAGES = ['en', 'ru', 'zh'] as const

function wanted(): string {
  const chosen = prefs().language
  if (chosen !== '') return chosen
  const preferred = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase())
  return preferred.find((tag) => (LANGUAGES as readonly string[]).includes(tag)) ?? 'en'
}

function dress(language: string): void {
  document.documentElement.lang = language
}

export async function startI18n(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en }, ru: { translation: ru }, zh: { translation: zh } },
    lng: wanted(),
    fallbackLng: 'en',
    interpolation: { escapeValue: false },
    returnNull: false,
  })
  dress(i18next.language)
  i18next.on('languageChanged', dress)
  onPrefs(() => {
    if (wanted() !== i18next.language) void i18next.changeLanguage(wanted())
  })
}
