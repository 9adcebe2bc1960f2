/** Set a scene: several characters, a heading, then to the table. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { Portrait } from '@/components/Portrait'
import { Sheet } from '@/components/Sheet'
import { Failure } from '@/components/States'
import type { CharacterSummary } from '@/lib/api/types'

import { useOpenSession } from '../api/sessions'

interface Props {
  characters: readonly CharacterSummary[]
  onClose: () => void
  onOpened: (slug: string, session: string) => void
}

export function SceneSheet({ characters, onClose, onOpened }: Props) {
  const { t } = useTranslation()
  const opening = useOpenSession()
  const [cast, setCast] = useState<readonly string[]>([])
  const [title, setTitle] = useState('')
  const [heading, setHeading] = useState('')
  const [description, setDescription] = useState('')
  const toggle = (slug: string) => setCast(cast.includes(slug) ? cast.filter((other) => other !== slug) : [...cast, slug])
  const open = () => {
    const scene = heading.trim() === '' && description.trim() === '' ? null : { heading: heading.trim(), description: description.trim() }
    opening.mutate({ title: title.trim(), cast: [...cast], mode: 'auto', scene }, { onSuccess: (session) => onOpened(cast[0] ?? '', session.id) })
  }
  return (
    <Sheet title={t('scene.title')} onClose={onClose} testId="scene-sheet">
      <form
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault()
          if (cast.length > 0) open()
        }}
      >
        <fieldset>
          <legend className="mb-2 text-sm font-medium">{t('scene.cast')}</legend>
          <div className="flex flex-wrap gap-2">
            {characters.map((character) => (
              <label key={character.slug} className={`flex cursor-pointer items-center gap-2 rounded-xl border p-2 pr-3 has-focus-visible:outline-2 has-focus-visible:outline-accent ${cast.includes(character.slug) ? 'border-accent bg-accent/12' : 'border-line'}`}>
                <input type="checkbox" className="sr-only" checked={cast.includes(character.slug)} onChange={() => toggle(character.slug)} />
                <Portrait name={character.name} color={character.color} className="h-11 w-9 text-base" />
                <span className="text-sm">{character.name}</span>
              </label>
            ))}
          </div>
        </fieldset>
        <Field label={t('scene.name')}>{(ids) => <input {...ids} className="field" value={title} maxLength={120} onChange={(event) => setTitle(event.target.value)} />}</Field>
        <Field label={t('scene.heading')} hint={t('scene.heading_hint')}>
          {(ids) => <input {...ids} className="field" value={heading} maxLength={200} onChange={(event) => setHeading(event.target.value)} />}
        </Field>
        <Field label={t('scene.description')}>{(ids) => <textarea {...ids} rows={3} className="field" value={description} maxLength={2000} onChange={(event) => setDescription(event.target.value)} />}</Field>
        {opening.isError && <Failure error={opening.error} />}
        <button type="submit" className="btn btn-primary self-end" disabled={cast.length === 0 || opening.isPending}>
          {t('scene.open')}
        </button>
      </form>
    </Sheet>
  )
}
