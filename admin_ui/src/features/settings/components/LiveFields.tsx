/** The house's live settings, asked for by their schema; each is saved when it is left. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { Icon } from '@/components/Icon'
import { Failure, Skeleton, useProblemText } from '@/components/States'
import { Switch } from '@/components/Switch'
import { useStatus } from '@/lib/api/status'

import { type Settings, usePatchSetting, useSettings } from '../api/settings'
import { humanised, type LiveField, liveSections } from '../schema'
import { ValueInput } from './ValueInput'

function useWords() {
  const { t, i18n } = useTranslation()
  return {
    field: (section: string, name: string) => (i18n.exists(`setting.${section}.${name}`) ? t(`setting.${section}.${name}`) : humanised(name)),
    section: (name: string) => (i18n.exists(`setting.${name}.title`) ? t(`setting.${name}.title`) : humanised(name)),
  }
}

export function LiveFields() {
  const { t } = useTranslation()
  const words = useWords()
  const settings = useSettings()
  if (settings.isPending) return <Skeleton className="h-64" />
  if (settings.isError) return <Failure error={settings.error} onRetry={() => void settings.refetch()} />
  return (
    <div className="flex flex-col gap-7">
      <p className="text-sm text-muted">{t('settings.live_hint')}</p>
      {liveSections(settings.data.schema).map((section) => (
        <section key={section.name} className="flex flex-col gap-4">
          <h3 className="eyebrow">{words.section(section.name)}</h3>
          {section.fields.map((field) => (
            <Row key={field.name} field={field} settings={settings.data} label={words.field(field.section, field.name)} />
          ))}
        </section>
      ))}
    </div>
  )
}

/** The names of the engines that this house knows. */
function useOffers({ section, name }: LiveField): string[] {
  const engines = useStatus().data?.engines
  if (name !== 'engine' || engines === undefined || (section !== 'stt' && section !== 'tts')) return []
  return ['auto', ...engines[section].engines.map((engine) => engine.name)]
}

function Row({ field, settings, label }: { field: LiveField; settings: Settings; label: string }) {
  const { t } = useTranslation()
  const problem = useProblemText()
  const offers = useOffers(field)
  const patch = usePatchSetting()
  const [saved, setSaved] = useState(false)
  const value = settings.settings[field.section]?.[field.name]
  const overridden = settings.overrides[field.section]?.[field.name] !== undefined
  const save = (next: unknown) => {
    setSaved(false)
    patch.mutate({ section: field.section, name: field.name, value: next, base: settings.version }, { onSuccess: () => setSaved(true) })
  }
  const error = patch.isError ? problem(patch.error) : undefined
  return (
    <div className="flex items-start gap-2" data-testid={`setting-${field.section}-${field.name}`}>
      <div className="min-w-0 flex-1">
        {field.control.kind === 'switch' ? (
          <>
            <Switch label={label} hint={field.description || undefined} on={value === true} disabled={patch.isPending} onChange={save} />
            {error !== undefined && <p className="text-xs text-danger">{error}</p>}
          </>
        ) : (
          <Field label={label} hint={field.description || undefined} error={error}>
            {(ids) => <ValueInput key={JSON.stringify(value)} ids={ids} field={field} value={value} disabled={patch.isPending} offers={offers} onSave={save} />}
          </Field>
        )}
      </div>
      {overridden ? (
        <button type="button" className="rounded p-1 text-accent" title={t('settings.reset')} aria-label={`${t('settings.reset')}: ${label}`} onClick={() => save(null)}>
          <Icon name="reset" className="size-4" />
        </button>
      ) : (
        <span className="w-6" />
      )}
      <span className="sr-only" role="status">
        {saved && t('settings.saved')}
      </span>
    </div>
  )
}
