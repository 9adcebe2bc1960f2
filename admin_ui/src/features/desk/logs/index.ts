/** What the app takes from the logs. */
export { LogsPanel } from './LogsPanel'
