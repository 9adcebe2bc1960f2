/** How a character sounds. */
import { useId } from 'react'
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { useStatus } from '@/lib/api/status'

import { useVoices } from '../api/character'
import { type Bound, Text } from './Text'

const DIALS = ['rate', 'pitch', 'volume'] as const

export function VoiceFields({ form, set }: Bound) {
  const { t } = useTranslation()
  const list = useId()
  const voices = useVoices()
  const offered = (voices.data ?? []).filter((voice) => form.voice_engine === '' || voice.engine === form.voice_engine)
  const engines = (useStatus().data?.engines.tts.engines ?? []).map((engine) => engine.name)
  const names = form.voice_engine === '' || engines.includes(form.voice_engine) ? engines : [...engines, form.voice_engine]
  return (
    <>
      <div className="grid gap-4 sm:grid-cols-3">
        <Field label={t('editor.voice_engine')}>
          {(ids) => (
            <select {...ids} className="field" value={form.voice_engine} onChange={(event) => set({ voice_engine: event.target.value })}>
              <option value="">{t('editor.voice_default')}</option>
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t('editor.voice_name')}>{(ids) => <input {...ids} list={list} className="field" value={form.voice_name} placeholder={t('editor.voice_default')} maxLength={200} onChange={(event) => set({ voice_name: event.target.value })} />}</Field>
        <Text name="voice_language" form={form} set={set} hint={t('editor.language_hint')} />
      </div>
      <datalist id={list}>
        {offered.map((voice) => (
          <option key={`${voice.engine}/${voice.id}`} value={voice.id}>
            {`${voice.name} · ${voice.language} · ${voice.engine}`}
          </option>
        ))}
      </datalist>
      <div className="grid gap-4 sm:grid-cols-3">
        {DIALS.map((dial) => (
          <Field key={dial} label={`${t(`editor.${dial}`)}: ${form[dial].toFixed(2)}`}>
            {(ids) => <input {...ids} type="range" min={0.5} max={2} step={0.05} value={form[dial]} className="w-full accent-(--accent)" onChange={(event) => set({ [dial]: Number(event.target.value) })} />}
          </Field>
        ))}
      </div>
    </>
  )
}
