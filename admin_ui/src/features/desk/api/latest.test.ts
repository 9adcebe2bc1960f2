import { expect, it, vi } from 'vitest'

import { Latest } from './latest'
import { memoriesPath } from './panels'

it('tells one value at a time, and skips those that were overtaken', async () => {
  const told: number[] = []
  const ends: (() => void)[] = []
  const latest = new Latest<number>((value) => {
    told.push(value)
    return new Promise((resolve) => ends.push(() => resolve(value)))
  })
  const all = [latest.put(0.1), latest.put(0.1), latest.put(0.5), latest.put(0.9)]
  expect(told).toEqual([0.1])
  ends[0]?.()
  await vi.waitFor(() => expect(told).toEqual([0.1, 0.9]))
  // Back to what is being told already.
  all.push(latest.put(0.2), latest.put(0.9))
  ends[1]?.()
  await Promise.all(all)
  expect(told).toEqual([0.1, 0.9])
})

it('tells the next value after one that failed', async () => {
  const told: number[] = []
  const latest = new Latest<number>((value) => {
    told.push(value)
    return told.length === 1 ? Promise.reject(new Error('away')) : Promise.resolve()
  })
  await Promise.all([latest.put(0.1), latest.put(0.9)])
  await latest.put(0.9)
  expect(told).toEqual([0.1, 0.9, 0.9])
})

it('asks for memories page by page', () => {
  expect(memoriesPath('mirelle', '', '')).toBe('/api/memories?character=mirelle')
  expect(memoriesPath('mirelle', 'the will', 'Yzox')).toBe('/api/memories?character=mirelle&q=the+will&cursor=Yzox')
})
