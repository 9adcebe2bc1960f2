/** A draft's words and feelings, sentence by sentence. Enter releases, Escape leaves it as it was. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import type { LineEntry } from '@/lib/transcript/view'

import { changed, joined, lengthened, opened } from '../session/draft'
import { EMOTIONS, type Felt, MANNERS, marked } from '../session/marks'
import { Key } from './looks'

interface Props {
  line: LineEntry
  /** Nothing more of it will arrive. */
  complete: boolean
  onRelease: (text: string) => Promise<boolean>
  onCancel: () => void
}

export function MarkedEditor({ line, complete, onRelease, onCancel }: Props) {
  const { t } = useTranslation()
  const [draft, setDraft] = useState(() => opened(line))
  const now = joined(draft, line)
  if (now !== draft) setDraft(now)
  const { rows } = now
  const set = (index: number, patch: Partial<Felt>) => setDraft(changed(now, index, patch))
  const text = marked(rows)
  const release = () => {
    if (text !== '') void onRelease(text)
  }
  return (
    <form
      data-testid="held-editor"
      className="flex flex-col gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        release()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.stopPropagation()
          onCancel()
        } else if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing && event.target instanceof HTMLTextAreaElement) {
          event.preventDefault()
          if (!event.repeat) release()
        }
      }}
    >
      {rows.map((row, index) => (
        <div key={index} className="flex items-start gap-2 max-sm:flex-col">
          <div className="flex shrink-0 gap-1">
            <FeltSelect label={t('desk.emotion')} family="emotion" values={EMOTIONS} value={row.emotion} testId={`held-emotion-${index}`} onChange={(emotion) => set(index, { emotion, intensity: emotion === 'neutral' ? 0.5 : Math.max(row.intensity, 0.6) })} />
            <FeltSelect label={t('desk.manner')} family="manner" values={MANNERS} value={row.manner} testId={`held-manner-${index}`} onChange={(manner) => set(index, { manner })} />
          </div>
          <textarea
            rows={1}
            autoFocus={index === 0}
            className="field field-sizing-content max-h-40 min-h-9 resize-none py-1.5"
            aria-label={t('desk.sentence_nth', { n: index + 1 })}
            data-testid={`held-text-${index}`}
            maxLength={2000}
            value={row.text}
            onChange={(event) => set(index, { text: event.target.value })}
          />
        </div>
      ))}
      {!complete && (
        <p role="status" className="animate-pulse text-xs text-muted" data-testid="held-more">
          {t('desk.more_coming')}
        </p>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <button type="submit" className="btn-sm btn-primary" data-testid="held-release" disabled={text === ''}>
          <Icon name="check" className="size-4" />
          {t('desk.release_edited')} <Key>⏎</Key>
        </button>
        <button type="button" className="btn-sm" onClick={() => setDraft(lengthened(now))}>
          <Icon name="plus" className="size-4" />
          {t('desk.add_sentence')}
        </button>
        <button type="button" className="btn-sm btn-quiet ml-auto" onClick={onCancel}>
          {t('common.cancel')} <Key>Esc</Key>
        </button>
      </div>
    </form>
  )
}

interface SelectProps {
  label: string
  family: 'emotion' | 'manner'
  values: readonly string[]
  value: string
  testId: string
  onChange: (value: string) => void
}

export function FeltSelect({ label, family, values, value, testId, onChange }: SelectProps) {
  const { t } = useTranslation()
  const known = values.includes(value) ? values : [...values, value]
  const word = (one: string) => (family === 'emotion' || one !== 'plain' ? t(`emotion.${one}`, { defaultValue: one }) : t('desk.manner_plain'))
  return (
    <select className="field h-9 w-28 px-2 py-1 text-sm" aria-label={label} data-testid={testId} value={value} onChange={(event) => onChange(event.target.value)}>
      {known.map((one) => (
        <option key={one} value={one}>
          {word(one)}
        </option>
      ))}
    </select>
  )
}
