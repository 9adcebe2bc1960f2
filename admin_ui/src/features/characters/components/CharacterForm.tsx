/** The card as a form: who it is, how it speaks, what it says first; the rest folded away. */
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { Icon } from '@/components/Icon'
import { Portrait } from '@/components/Portrait'
import { Failure } from '@/components/States'
import { Problem } from '@/lib/api/client'

import { type Character, useSaveCharacter } from '../api/character'
import { type CardForm, dataOf, formOf } from '../card'
import { DeleteButton } from './DeleteButton'
import { Greetings } from './Greetings'
import { Text } from './Text'
import { VoiceFields } from './VoiceFields'

interface Props {
  base: Character | null
  title: string
  onDone: () => void
  /** Take what somebody else saved meanwhile. */
  onReload: () => void
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="panel flex flex-col gap-4 p-5">
      <h2 className="font-serif text-xl">{title}</h2>
      {children}
    </section>
  )
}

export function CharacterForm({ base, title, onDone, onReload }: Props) {
  const { t } = useTranslation()
  const [form, setForm] = useState(() => formOf(base?.data ?? {}))
  const saving = useSaveCharacter(base)
  const set = (patch: Partial<CardForm>) => setForm((old) => ({ ...old, ...patch }))
  const bound = { form, set }
  const conflict = saving.error instanceof Problem && saving.error.status === 409
  return (
    <form
      className="flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault()
        saving.mutate(dataOf(form, base?.data ?? {}), { onSuccess: onDone })
      }}
    >
      <header className="flex items-center gap-4">
        <Portrait name={form.name || '?'} color={form.color} />
        <h1 className="min-w-0 font-serif text-3xl break-words">{title}</h1>
      </header>
      <Part title={t('editor.part_who')}>
        <div className="grid gap-4 sm:grid-cols-2">
          <Text name="name" {...bound} required />
          <Text name="nickname" {...bound} />
        </div>
        <Text name="tagline" {...bound} hint={t('editor.tagline_hint')} />
        <div className="grid gap-4 sm:grid-cols-2">
          <Text name="language" {...bound} hint={t('editor.language_hint')} />
          <Field label={t('editor.color')}>{(ids) => <input {...ids} type="color" className="h-11 w-full cursor-pointer rounded-lg border border-line bg-stage p-1" value={form.color} onChange={(event) => set({ color: event.target.value })} />}</Field>
        </div>
        <Text name="description" {...bound} rows={4} hint={t('editor.description_hint')} />
        <Text name="personality" {...bound} rows={2} />
        <Text name="scenario" {...bound} rows={2} />
      </Part>
      <Part title={t('editor.part_words')}>
        <Text name="first_mes" {...bound} rows={2} />
        <Greetings value={form.alternate_greetings} onChange={(alternate_greetings) => set({ alternate_greetings })} />
        <Text name="mes_example" {...bound} rows={5} hint={t('editor.mes_example_hint', { open: '{{', close: '}}' })} />
      </Part>
      <Part title={t('editor.part_voice')}>
        <VoiceFields {...bound} />
      </Part>
      <details className="panel p-5">
        <summary className="font-serif text-xl">{t('editor.part_more')}</summary>
        <div className="mt-4 flex flex-col gap-4">
          <Text name="system_prompt" {...bound} rows={3} />
          <Text name="post_history_instructions" {...bound} rows={2} />
          <Text name="tags" {...bound} hint={t('editor.tags_hint')} />
          <Text name="creator_notes" {...bound} rows={2} />
          <div className="grid gap-4 sm:grid-cols-2">
            <Text name="creator" {...bound} />
            <Text name="character_version" {...bound} />
          </div>
        </div>
      </details>
      {saving.isError && <Failure error={saving.error} {...(conflict ? { onRetry: onReload } : {})} />}
      <footer className="sticky bottom-0 -mx-2 flex items-center gap-2 border-t border-line bg-stage/95 px-2 py-3 backdrop-blur">
        {base !== null && <DeleteButton slug={base.slug} name={form.name} onDeleted={onDone} />}
        <button type="button" className="btn btn-quiet ml-auto" onClick={onDone}>
          {t('common.cancel')}
        </button>
        <button type="submit" className="btn btn-primary" disabled={saving.isPending || form.name.trim() === ''} data-testid="save-character">
          <Icon name="check" className="size-4.5" />
          {t('common.save')}
        </button>
      </footer>
    </form>
  )
}
