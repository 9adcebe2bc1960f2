/** One live table per seat, opened with the page and left with it. */
import { useEffect, useState } from 'react'
import { BehaviorSubject } from 'rxjs'

import { onPrefs, prefs } from '@/lib/prefs'
import { useObservable } from '@/lib/useObservable'

import { TableSession } from '../session/tableSession'

/** The participant id of a session outlives a reload of this tab, so that one person stays one person. */
const seatKey = (session: string) => `souffleur.seat.${session}`

function remembered(session: string): string {
  try {
    return session === '' ? '' : (sessionStorage.getItem(seatKey(session)) ?? '')
  } catch {
    return ''
  }
}

function remember(session: string, participant: string): void {
  try {
    sessionStorage.setItem(seatKey(session), participant)
  } catch {
    // Without storage a reload is a new participant.
  }
}

/** The table, null until it is open. `session` is read once: a new session's id, learned later, is not another table. */
export function useTable(slug: string, session: string, onSeated: (session: string) => void): TableSession | null {
  const [table$] = useState(() => new BehaviorSubject<TableSession | null>(null))
  useEffect(() => {
    const made = new TableSession({ slug, session, name: prefs().name, participant: remembered(session) })
    let device = prefs().microphone
    const follow = () => {
      if (device !== prefs().microphone && made.voice.state$.value.microphone !== 'off') made.startTalking(prefs().microphone)
      device = prefs().microphone
      made.setListening(prefs().voices)
      made.setMode(prefs().talk)
      made.setHeads(prefs().heads)
      made.travel(prefs().transport)
      made.voice.loudspeakers = prefs().loudspeakers
    }
    follow()
    const stop = onPrefs(follow)
    const seated = made.attached$.subscribe((attached) => {
      if (attached === null) return
      remember(attached.session_id, attached.participant)
      onSeated(attached.session_id)
    })
    made.open()
    table$.next(made)
    return () => {
      stop()
      seated.unsubscribe()
      made.close()
      table$.next(null)
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- see above
  }, [slug])
  return useObservable(table$)
}
