/** What the desk and the app take from the editor. */
export { Downloads } from './Downloads'
export { FactsFeed, useFacts } from './facts'
export { ScreenplayEditor } from './ScreenplayEditor'
