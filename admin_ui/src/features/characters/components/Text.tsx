/** One field of the card as a form shows it. */
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'

import type { CardForm } from '../card'

/** A part of the form, and how it is changed. */
export interface Bound {
  form: CardForm
  set: (patch: Partial<CardForm>) => void
}

type TextKey = { [K in keyof CardForm]: CardForm[K] extends string ? K : never }[keyof CardForm]

export function Text({ name, form, set, rows = 0, hint, required = false, max = 20_000 }: Bound & { name: TextKey; rows?: number; hint?: string; required?: boolean; max?: number }) {
  const { t } = useTranslation()
  return (
    <Field label={t(`editor.${name}`)} hint={hint}>
      {(ids) =>
        rows === 0 ? (
          <input {...ids} name={name} className="field" value={form[name]} required={required} maxLength={200} onChange={(event) => set({ [name]: event.target.value })} />
        ) : (
          <textarea {...ids} name={name} className="field field-sizing-content max-h-96" style={{ minHeight: `${rows * 1.5 + 1.1}em` }} value={form[name]} maxLength={max} onChange={(event) => set({ [name]: event.target.value })} />
        )
      }
    </Field>
  )
}
