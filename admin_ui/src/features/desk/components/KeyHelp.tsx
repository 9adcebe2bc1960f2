/** All keys of the desk on one sheet. */
import { useTranslation } from 'react-i18next'

import { Sheet } from '@/components/Sheet'

import { type Steer, STEERS } from '../session/gestures'
import { TOOLS } from '../session/stand'
import { TOOL_KEYS } from './Composer'
import { STEER_KEYS } from './Steers'
import { KEYS } from './useDeskKeys'

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Sheet title={t('keys.title')} onClose={onClose} testId="key-help">
      <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
        <Part title={t('desk.keys_always')} rows={KEYS.always.map(([key, word]) => [key, t(`desk.key_${word}`)])} />
        <div className="flex flex-col gap-5">
          <Part title={t('desk.keys_drafts')} rows={KEYS.drafts.map(([key, word]) => [key, t(`desk.key_${word}`)])} />
          <Part title={t('desk.keys_entries')} rows={KEYS.entries.map(([key, word]) => [key, t(`desk.key_${word}`)])} />
        </div>
        <Part title={t('desk.keys_tools')} rows={TOOLS.map((tool) => [TOOL_KEYS[tool], t(`desk.tool_${tool}`)])} />
        <Part title={t('desk.keys_steers')} rows={(Object.keys(STEERS) as Steer[]).map((how) => [`⇧${STEER_KEYS[how]}`, t(`desk.steer_${how}`)])} />
        <Part
          title={t('desk.own_voice')}
          rows={[
            [t('keys.space_key'), t('desk.hold_narrator')],
            ['A', t('desk.hold_address')],
            ['C', t('desk.hold_character')],
          ]}
        />
      </div>
    </Sheet>
  )
}

function Part({ title, rows }: { title: string; rows: readonly (readonly [string, string])[] }) {
  return (
    <section>
      <h3 className="eyebrow mb-2">{title}</h3>
      <dl className="grid grid-cols-[auto_1fr] items-baseline gap-x-3 gap-y-1 text-sm">
        {rows.map(([key, word]) => (
          <div key={`${key} ${word}`} className="contents">
            <dt>
              <kbd className="rounded border border-line bg-stage px-1.5 py-0.5 font-sans text-xs whitespace-nowrap">{key}</kbd>
            </dt>
            <dd className="text-muted">{word}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
