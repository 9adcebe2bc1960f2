/** What the app takes from the screenplay. */
export { Screenplay } from './components/Screenplay'
