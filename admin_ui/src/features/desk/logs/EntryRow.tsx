/** One entry; opened, every field of it. */
import { memo, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { Entry } from './api'

const INK: Record<string, string> = { debug: 'text-muted', info: 'text-good', warning: 'text-lamp', error: 'text-danger', critical: 'text-danger font-semibold' }

interface Props {
  entry: Entry
  onSession: (session: string) => void
}

export const EntryRow = memo(function EntryRow({ entry, onSession }: Props) {
  const { t, i18n } = useTranslation()
  const [open, setOpen] = useState(false)
  const at = new Date(entry.at)
  return (
    <li data-testid="log-entry" data-level={entry.level} className="text-sm [contain-intrinsic-size:auto_2.25rem] [content-visibility:auto]">
      <button type="button" aria-expanded={open} className="flex w-full items-baseline gap-x-3 px-4 py-1.5 text-left hover:bg-raised/60 focus-visible:outline-offset-[-2px] max-sm:flex-wrap max-sm:gap-x-2 max-sm:px-3" onClick={() => setOpen(!open)}>
        <time dateTime={entry.at} title={at.toLocaleString(i18n.language)} className="shrink-0 font-mono text-xs text-muted tabular-nums">
          {clock(at)}
        </time>
        <span className={`w-20 shrink-0 truncate text-xs max-sm:w-auto ${INK[entry.level] ?? ''}`}>{t(`desk.logs.level_${entry.level}`, { defaultValue: entry.level })}</span>
        <span className="w-24 shrink-0 truncate text-xs text-muted max-sm:w-auto">{entry.service}</span>
        <span className="min-w-0 flex-1 max-sm:basis-full">
          <span className="break-words">{entry.event}</span>
          {!open && <span className="ml-2 hidden font-mono text-xs text-muted sm:inline">{inShort(entry.fields)}</span>}
        </span>
      </button>
      {open && (
        <dl className="mx-4 mb-2.5 grid grid-cols-[minmax(6rem,auto)_1fr] gap-x-4 gap-y-1 rounded-lg border border-line bg-well px-3 py-2 font-mono text-xs max-sm:mx-3" data-testid="log-fields">
          {entry.session !== '' && (
            <>
              <dt className="text-muted">{t('desk.logs.session')}</dt>
              <dd>
                <button type="button" className="underline underline-offset-2 hover:text-accent" title={t('desk.logs.only_session')} onClick={() => onSession(entry.session)}>
                  {entry.session}
                </button>
              </dd>
            </>
          )}
          {Object.entries(entry.fields).map(([name, value]) => (
            <div key={name} className="contents">
              <dt className="text-muted">{name}</dt>
              <dd className="break-words whitespace-pre-wrap">{written(value)}</dd>
            </div>
          ))}
          {entry.session === '' && Object.keys(entry.fields).length === 0 && <dd className="col-span-2 text-muted">{t('desk.logs.no_fields')}</dd>}
        </dl>
      )}
    </li>
  )
})

function clock(at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, null, typeof value === 'object' ? 1 : undefined)
}

/** The first fields, as far as a line goes. */
function inShort(fields: Record<string, unknown>): string {
  const words = Object.entries(fields).map(([name, value]) => `${name}=${written(value).replace(/\s+/g, ' ')}`)
  const text = words.join(' ')
  return text.length > 140 ? `${text.slice(0, 140)}…` : text
}
