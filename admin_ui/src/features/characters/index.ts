/** What the app takes from the characters. */
export { useCharacters } from './api/listCharacters'
export { CharacterEditor } from './components/CharacterEditor'
export { CharacterGrid } from './components/CharacterGrid'
