/** The company: everybody one can talk to. */
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Empty, Failure, Skeleton } from '@/components/States'

import { useCharacters } from '../api/listCharacters'
import { matching } from '../search'
import { CharacterCard } from './CharacterCard'

interface Props {
  talkHref: (slug: string) => string
  editHref: (slug: string | null) => string
  /** Further buttons beside "new". */
  children?: ReactNode
}

export function CharacterGrid({ talkHref, editHref, children }: Props) {
  const { t } = useTranslation()
  const characters = useCharacters()
  const [query, setQuery] = useState('')
  const found = matching(characters.data ?? [], query)
  return (
    <section aria-labelledby="company">
      <h2 id="company" className="sr-only">
        {t('company.characters')}
      </h2>
      <div className="mb-5 flex flex-wrap items-center gap-2">
        <label className="relative min-w-48 flex-1 max-sm:basis-full">
          <span className="sr-only">{t('company.search')}</span>
          <Icon name="search" className="pointer-events-none absolute top-1/2 left-3 size-4.5 -translate-y-1/2 text-muted" />
          <input type="search" className="field pl-10" value={query} placeholder={t('company.search')} data-testid="character-search" onChange={(event) => setQuery(event.target.value)} />
        </label>
        {children}
        <a href={editHref(null)} className="btn max-sm:flex-1" data-testid="new-character">
          <Icon name="plus" className="size-4.5" />
          {t('company.new')}
        </a>
      </div>
      {characters.isPending && (
        <div className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
          <Skeleton className="h-36" />
          <Skeleton className="h-36" />
          <Skeleton className="h-36 max-lg:hidden" />
        </div>
      )}
      {characters.isError && <Failure error={characters.error} onRetry={() => void characters.refetch()} />}
      {characters.isSuccess && characters.data.length === 0 && <Empty title={t('company.empty')}>{t('company.empty_hint')}</Empty>}
      {characters.isSuccess && characters.data.length > 0 && found.length === 0 && <Empty title={t('company.none_found', { query })} />}
      <ul className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
        {found.map((character) => (
          <CharacterCard key={character.slug} character={character} talkHref={talkHref(character.slug)} editHref={editHref(character.slug)} />
        ))}
      </ul>
    </section>
  )
}
