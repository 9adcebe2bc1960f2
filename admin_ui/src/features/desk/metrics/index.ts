/** What the desk takes from the figures. */
export { figuresOf } from './figures'
export { TurnFigures } from './TurnFigures'
