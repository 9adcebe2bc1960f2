import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { DeskSession } from './deskSession'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it("keeps the id of a character's words that nobody answered, so that they are spoken once", async () => {
  const ids: string[] = []
  let up = false
  vi.stubGlobal('location', { origin: 'http://127.0.0.1' })
  vi.stubGlobal('fetch', (_: string, init: { body: string }) => {
    ids.push((JSON.parse(init.body) as { id: string }).id)
    return up ? Promise.resolve(Response.json({ id: 'a', seq: 1, line: 'L' })) : Promise.reject(new TypeError('gone'))
  })
  const desk = new DeskSession('S')
  const say = (text: string) => desk.act({ kind: 'puppet', character: 'm', text })
  expect(await say('Come in.')).toBe(false)
  up = true
  expect(await say('Come in.')).toBe(true)
  expect(await say('Come in.')).toBe(true)
  const [first, again, later] = ids
  expect(again).toBe(first)
  expect(later).not.toBe(first)
})
