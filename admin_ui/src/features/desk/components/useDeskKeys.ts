/** The desk by keyboard. `KEYS` is what the help shows. */
import { useEffect } from 'react'

import { rawAsked } from '@/lib/audio/microphone'
import { prefs } from '@/lib/prefs'

import type { DeskSession } from '../session/deskSession'
import { approve, atHand, decide, leave, listenTo, setMuted, type Steer, steer, turnTo } from '../session/gestures'
import { PANELS, type Tool } from '../session/stand'
import type { Role } from '../session/ownVoice'
import { modeOf } from '../session/states'
import { TOOL_KEYS } from './Composer'
import { type Changeable, strike } from './EntryTools'
import { castOf, currentOf } from './looks'
import { STEER_KEYS } from './Steers'

/** Sections of the help: [keys, word]. */
export const KEYS = {
  always: [
    ['P · Ctrl .', 'panic'],
    ['S', 'stop'],
    ['U', 'undo'],
    ['1 … 9', 'next'],
    ['⇧1 … ⇧9', 'choose'],
    ['M', 'mute'],
    ['O', 'mode'],
    ['⇧O', 'session_mode'],
    ['Y', 'prompter'],
    [', .', 'panels'],
    ['Esc', 'leave'],
    ['?', 'help'],
  ],
  drafts: [
    ['⏎', 'approve'],
    ['E', 'edit'],
    ['R', 'reject'],
    ['L', 'listen'],
    ['← →', 'drafts'],
  ],
  entries: [
    ['↑ ↓', 'entries'],
    ['E', 'edit'],
    ['X', 'strike'],
    ['T', 'retake'],
    ['I', 'insert'],
    ['C', 'retcon'],
    ['Del', 'erase'],
  ],
} as const

const TYPING = 'input:not([type=radio]):not([type=checkbox]):not([type=range]), textarea, select, [contenteditable=true]'
const TOOL_OF = new Map(Object.entries(TOOL_KEYS).map(([tool, key]) => [`Key${key}`, tool as Tool]))
const STEER_OF = new Map(Object.entries(STEER_KEYS).map(([steer, key]) => [`Key${key}`, steer as Steer]))

type Press = KeyboardEvent & { target: EventTarget | null }

const elementOf = (event: Press) => (event.target instanceof Element ? event.target : null)
const typing = (event: Press) => elementOf(event)?.closest(TYPING) != null
/** Enter and Space press the control that has the focus. */
const onControl = (event: Press) => elementOf(event)?.closest('button, a, summary, [role=tab]') != null

const current = (desk: DeskSession) => currentOf(desk.transcript$.value.view, desk.desk$.value, desk.stand.at.character)

export function useDeskKeys(desk: DeskSession): void {
  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      if (panic(desk, event) || document.querySelector('dialog[open]') !== null) return
      if (event.key === 'Escape') escape(desk, event)
      else if (!typing(event) && !event.ctrlKey && !event.metaKey && !event.altKey && pressed(desk, event)) event.preventDefault()
    }
    const up = (event: KeyboardEvent) => {
      if (event.code === 'Space' || event.code === 'KeyA' || event.code === 'KeyC') desk.voice.release()
    }
    // A key let go in another window is never seen here.
    const away = () => desk.voice.release()
    window.addEventListener('keydown', down)
    window.addEventListener('keyup', up)
    window.addEventListener('blur', away)
    return () => {
      window.removeEventListener('keydown', down)
      window.removeEventListener('keyup', up)
      window.removeEventListener('blur', away)
    }
  }, [desk])
}

/** From anywhere, even out of a field or a dialog: Ctrl and the full stop; and P where nobody types. */
function panic(desk: DeskSession, event: KeyboardEvent): boolean {
  const chord = (event.ctrlKey || event.metaKey) && event.code === 'Period'
  const plain = event.code === 'KeyP' && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event)
  if (!chord && !plain) return false
  event.preventDefault()
  if (!event.repeat) void desk.panic()
  return true
}

function escape(desk: DeskSession, event: KeyboardEvent): void {
  const { at } = desk.stand
  if (at.prompter) desk.stand.turn({ prompter: false })
  else if (typing(event)) elementOf(event)?.closest<HTMLElement>(TYPING)?.blur()
  else if (at.deciding !== 'choose') leave(desk, at.held)
  else if (at.entry !== 0) desk.stand.turn(at.doing === 'menu' ? { entry: 0 } : { doing: 'menu' })
}

/** True if the key meant something. */
function pressed(desk: DeskSession, event: KeyboardEvent): boolean {
  const { at } = desk.stand
  if (event.key === '?') {
    desk.stand.turn({ help: true })
    return true
  }
  if (at.prompter) return false
  if (at.entry !== 0 && !event.shiftKey && onEntry(desk, event)) return true
  const digit = /^Digit([1-9])$/.exec(event.code)?.[1]
  if (digit !== undefined) return onDigit(desk, Number(digit), event.shiftKey)
  if (event.shiftKey) return shifted(desk, event)
  return onDraft(desk, event) || onVoice(desk, event) || plain(desk, event)
}

function onDigit(desk: DeskSession, digit: number, chooses: boolean): boolean {
  const member = castOf(desk.transcript$.value.view)[digit - 1]
  if (member === undefined) return false
  desk.stand.turn({ character: member.id })
  if (!chooses) void desk.act({ kind: 'next', character: member.id })
  return true
}

function shifted(desk: DeskSession, event: KeyboardEvent): boolean {
  const how = STEER_OF.get(event.code)
  const member = current(desk)
  if (how !== undefined && member !== undefined && !event.repeat) steer(desk, member.id, how)
  else if (event.code === 'KeyO') void desk.act({ kind: 'mode', text: desk.desk$.value.mode === 'approve' ? 'auto' : 'approve' })
  else return false
  return true
}

/** The draft at hand. */
function onDraft(desk: DeskSession, event: KeyboardEvent): boolean {
  const held = atHand(desk)
  if (held === undefined || event.repeat) return false
  if (event.code === 'Enter' || event.code === 'NumpadEnter') {
    // What is being written on it is released by its own form.
    if (onControl(event) || (desk.stand.at.deciding !== 'choose' && desk.stand.at.held === held.line)) return false
    void approve(desk, held)
  } else if (event.code === 'KeyE') decide(desk, 'edit', held)
  else if (event.code === 'KeyR') decide(desk, 'reject', held)
  else if (event.code === 'KeyL') listenTo(desk, prefs().privateOutput, held)
  else if (event.code === 'ArrowLeft') turnTo(desk, -1)
  else if (event.code === 'ArrowRight') turnTo(desk, 1)
  else return false
  return true
}

/** The chosen entry of the transcript goes before the draft. */
function onEntry(desk: DeskSession, event: KeyboardEvent): boolean {
  const entry = entries(desk).find((one) => one.seq === desk.stand.at.entry)
  if (entry === undefined) return false
  const { seq } = entry
  if (event.code === 'KeyE') desk.stand.turn({ entry: seq, doing: 'edit' })
  else if (event.code === 'KeyX') strike(desk, entry)
  else if (event.code === 'KeyT' && entry.type === 'line') desk.stand.turn({ entry: seq, doing: 'retake' })
  else if (event.code === 'KeyI') desk.stand.turn({ entry: seq, doing: 'insert' })
  else if (event.code === 'KeyC') desk.stand.turn({ entry: seq, doing: 'retcon' })
  else if (event.code === 'Delete') desk.stand.turn({ entry: seq, doing: 'erase' })
  else return false
  return true
}

function entries(desk: DeskSession): Changeable[] {
  return desk.transcript$.value.view.entries.filter((entry): entry is Changeable => entry.type === 'line' || entry.type === 'said')
}

function move(desk: DeskSession, step: number): void {
  const all = entries(desk)
  const now = all.findIndex((entry) => entry.seq === desk.stand.at.entry)
  const next = now < 0 ? (step < 0 ? all.length - 1 : -1) : now + step
  desk.stand.turn({ entry: all[next]?.seq ?? 0, doing: 'menu', part: 'live' })
}

/** Held keys open the director's own microphone. */
function onVoice(desk: DeskSession, event: KeyboardEvent): boolean {
  const member = current(desk)
  const roles: Record<string, Role | undefined> = {
    Space: { as: 'narrator' },
    KeyA: member && { as: 'oneself', to: member.id },
    KeyC: member && { as: 'character', slug: member.id },
  }
  const role = roles[event.code]
  if (role === undefined || (event.code === 'Space' && onControl(event))) return false
  if (!event.repeat) desk.voice.press(role, prefs().microphone, rawAsked(location.search))
  return true
}

function plain(desk: DeskSession, event: KeyboardEvent): boolean {
  const { at } = desk.stand
  const tool = TOOL_OF.get(event.code)
  const member = current(desk)
  if (tool !== undefined) desk.stand.take(tool)
  else if (event.code === 'KeyU' && !event.repeat) void desk.undo()
  else if (event.code === 'KeyS' && !event.repeat) stop(desk)
  else if (event.code === 'KeyM' && member !== undefined && !event.repeat) setMuted(desk, member.id)
  else if (event.code === 'KeyO' && member !== undefined && !event.repeat) void desk.act({ kind: 'mode', character: member.id, text: modeOf(desk.desk$.value, member.id).mode === 'approve' ? 'auto' : 'approve' })
  else if (event.code === 'KeyY') desk.stand.turn({ prompter: true })
  else if (event.code === 'ArrowUp') move(desk, -1)
  else if (event.code === 'ArrowDown') move(desk, 1)
  else if (event.code === 'Comma' || event.code === 'Period') desk.stand.turn({ panel: PANELS[(PANELS.indexOf(at.panel) + (event.code === 'Comma' ? PANELS.length - 1 : 1)) % PANELS.length] ?? 'notes', part: 'panels' })
  else return false
  return true
}

function stop(desk: DeskSession): void {
  const { openLine } = desk.transcript$.value.view
  if (openLine !== null) void desk.act({ kind: 'stop', line: openLine })
}
