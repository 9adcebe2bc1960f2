/** What the app takes from the table. */
export { ConnectionBadge } from './components/ConnectionBadge'
export { Dock } from './components/Dock'
export { Notices } from './components/Notices'
export { SceneSheet } from './components/SceneSheet'
export { SessionsList } from './components/SessionsList'
export { Stage } from './components/Stage'
export { useTable } from './components/useTable'
export type { TableSession } from './session/tableSession'
