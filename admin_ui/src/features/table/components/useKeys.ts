/** The table's keys: hold Space to talk, hold T for table talk, Esc to interrupt, M to mute, / to type. */
import { useEffect } from 'react'

import type { TableSession } from '../session/tableSession'

const TYPING = 'input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable=true]'

function elsewhere(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null
  return document.querySelector('dialog[open]') !== null || event.ctrlKey || event.metaKey || event.altKey || target?.closest(TYPING) != null
}

/** Space presses the control that has the focus, unless that is the talk button. */
function onControl(event: KeyboardEvent): boolean {
  const control = event.target instanceof Element ? event.target.closest('button, a, summary') : null
  return control !== null && !control.matches('[data-talk]')
}

export function useKeys(table: TableSession, focusTyping: () => void): void {
  useEffect(() => {
    let tDown = false
    // What was switched on by its button is not switched off by leaving the window.
    const tUp = () => {
      if (tDown) table.voice.setTableTalk(false)
      tDown = false
    }
    const down = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && document.querySelector('dialog[open]') === null) {
        table.interrupt()
        return
      }
      if (elsewhere(event)) return
      if (event.code === 'Space' && !onControl(event) && table.voice.state$.value.mode === 'push') {
        event.preventDefault()
        if (!event.repeat) table.voice.press()
      } else if (event.code === 'KeyT' && !event.repeat) {
        tDown = true
        table.voice.setTableTalk(true)
      } else if (event.code === 'KeyM' && !event.repeat) table.voice.setMuted(!table.voice.state$.value.muted)
      else if (event.key === '/') {
        event.preventDefault()
        focusTyping()
      }
    }
    const up = (event: KeyboardEvent) => {
      if (event.code === 'Space') table.voice.release()
      if (event.code === 'KeyT') tUp()
    }
    // A key let go in another window is never seen here.
    const away = () => {
      table.voice.release()
      tUp()
    }
    window.addEventListener('keydown', down)
    window.addEventListener('keyup', up)
    window.addEventListener('blur', away)
    return () => {
      window.removeEventListener('keydown', down)
      window.removeEventListener('keyup', up)
      window.removeEventListener('blur', away)
    }
  }, [table, focusTyping])
}
