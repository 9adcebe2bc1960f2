/** The first room: whom to talk to, and where one left off. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Header } from '@/app/Header'
import { go, href } from '@/app/router'
import { Icon } from '@/components/Icon'
import { CharacterGrid, useCharacters } from '@/features/characters'
import { SceneSheet, SessionsList } from '@/features/table'
import { setPrefs, usePrefs } from '@/lib/prefs'

export function CompanyPage({ onSettings }: { onSettings: () => void }) {
  const { t } = useTranslation()
  const [staging, setStaging] = useState(false)
  const characters = useCharacters()
  return (
    <>
      <Header onSettings={onSettings} />
      <main className="flex-1">
        <section className="boards border-b border-line/70 pt-12 pb-10 max-sm:pt-8 max-sm:pb-7">
          <div className="mx-auto flex max-w-6xl flex-wrap px-5 max-sm:px-4 items-end justify-between gap-6">
            <div className="max-w-xl">
              <h1 className="font-serif text-4xl leading-tight text-balance max-sm:text-3xl">{t('company.title')}</h1>
              <p className="mt-2 text-muted">{t('company.lead')}</p>
            </div>
            <NameField />
          </div>
        </section>
        <div className="mx-auto flex max-w-6xl flex-col gap-12 px-5 py-8 max-sm:px-4">
          <CharacterGrid talkHref={(slug) => href({ at: 'table', slug, session: '' })} editHref={(slug) => href({ at: 'character', slug })}>
            <button type="button" className="btn max-sm:flex-1" data-testid="scene-button" onClick={() => setStaging(true)} disabled={(characters.data ?? []).length === 0}>
              <Icon name="people" className="size-4.5" />
              {t('scene.title')}
            </button>
          </CharacterGrid>
          <section aria-labelledby="earlier">
            <h2 id="earlier" className="mb-4 font-serif text-2xl">
              {t('sessions.title')}
            </h2>
            <SessionsList colorOf={(slug) => characters.data?.find((character) => character.slug === slug)?.color ?? ''} hrefOf={(slug, session) => href({ at: 'table', slug, session })} deskOf={(session) => href({ at: 'desk', session })} />
          </section>
        </div>
      </main>
      {staging && <SceneSheet characters={characters.data ?? []} onClose={() => setStaging(false)} onOpened={(slug, session) => go({ at: 'table', slug, session })} />}
    </>
  )
}

function NameField() {
  const { t } = useTranslation()
  const { name } = usePrefs()
  return (
    <label className="block w-64 max-sm:w-full">
      <span className="mb-1 block text-sm font-medium">{t('prefs.name')}</span>
      <input className="field" value={name} maxLength={60} autoComplete="nickname" placeholder={t('prefs.name_placeholder')} data-testid="name-input" onChange={(event) => setPrefs({ name: event.target.value })} />
    </label>
  )
}
