/** Figures as people read them, in the page's language. */
import { useTranslation } from 'react-i18next'

import type { Part } from './figures'

export const COLOR: Record<Part, string> = {
  end_of_turn_delay: '#8d7f8a',
  stt_final_delay: '#6f9bb8',
  llm_ttft: '#d98a3d',
  first_sentence: '#c9667a',
  tts_ttfa: '#7fae7a',
  hold_time: '#a98bd0',
  rest: '#6b5b66',
}

const LONG_MS = 10_000

export function useUnits() {
  const { t, i18n } = useTranslation()
  const number = (value: number, digits: number) => value.toLocaleString(i18n.language, { maximumFractionDigits: digits })
  return {
    time: (ms: number) => (ms >= LONG_MS ? t('desk.metrics.s', { s: number(ms / 1000, 1) }) : t('desk.metrics.ms', { ms: number(ms, 0) })),
    count: (value: number) => number(value, 0),
    /** The smaller, the more digits: a line may cost a hundredth of a cent. */
    money: (dollars: number) => `$${number(dollars, dollars < 0.01 ? 6 : dollars < 1 ? 4 : 2)}`,
  }
}
