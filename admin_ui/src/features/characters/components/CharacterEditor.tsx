/** Create, change or remove a character. */
import { useTranslation } from 'react-i18next'

import { Failure, Skeleton } from '@/components/States'

import { useCharacter } from '../api/character'
import { CharacterForm } from './CharacterForm'

export function CharacterEditor({ slug, onDone }: { slug: string | null; onDone: () => void }) {
  const { t } = useTranslation()
  const character = useCharacter(slug)
  if (slug === null) return <CharacterForm base={null} title={t('editor.create')} onDone={onDone} onReload={onDone} />
  if (character.isPending) return <Skeleton className="h-96" />
  if (character.isError) return <Failure error={character.error} onRetry={() => void character.refetch()} />
  const base = character.data
  return <CharacterForm key={base.version} base={base} title={t('editor.edit', { name: base.data.name ?? base.slug })} onDone={onDone} onReload={() => void character.refetch()} />
}
