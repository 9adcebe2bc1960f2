/** The level meter: a row of footlights that burn with the voice. Drawn past React, 50 times a second. */
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'

import type { TableSession } from '../session/tableSession'

const LAMPS = 21

/** From the middle outwards, so that a louder voice is a wider light. */
function lit(index: number, level: number): boolean {
  const distance = Math.abs(index - (LAMPS - 1) / 2) / ((LAMPS - 1) / 2)
  return level > 0.04 && distance <= level
}

export function Footlights({ table }: { table: TableSession }) {
  const { t } = useTranslation()
  const row = useRef<HTMLDivElement>(null)
  useEffect(() => {
    let shown = 0
    const subscription = table.voice.level$.subscribe((level) => {
      shown = Math.max(level, shown * 0.86)
      const lamps = row.current?.children ?? []
      for (let i = 0; i < lamps.length; i++) lamps[i]?.setAttribute('data-lit', String(lit(i, shown)))
      row.current?.setAttribute('aria-valuenow', String(Math.round(shown * 100)))
    })
    return () => subscription.unsubscribe()
  }, [table])
  return (
    <div ref={row} role="meter" aria-label={t('talk.level')} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} className="flex items-end justify-center gap-1.5 px-6" data-testid="level">
      {Array.from({ length: LAMPS }, (_, index) => (
        <span key={index} className="lamp" />
      ))}
    </div>
  )
}
