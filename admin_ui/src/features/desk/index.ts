/** What the app takes from the desk. */
export { Desk } from './components/Desk'
export { OwnVoiceLamp } from './components/OwnVoiceLamp'
export { Panic, Stop } from './components/Panic'
export { useDesk } from './components/useDesk'
export type { DeskSession } from './session/deskSession'
