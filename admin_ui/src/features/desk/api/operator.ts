/** Which of the directors at this machine works in this browser: an id of the browser's own, and the name that the others see. */
import i18next from 'i18next'

import { request } from '@/lib/api/client'
import { prefs } from '@/lib/prefs'
import { splitAt } from '@/lib/transcript/codePoints'

export interface Operator {
  id: string
  name: string
}

const KEY = 'souffleur.operator'
const ID = /^[a-z0-9]{1,32}$/
const NAME_LENGTH = 64

let known = ''

/** Kept with the profile; without storage it lasts as long as the page. */
function operatorId(): string {
  if (known !== '') return known
  try {
    const stored = localStorage.getItem(KEY) ?? ''
    known = ID.test(stored) ? stored : fresh()
    localStorage.setItem(KEY, known)
  } catch {
    // Private windows may have no storage.
    known ||= fresh()
  }
  return known
}

function fresh(): string {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** As the gateway takes it: one line, nothing that cannot be printed, not endless. */
export function tidy(name: string): string {
  const [first] = splitAt(name.replace(/[\p{Z}\s]+/gu, ' ').replace(/\p{C}/gu, ''), NAME_LENGTH)
  return first.trim()
}

export function operator(): Operator {
  const { director, name } = prefs()
  return { id: operatorId(), name: tidy(director) || tidy(name) || i18next.t('desk.operator_default') }
}

/** A request of this operator's. Throws `Problem`. */
export function asOperator<T>(path: string, options: Parameters<typeof request>[1] = {}): Promise<T> {
  const { id, name } = operator()
  return request<T>(path, { ...options, headers: { 'X-Souffleur-Operator': id, 'X-Souffleur-Operator-Name': encodeURIComponent(name) } })
}
