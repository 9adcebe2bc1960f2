/** What the app takes from the settings. */
export { SettingsSheet } from './components/SettingsSheet'
