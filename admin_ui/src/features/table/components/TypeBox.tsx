/** Type instead of talking, in the same session. */
import { type RefObject, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'

import type { TableSession } from '../session/tableSession'

/** The gateway refuses longer messages. */
const LONGEST = 4000

export function TypeBox({ table, field, first }: { table: TableSession; field: RefObject<HTMLTextAreaElement | null>; first: boolean }) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const send = () => {
    const said = text.trim()
    if (said === '') return
    table.outbox.say(said)
    setText('')
  }
  return (
    <form
      className="flex items-end gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        ref={field}
        rows={1}
        autoFocus={first}
        maxLength={LONGEST}
        value={text}
        data-testid="type-input"
        aria-label={t('type.label')}
        placeholder={t('type.placeholder')}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
          event.preventDefault()
          send()
        }}
        className={`field field-sizing-content max-h-32 min-h-11 resize-none py-2.5 ${first ? 'border-accent/50' : ''}`}
      />
      <button type="submit" className={`icon-btn ${first ? 'btn-primary' : ''}`} data-testid="send-button" aria-label={t('type.send')} disabled={text.trim() === ''}>
        <Icon name="send" />
      </button>
    </form>
  )
}
