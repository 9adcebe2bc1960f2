/** What nearly every part of the desk looks at. */
import { useObservable } from '@/lib/useObservable'

import type { DeskSession } from '../session/deskSession'
import { currentOf } from './looks'

export function useParts(desk: DeskSession) {
  const { view, facts } = useObservable(desk.transcript$)
  const shown = useObservable(desk.desk$)
  const at = useObservable(desk.stand.at$)
  return { view, facts, shown, at, current: currentOf(view, shown, at.character) }
}
