/** Other ways to open a conversation. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'

export function Greetings({ value, onChange }: { value: readonly string[]; onChange: (value: string[]) => void }) {
  const { t } = useTranslation()
  return (
    <fieldset className="flex flex-col gap-2">
      <legend className="mb-1 text-sm font-medium">{t('editor.alternate_greetings')}</legend>
      {value.map((greeting, index) => (
        // Greetings have no identity of their own; their place is all there is.
        <div key={index} className="flex gap-2">
          <textarea rows={2} className="field" value={greeting} maxLength={20_000} aria-label={t('editor.greeting_nth', { n: index + 1 })} onChange={(event) => onChange(value.with(index, event.target.value))} />
          <button type="button" className="icon-btn btn-quiet" aria-label={t('editor.greeting_remove', { n: index + 1 })} onClick={() => onChange(value.toSpliced(index, 1))}>
            <Icon name="close" />
          </button>
        </div>
      ))}
      <button type="button" className="btn self-start" onClick={() => onChange([...value, ''])}>
        <Icon name="plus" className="size-4.5" />
        {t('editor.greeting_add')}
      </button>
    </fieldset>
  )
}
