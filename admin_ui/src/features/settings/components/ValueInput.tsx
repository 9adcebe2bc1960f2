/** One setting's input; a change is told when the field is left or Enter is pressed. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { LiveField } from '../schema'

interface Props {
  ids: { id: string }
  field: LiveField
  value: unknown
  disabled: boolean
  /** What is usually put here. */
  offers: readonly string[]
  onSave: (value: unknown) => void
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ')
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function parsed(text: string, field: LiveField): unknown {
  const plain = text.trim()
  if (plain === '' && field.nullable) return null
  if (field.control.kind === 'number') return Number(plain.replace(',', '.'))
  if (field.control.kind === 'list') return plain.split(/[,，]/).map((item) => item.trim()).filter((item) => item !== '')
  return plain
}

export function ValueInput({ ids, field, value, disabled, offers, onSave }: Props) {
  const { t } = useTranslation()
  const [text, setText] = useState(shown(value))
  const { control } = field
  const commit = () => {
    if (text.trim() === shown(value)) return
    const next = parsed(text, field)
    if (typeof next === 'number' && Number.isNaN(next)) setText(shown(value))
    else onSave(next)
  }
  if (control.kind === 'choice') {
    return (
      <select {...ids} className="field" value={text} disabled={disabled} onChange={(event) => onSave(event.target.value)}>
        {control.options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    )
  }
  const keys = { onBlur: commit, disabled, value: text, className: 'field', placeholder: field.nullable ? t('settings.automatic') : '' }
  if (field.name === 'style') return <textarea {...ids} {...keys} rows={3} onChange={(event) => setText(event.target.value)} />
  return (
    <>
      <input
        list={offers.length > 0 ? `${ids.id}-offers` : undefined}
        {...ids}
        {...keys}
        {...(control.kind === 'number' ? { type: 'number', step: control.whole ? 1 : 'any', min: control.min, max: control.max } : { type: 'text' })}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') event.currentTarget.blur()
        }}
      />
      {offers.length > 0 && (
        <datalist id={`${ids.id}-offers`}>
          {offers.map((offer) => (
            <option key={offer} value={offer} />
          ))}
        </datalist>
      )}
    </>
  )
}
