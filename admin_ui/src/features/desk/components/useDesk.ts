/** One live desk per session, opened with the page and left with it. */
import { useEffect, useState } from 'react'
import { BehaviorSubject } from 'rxjs'

import { playAt } from '@/lib/audio/context'
import { onPrefs, prefs } from '@/lib/prefs'
import { useObservable } from '@/lib/useObservable'

import { DeskSession } from '../session/deskSession'

/** The desk, null until it is open. */
export function useDesk(session: string): DeskSession | null {
  const [desk$] = useState(() => new BehaviorSubject<DeskSession | null>(null))
  useEffect(() => {
    const made = new DeskSession(session)
    let output = ''
    const follow = () => {
      made.listen(prefs().deskVoices)
      if (!prefs().deskVoices || output === prefs().tableOutput) return
      output = prefs().tableOutput
      playAt(output).catch(() => made.tell('no_output', '', 'warning'))
    }
    made.open()
    follow()
    const stop = onPrefs(follow)
    desk$.next(made)
    return () => {
      stop()
      made.close()
      desk$.next(null)
    }
  }, [session, desk$])
  return useObservable(desk$)
}
