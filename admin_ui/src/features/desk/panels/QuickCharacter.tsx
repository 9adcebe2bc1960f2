/** A character in ten seconds: one sentence, a draft to correct, and it is on stage. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { Icon } from '@/components/Icon'
import { Failure } from '@/components/States'

import { bringIn, type Card, useCardDraft, useEngineVoices, useSaveCard } from '../api/panels'
import type { DeskSession } from '../session/deskSession'
import { PanelTitle } from './parts'

export function QuickCharacter({ desk }: { desk: DeskSession }) {
  const { t, i18n } = useTranslation()
  const [sentence, setSentence] = useState('')
  const [card, setCard] = useState<Card | null>(null)
  const drafting = useCardDraft()
  return (
    <section>
      <PanelTitle title={t('desk.new_character')} />
      <form
        className="mb-4 flex flex-col gap-2"
        onSubmit={(event) => {
          event.preventDefault()
          if (sentence.trim() !== '') drafting.mutate({ sentence: sentence.trim(), language: i18n.language }, { onSuccess: (drafted) => setCard(drafted.card) })
        }}
      >
        <textarea className="field field-sizing-content max-h-32 min-h-16" data-testid="sketch-sentence" aria-label={t('desk.sketch')} placeholder={t('desk.sketch_placeholder')} maxLength={500} value={sentence} onChange={(event) => setSentence(event.target.value)} />
        <button type="submit" className="btn btn-primary self-start" data-testid="sketch-draft" disabled={drafting.isPending || sentence.trim() === ''}>
          {t(drafting.isPending ? 'desk.sketching' : 'desk.sketch')}
        </button>
        {drafting.isError && <Failure error={drafting.error} />}
      </form>
      {card !== null && (
        <Sketch
          key={sentence}
          desk={desk}
          first={card}
          onDone={() => {
            setCard(null)
            setSentence('')
          }}
        />
      )}
    </section>
  )
}

function Sketch({ desk, first, onDone }: { desk: DeskSession; first: Card; onDone: () => void }) {
  const { t } = useTranslation()
  const [card, setCard] = useState(first)
  const saving = useSaveCard()
  const voices = useEngineVoices()
  const ours = card.extensions?.souffleur ?? {}
  const voice = ours.voice ?? {}
  const choose = (id: string) => {
    const chosen = voices.data?.find((one) => `${one.engine}/${one.id}` === id)
    setCard({ ...card, extensions: { ...card.extensions, souffleur: { ...ours, voice: { ...voice, engine: chosen?.engine ?? '', name: chosen?.id ?? '', language: chosen?.language ?? '' } } } })
  }
  const save = () =>
    saving.mutate(card, {
      onSuccess: ({ slug }) => {
        bringIn(desk.id, slug).then(onDone, (error: unknown) => desk.failed(error))
      },
    })
  return (
    <form
      className="flex flex-col gap-3 rounded-xl border border-accent/50 bg-raised/60 p-3"
      data-testid="sketch"
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
    >
      <Field label={t('editor.name')}>{(ids) => <input {...ids} className="field" data-testid="sketch-name" required maxLength={200} value={card.name ?? ''} onChange={(event) => setCard({ ...card, name: event.target.value })} />}</Field>
      <Field label={t('editor.description')}>{(ids) => <textarea {...ids} className="field field-sizing-content max-h-48 text-sm" data-testid="sketch-description" maxLength={8000} value={card.description ?? ''} onChange={(event) => setCard({ ...card, description: event.target.value })} />}</Field>
      <Field label={t('desk.manner')}>{(ids) => <textarea {...ids} className="field field-sizing-content max-h-32 text-sm" data-testid="sketch-manner" maxLength={2000} value={card.personality ?? ''} onChange={(event) => setCard({ ...card, personality: event.target.value })} />}</Field>
      <Field label={t('editor.voice_name')}>
        {(ids) => (
          <select {...ids} className="field" data-testid="sketch-voice" value={voice.name ? `${voice.engine ?? ''}/${voice.name}` : ''} onChange={(event) => choose(event.target.value)}>
            <option value="">{t('editor.voice_default')}</option>
            {(voices.data ?? []).map((one) => (
              <option key={`${one.engine}/${one.id}`} value={`${one.engine}/${one.id}`}>
                {`${one.name} · ${one.language} · ${one.engine}`}
              </option>
            ))}
          </select>
        )}
      </Field>
      {saving.isError && <Failure error={saving.error} />}
      <button type="submit" className="btn btn-primary" data-testid="sketch-save" disabled={saving.isPending || (card.name ?? '').trim() === ''}>
        <Icon name="people" className="size-4.5" />
        {t('desk.bring_in')}
      </button>
    </form>
  )
}
