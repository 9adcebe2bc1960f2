/** How the other directors see whoever works here. */
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { setPrefs, usePrefs } from '@/lib/prefs'

import { operator } from '../api/operator'
import type { DeskSession } from '../session/deskSession'

export function OperatorName({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { director } = usePrefs()
  return (
    <Field label={t('desk.operator_name')} hint={t('desk.operator_hint')}>
      {(ids) => (
        <input
          {...ids}
          className="field"
          data-testid="operator-name"
          autoComplete="off"
          maxLength={64}
          placeholder={operator().name}
          value={director}
          onChange={(event) => setPrefs({ director: event.target.value })}
          onBlur={() => desk.renamed()}
          onKeyDown={(event) => {
            if (event.key === 'Enter') event.currentTarget.blur()
          }}
        />
      )}
    </Field>
  )
}
