import { describe, expect, it } from 'vitest'

import { Problem } from '@/lib/api/client'

import type { Told } from './api'
import type { Correction } from './changes'
import { Outbox } from './outbox'
import { Shelf } from './shelf'

const edit = (target: number, text: string, base = target): Correction => ({ kind: 'edit', target, base, text })
const insert = (text: string): Correction => ({ kind: 'insert', after: 4, block: 'action', text })
const note = (text: string): Correction => ({ kind: 'note', text, scope: 'until_removed' })

function memory(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> & { kept: Map<string, string> } {
  const kept = new Map<string, string>()
  return { kept, getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) }
}

interface Posted {
  id: string
  correction: Correction
  accept: () => void
  end: (told: Partial<Told>) => void
  fail: (error: unknown) => void
}

/** A server that says nothing by itself. */
function house(storage = memory()) {
  const posted: Posted[] = []
  const outbox = new Outbox(
    (correction, id, accept) =>
      new Promise((resolve, reject) => {
        posted.push({ id, correction, accept, end: (told) => resolve({ id, kind: correction.kind, state: 'applied', seq: 0, detail: '', current: '', ...told }), fail: reject })
      }),
    new Shelf('s', storage),
  )
  return { outbox, posted, storage, texts: () => posted.map(({ correction }) => ('text' in correction ? correction.text : correction.kind)) }
}

const settled = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('the outbox', () => {
  it('posts all corrections of a block at once, whatever becomes of the first', async () => {
    const { outbox, texts } = house()
    void outbox.send(5, [edit(6, 'One'), edit(7, 'Two'), { kind: 'strike', targets: [8], base: 8 }, note('be curt')])
    await settled()
    expect(texts()).toEqual(['One', 'Two', 'strike', 'be curt'])
    expect(outbox.state$.value.waiting).toBe(4)
  })

  it('lets an insertion wait for the one that it stands behind, and nothing else for either', async () => {
    const { outbox, posted, texts } = house()
    const outcome = outbox.send(4, [insert('A dog.'), insert('A cat.'), edit(4, 'Four')])
    await settled()
    expect(texts()).toEqual(['A dog.', 'Four'])
    posted[0]?.end({ seq: 20 })
    await settled()
    expect(posted[2]?.correction).toMatchObject({ text: 'A cat.', after: 20 })
    posted[1]?.end({ seq: 21 })
    posted[2]?.end({ seq: 22 })
    expect(await outcome).toEqual({ seq: 22, applied: 3, troubles: [] })
  })

  it('puts the second where the first would have stood if that one fails', async () => {
    const { outbox, posted } = house()
    void outbox.send(4, [insert('A dog.'), insert('A cat.')])
    await settled()
    posted[0]?.end({ state: 'dead', detail: 'no' })
    await settled()
    expect(posted[1]?.correction).toMatchObject({ text: 'A cat.', after: 4 })
    expect(outbox.state$.value.troubles).toMatchObject([{ kind: 'failed', mine: 'A dog.', block: 4 }])
  })

  it('posts what is new in its order, each as soon as the one before it cannot be lost', async () => {
    const { outbox, posted, texts } = house()
    void outbox.send(4, [note('first'), note('second'), note('third')])
    await settled()
    expect(texts()).toEqual(['first'])
    posted[0]?.accept()
    await settled()
    expect(texts()).toEqual(['first', 'second'])
    posted[1]?.fail(new Problem(422, 'invalid', ''))
    await settled()
    expect(texts()).toEqual(['first', 'second', 'third'])
  })

  it('keeps both texts of a conflict until somebody decides, also over a reload', async () => {
    const { outbox, posted, storage } = house()
    const outcome = outbox.send(4, [edit(4, 'Mine')])
    await settled()
    posted[0]?.end({ state: 'conflicted', current: 'Theirs' })
    expect((await outcome).troubles).toMatchObject([{ kind: 'conflict', mine: 'Mine', theirs: 'Theirs' }])
    const later = house(storage)
    expect(later.posted).toEqual([])
    const [trouble] = later.outbox.state$.value.troubles
    expect(trouble).toMatchObject({ kind: 'conflict', mine: 'Mine', theirs: 'Theirs', block: 4, error: { status: 409 } })
    later.outbox.drop(trouble?.id ?? '')
    expect(storage.kept.size).toBe(0)
  })

  it('tells what was on its way again under the same id when the page has been loaded anew', async () => {
    const { outbox, posted, storage } = house()
    void outbox.send(4, [insert('A dog.'), insert('A cat.'), edit(4, 'Four')])
    await settled()
    const later = house(storage)
    await settled()
    expect(later.posted.map(({ id }) => id)).toEqual(posted.map(({ id }) => id))
    later.posted[0]?.end({ seq: 20 })
    await settled()
    expect(later.posted[2]?.correction).toMatchObject({ text: 'A cat.', after: 20 })
    later.posted[1]?.end({ state: 'conflicted', current: 'Theirs' })
    await settled()
    expect(later.outbox.state$.value).toMatchObject({ waiting: 1, troubles: [{ mine: 'Four', theirs: 'Theirs' }] })
  })

  it('sends the very same once more where nobody knows what became of it, and a new one where the server has said so', async () => {
    const { outbox, posted } = house()
    const over = (correction: Correction): Correction => (correction.kind === 'edit' ? { ...correction, base: 9 } : correction)
    void outbox.send(4, [insert('A dog.')])
    await settled()
    posted[0]?.fail(new Problem(0, 'unreachable', ''))
    await settled()
    const first = outbox.state$.value.troubles[0]
    void outbox.again(first?.id ?? '', over)
    await settled()
    expect(posted[1]).toMatchObject({ id: posted[0]?.id, correction: { text: 'A dog.', after: 4 } })
    posted[1]?.end({ seq: 9 })
    await settled()
    expect(outbox.state$.value).toEqual({ waiting: 0, troubles: [] })

    void outbox.send(4, [edit(4, 'Mine')])
    await settled()
    posted[2]?.end({ state: 'conflicted', current: 'Theirs' })
    await settled()
    void outbox.again(outbox.state$.value.troubles[0]?.id ?? '', over)
    await settled()
    expect(posted[3]?.id).not.toBe(posted[2]?.id)
    expect(posted[3]?.correction).toEqual(edit(4, 'Mine', 9))
  })

  it('holds what was never told until somebody decides', async () => {
    const { outbox, posted } = house()
    outbox.hold(4, [{ correction: insert('Dear to me.'), theirs: '' }])
    outbox.hold(5, [{ correction: edit(6, 'Mine'), theirs: 'Theirs' }])
    await settled()
    expect(posted).toEqual([])
    outbox.dropAll(4)
    expect(outbox.state$.value.troubles).toMatchObject([{ block: 5, kind: 'conflict', mine: 'Mine', theirs: 'Theirs' }])
  })
})

describe('the shelf', () => {
  it('keeps the newest that there is room for', () => {
    const { outbox, storage } = house()
    const held = (texts: string[]) => texts.map((text) => ({ correction: note(text), theirs: '' }))
    outbox.hold(4, held(['x'.repeat(300_000), 'y'.repeat(200_000), 'z']))
    expect(new Shelf('s', storage).read()).toHaveLength(2)
    outbox.hold(4, held(Array.from({ length: 250 }, (_, number) => String(number))))
    const kept = new Shelf('s', storage).read()
    expect(kept).toHaveLength(200)
    expect(kept.at(-1)?.correction).toMatchObject({ text: '249' })
    expect(outbox.state$.value.troubles).toHaveLength(253)
  })

  it('reads nothing from what it did not write', () => {
    const storage = memory()
    for (const text of ['no JSON', '{"a":1}', '[null,1,{"id":1}]']) {
      storage.setItem('souffleur.unsent.s', text)
      expect(new Shelf('s', storage).read()).toEqual([])
    }
  })
})
