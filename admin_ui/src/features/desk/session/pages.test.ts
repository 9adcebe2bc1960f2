import { expect, it } from 'vitest'

import { pages } from './pages'

it('turns pages by arrows and Space, but leaves Space to a button that has the focus', () => {
  expect(['ArrowRight', 'ArrowDown', 'PageDown', ' ', 'ArrowLeft', 'ArrowUp', 'PageUp', 'Enter', 'x'].map((key) => pages(key, false))).toEqual([1, 1, 1, 1, -1, -1, -1, 0, 0])
  expect([pages(' ', true), pages('ArrowRight', true)]).toEqual([0, 1])
})
