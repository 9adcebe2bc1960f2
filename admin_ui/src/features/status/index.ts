/** What the app takes from the status. */
export { Banners } from './components/Banners'
export { EnginesPanel } from './components/EnginesPanel'
