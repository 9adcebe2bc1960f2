/** One character on the playbill. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Portrait } from '@/components/Portrait'
import type { CharacterSummary } from '@/lib/api/types'

/** A language by its own page's words for it; an unknown tag as it stands. */
function useLanguageName(): (tag: string) => string {
  const { i18n } = useTranslation()
  return (tag) => {
    try {
      return new Intl.DisplayNames([i18n.language], { type: 'language' }).of(tag) ?? tag
    } catch {
      return tag
    }
  }
}

export function CharacterCard({ character, talkHref, editHref }: { character: CharacterSummary; talkHref: string; editHref: string }) {
  const { t } = useTranslation()
  const languageName = useLanguageName()
  return (
    <li className="panel group relative flex gap-4 p-4 transition-[border-color,box-shadow] hover:border-accent/60 hover:shadow-(--shadow)">
      <Portrait name={character.name} color={character.color} className="h-30 w-24 text-4xl" />
      <div className="flex min-w-0 flex-1 flex-col">
        <h3 className="pr-9 font-serif text-xl leading-tight break-words">
          <a href={talkHref} data-testid={`character-card-${character.slug}`} className="after:absolute after:inset-0 after:rounded-2xl">
            {character.name}
          </a>
        </h3>
        <p className="mt-1 line-clamp-3 text-sm text-muted">{character.tagline || t('company.no_tagline')}</p>
        <p className="mt-auto flex flex-wrap gap-1.5 pt-3">
          {character.language !== '' && <span className="chip">{languageName(character.language)}</span>}
          {character.tags.slice(0, 2).map((tag) => (
            <span key={tag} className="chip max-sm:hidden">
              {tag}
            </span>
          ))}
        </p>
      </div>
      <a href={editHref} className="icon-btn btn-quiet absolute top-2 right-2 z-10" aria-label={t('company.edit', { name: character.name })} data-testid={`edit-${character.slug}`}>
        <Icon name="edit" className="size-4.5" />
      </a>
    </li>
  )
}
