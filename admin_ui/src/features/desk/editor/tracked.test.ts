import { history, redo, undo } from '@codemirror/commands'
import { EditorState, type TransactionSpec } from '@codemirror/state'
import { describe, expect, it } from 'vitest'

import type { Fact } from '@/lib/transcript/fact'
import { fold } from '@/lib/transcript/fold'

import { blocksOf, type Words } from './blocks'
import { changesOf } from './changes'
import { reconciled, stepOf, tracked, tracking } from './tracked'

const WORDS: Words = { enters: (name) => `${name} enters.`, leaves: (name) => `${name} leaves.`, passed: () => 'Nobody.', degraded: (part) => part, recovered: (part, to) => `${part}: ${to}`, rolled: (name) => name }

let last = 0
function fact(kind: string, body: object, by = { role: 'stage', id: '', name: '' }): Fact {
  last += 1
  return { seq: last, kind, at: '2026-01-01T00:00:00Z', by, place: '', body } as Fact
}
const ANNA = { role: 'player', id: 'p-1', name: 'Anna' }

/** Scene 1, Mirelle 2, Anna 3, a question 4, a line 5 of the sentences 6 (joy) and 7 (neutral), closed by 8. */
function evening(): Fact[] {
  last = 0
  return [
    fact('scene_set', { heading: 'INT. TAVERN', description: 'Rain.', title: 'First night' }),
    fact('joined', { member: 'mirelle', role: 'character', name: 'Mirelle' }),
    fact('joined', { member: 'p-1', role: 'player', name: 'Anna' }),
    fact('said', { utterance: 'U1', text: 'Good evening' }, ANNA),
    fact('line_opened', { line: 'L', character: 'mirelle', turn: 4 }),
    fact('sentence', { line: 'L', attempt: 1, index: 0, text: 'Well met.', emotion: 'joy', intensity: 0.8 }),
    fact('sentence', { line: 'L', attempt: 1, index: 1, text: 'Sit down.' }),
    fact('line_closed', { line: 'L', state: 'heard', last_seq: 7, offset: 9 }),
  ]
}

class Desk {
  state = EditorState.create({ extensions: [tracking(), history()] })
  constructor(public facts: Fact[]) {
    this.sync()
  }
  get text() {
    return this.state.doc.toString()
  }
  do(spec: TransactionSpec) {
    this.state = this.state.update({ userEvent: 'input', ...spec }).state
  }
  sync() {
    const sync = reconciled(this.state, blocksOf(fold(this.facts).view, WORDS), (one) => one.dirty)
    if (sync !== null) this.state = this.state.update(stepOf(sync)).state
  }
  /** Replace the first `found` by `insert`. */
  change(found: string, insert: string) {
    const from = this.text.indexOf(found)
    expect(from, found).toBeGreaterThanOrEqual(0)
    this.do({ changes: { from, to: from + found.length, insert } })
  }
  behind(found: string, insert: string) {
    const at = this.text.indexOf(found) + found.length
    this.do({ changes: { from: at, to: at, insert } })
  }
  run(command: typeof undo) {
    command({ state: this.state, dispatch: (transaction) => (this.state = transaction.state) })
  }
  corrections() {
    const { members } = fold(this.facts).view
    return this.state.field(tracked).filter((one) => one.dirty).flatMap((one) => changesOf(one.block, { text: this.state.sliceDoc(one.from, one.to), parts: one.parts.map((part) => ({ from: part.from - one.from, to: part.to - one.from })) }, members).corrections)
  }
}

describe('the document', () => {
  it('is Fountain, each block the stretch of its fact', () => {
    const desk = new Desk(evening())
    expect(desk.text).toBe('Title: First night\n\n.INT. TAVERN\n\nRain.\n\nMirelle enters.\n\nAnna enters.\n\n@Anna\nGood evening\n\n@Mirelle\n(joy 0.8)\nWell met.\n(neutral)\nSit down.\n\n')
    const all = desk.state.field(tracked)
    expect(all.map((one) => one.block.id)).toEqual([0, 1, 2, 3, 4, 5])
    expect(all.at(-1)?.parts.map(({ from, to }) => desk.state.sliceDoc(from, to))).toEqual(['Well met.', 'Sit down.'])
  })

  it('tells an edit with the last fact that touched it as its base', () => {
    const facts = evening()
    const desk = new Desk([...facts, fact('corrected', { target: 4, text: 'Good night' })])
    desk.behind('Good night', ', all')
    expect(desk.corrections()).toEqual([{ kind: 'edit', target: 4, base: 9, text: 'Good night, all' }])
  })

  it('tells nothing when the old words are typed again', () => {
    const desk = new Desk(evening())
    desk.change('Well met.', 'Well')
    desk.behind('Well', ' met.')
    expect(desk.corrections()).toEqual([])
    expect(desk.state.field(tracked).some((one) => one.dirty)).toBe(false)
  })

  it('reads a feeling from the parenthetical before a sentence', () => {
    const desk = new Desk(evening())
    desk.change('(joy 0.8)', '(fear, whisper)')
    expect(desk.corrections()).toEqual([{ kind: 'edit', target: 6, base: 6, text: 'Well met.', emotion: 'fear', intensity: 0.5, manner: 'whisper' }])
    const other = new Desk(evening())
    other.change('(neutral)\n', '')
    expect(other.corrections()).toEqual([{ kind: 'edit', target: 7, base: 7, text: 'Sit down.', emotion: 'joy', intensity: 0.8, manner: 'plain' }])
    const typed = new Desk(evening())
    typed.behind('Well met.', '\n(anger)')
    typed.change('\n(neutral)', '')
    expect(typed.corrections()).toEqual([{ kind: 'edit', target: 7, base: 7, text: 'Sit down.', emotion: 'anger', intensity: 0.5, manner: 'plain' }])
  })

  it('strikes a sentence that is emptied, and the line when all are', () => {
    const desk = new Desk(evening())
    desk.change('Well met.', '')
    expect(desk.corrections()).toMatchObject([{ kind: 'strike', targets: [6] }])
    const whole = new Desk(evening())
    whole.change('@Mirelle\n(joy 0.8)\nWell met.\n(neutral)\nSit down.\n\n', '')
    expect(whole.corrections()).toMatchObject([{ kind: 'strike', targets: [5] }])
  })

  it('keeps a joined text with the sentence that it is in', () => {
    const desk = new Desk(evening())
    desk.change('.\n(neutral)\n', ', and ')
    expect(desk.corrections()).toMatchObject([{ kind: 'edit', target: 6, text: 'Well met, and' }, { kind: 'edit', target: 7, emotion: 'joy' }])
  })

  it('lets nobody type into a cue, a roll-call or the break before a block', () => {
    for (const [found, insert] of [['@Anna', 'x'], ['Anna enters.', 'x'], ['First night', 'x']] as const) {
      const desk = new Desk(evening())
      const before = desk.text
      desk.behind(found, insert)
      expect(desk.text).toBe(before)
    }
    const desk = new Desk(evening())
    desk.change('\n@Mirelle', '')
    expect(desk.text).toContain('\n@Mirelle')
  })

  it('puts new text behind the block that it follows: speech, action, note, whisper, scene', () => {
    const desk = new Desk(evening())
    desk.behind('Good evening', '\n\nA dog barks.\n\n@mirelle\n(anger)\nQuiet!\n\n@Nobody\nWho?\n\n[[to Mirelle, 3 lines: be curt]]\n\n[[whisper to mirelle: the key]]\n\n[[plain]]\n\n.EXT. YARD\nSnow.')
    expect(desk.corrections()).toEqual([
      { kind: 'insert', after: 4, block: 'action', text: 'A dog barks.' },
      { kind: 'insert', after: 4, block: 'line', text: 'Quiet!', name: 'Mirelle', member: 'mirelle', emotion: 'anger', intensity: 0.5, manner: 'plain' },
      { kind: 'insert', after: 4, block: 'said', text: 'Who?', name: 'Nobody' },
      { kind: 'note', text: 'be curt', scope: 'turns', character: 'mirelle', turns: 3 },
      { kind: 'whisper', character: 'mirelle', text: 'the key' },
      { kind: 'note', text: 'plain', scope: 'until_removed' },
      { kind: 'scene', heading: 'EXT. YARD', description: 'Snow.' },
    ])
  })

  it('waits for what is not written to its end', () => {
    const desk = new Desk(evening())
    desk.behind('Good evening', '\n\n@Mirelle')
    const one = desk.state.field(tracked).find((candidate) => candidate.dirty)
    if (one === undefined) throw new Error('nothing is dirty')
    expect(changesOf(one.block, { text: desk.state.sliceDoc(one.from, one.to), parts: one.parts.map((part) => ({ from: part.from - one.from, to: part.to - one.from })) }, new Map())).toEqual({ corrections: [], complete: false })
  })

  it('hides ids that were pasted with a text', () => {
    const desk = new Desk(evening())
    desk.behind('Good evening', ' to you [[souffleur: said 4 member=p-1 #0011aabb]]')
    expect(desk.corrections()).toEqual([{ kind: 'edit', target: 4, base: 4, text: 'Good evening to you' }])
  })

  it('gives each block its text back when a deletion over several is undone, also after facts came in between', () => {
    const desk = new Desk(evening())
    const before = desk.text
    desk.change('@Anna\nGood evening\n\n@Mirelle\n(joy 0.8)\nWell met.\n(neutral)\nSit down.', '')
    expect(desk.corrections()).toMatchObject([{ kind: 'strike', targets: [4] }, { kind: 'strike', targets: [5] }])
    desk.facts = [...desk.facts, fact('said', { utterance: 'U2', text: 'Hello?' }, ANNA)]
    desk.sync()
    desk.run(undo)
    expect(desk.text).toBe(`${before}@Anna\nHello?\n\n`)
    expect(desk.corrections()).toEqual([])
    expect(desk.state.field(tracked).filter((one) => one.block.parts.length > 0).flatMap((one) => one.parts.map(({ from, to }) => desk.state.sliceDoc(from, to)))).toEqual(['INT. TAVERN', 'Rain.', 'Good evening', 'Well met.', 'Sit down.', 'Hello?'])
    desk.run(redo)
    expect(desk.corrections()).toMatchObject([{ kind: 'strike', targets: [4] }, { kind: 'strike', targets: [5] }])
  })
})

describe('a scene', () => {
  const scene = (heading: string, description: string) => {
    last = 0
    return new Desk([fact('scene_set', { heading, description }), fact('said', { utterance: 'U1', text: 'Good evening' }, ANNA)])
  }
  const edit = (text: string) => ({ kind: 'edit', target: 1, base: 1, text })

  it('is reworded as a whole, against the last fact that touched it', () => {
    const desk = new Desk(evening())
    desk.change('INT. TAVERN', 'EXT. YARD')
    expect(desk.corrections()).toEqual([edit('EXT. YARD\nRain.')])
    desk.change('Rain.', 'Snow.')
    expect(desk.corrections()).toEqual([edit('EXT. YARD\nSnow.')])
    const again = new Desk([...evening(), fact('corrected', { target: 1, text: 'EXT. YARD\nSnow.\n\nWind.' })])
    expect(again.text).toContain('.EXT. YARD\n\nSnow.\n\nWind.\n\nMirelle enters.')
    again.change('Wind', 'Storm')
    expect(again.corrections()).toEqual([{ ...edit('EXT. YARD\nSnow.\n\nStorm.'), base: 9 }])
  })

  it('loses one of its texts, or both: then it is struck', () => {
    const bare = new Desk(evening())
    bare.change('INT. TAVERN', '')
    expect(bare.corrections()).toEqual([edit('\nRain.')])
    bare.change('Rain.', '')
    expect(bare.corrections()).toEqual([{ kind: 'strike', targets: [1], base: 1 }])
    const desk = new Desk(evening())
    desk.change('Rain.', '')
    expect(desk.corrections()).toEqual([edit('INT. TAVERN')])
    const whole = new Desk(evening())
    whole.change('.INT. TAVERN\n\nRain.\n\n', '')
    expect(whole.corrections()).toEqual([{ kind: 'strike', targets: [1], base: 1 }])
    whole.facts = [...whole.facts, fact('struck', { targets: [1] })]
    const struck = new Desk(whole.facts)
    struck.behind('Rain.', '!')
    expect(struck.text).toContain('Rain.\n')
    expect(struck.state.field(tracked).find((one) => one.block.id === 1)?.block).toMatchObject({ fixed: true, badges: ['struck'] })
  })

  it('gets the text that it did not have', () => {
    const described = scene('INT. TAVERN', '')
    described.behind('INT. TAVERN', '\nRain.')
    expect(described.corrections()).toEqual([edit('INT. TAVERN\nRain.')])
    const headed = scene('', 'Rain.')
    headed.change('Rain.', '.INT. TAVERN\nRain.')
    expect(headed.corrections()).toEqual([edit('INT. TAVERN\nRain.')])
    const between = new Desk(evening())
    between.behind('INT. TAVERN\n', 'Night.')
    expect(between.corrections()).toEqual([edit('INT. TAVERN\nNight.\nRain.')])
  })

  it('leaves to itself what is typed behind it or an element of its own', () => {
    const desk = new Desk(evening())
    desk.behind('Rain.', '\n\nA dog barks.\n\n@Anna\nHello?')
    expect(desk.corrections()).toMatchObject([{ kind: 'insert', after: 1, block: 'action', text: 'A dog barks.' }, { kind: 'insert', block: 'said', text: 'Hello?' }])
    const between = new Desk(evening())
    between.behind('INT. TAVERN', '\n\n@Anna\nHello?\n\nNight.')
    expect(between.corrections()).toMatchObject([edit('INT. TAVERN\nNight.\n\nRain.'), { kind: 'insert', after: 1, block: 'said', text: 'Hello?' }])
    const bare = scene('INT. TAVERN', '')
    bare.behind('INT. TAVERN', '\n\nA dog barks.')
    expect(bare.corrections()).toMatchObject([{ kind: 'insert', after: 1, block: 'action', text: 'A dog barks.' }])
  })

  it('can be headed anew with the point or without it', () => {
    for (const typed of ['EXT. YARD', '.EXT. YARD']) {
      const desk = new Desk(evening())
      desk.change('.INT. TAVERN', typed)
      expect(desk.corrections()).toEqual([edit('EXT. YARD\nRain.')])
    }
    const pointless = new Desk(evening())
    pointless.change('.INT. TAVERN', 'INT. TAVERN')
    expect(pointless.corrections()).toEqual([])
    const gone = new Desk(evening())
    gone.change('.INT. TAVERN\n', '')
    expect(gone.corrections()).toEqual([edit('\nRain.')])
    const before = new Desk(evening())
    before.change('\n\n.INT', '\n\nA barn.INT')
    expect(before.text).toContain('Title: First night\n\n')
  })
})

describe('deleting everything', () => {
  it('leaves what cannot be struck, and is undone whole', () => {
    const desk = new Desk([...evening(), fact('left', { member: 'p-1' })])
    const before = desk.text
    desk.do({ changes: { from: 0, to: desk.text.length } })
    expect(desk.text).toContain('Anna enters.')
    expect(desk.text).not.toContain('Well met.')
    desk.run(undo)
    expect(desk.text).toBe(before)
    expect(desk.corrections()).toEqual([])
  })
})

describe('live facts', () => {
  it('change what nobody is at, and leave the cursor and the rest alone', () => {
    const desk = new Desk(evening())
    const at = desk.text.indexOf('Sit')
    desk.do({ selection: { anchor: at } })
    desk.behind('Well met.', ' And dry.')
    desk.facts = [...desk.facts, fact('corrected', { target: 4, text: 'A much longer greeting' }), fact('corrected', { target: 6, text: 'Theirs.' }), fact('said', { utterance: 'U3', text: 'More' }, ANNA)]
    desk.sync()
    expect(desk.text).toContain('@Anna\nA much longer greeting\n\n@Mirelle\n(joy 0.8)\nWell met. And dry.\n(neutral)\nSit down.\n\n@Anna\nMore\n\n')
    expect(desk.state.sliceDoc(desk.state.selection.main.head).startsWith('Sit')).toBe(true)
    expect(desk.corrections()).toEqual([{ kind: 'edit', target: 6, base: 6, text: 'Well met. And dry.' }])
  })

  it('take away what was retconned, and put what was inserted in its place', () => {
    const desk = new Desk(evening())
    desk.facts = [...desk.facts, fact('inserted', { after: 4, block: 'action', text: 'A dog barks.' })]
    desk.sync()
    expect(desk.text).toContain('Good evening\n\nA dog barks.\n\n@Mirelle')
    desk.facts = [...desk.facts, fact('retconned', { to: 4 })]
    desk.sync()
    expect(desk.text).not.toContain('Well met.')
    expect(desk.text.endsWith('@Anna\nGood evening\n\n')).toBe(true)
  })

  it('put back what a retcon took, between what stayed, when the retcon is taken back', () => {
    const desk = new Desk(evening())
    const before = desk.text
    const retcon = fact('retconned', { to: 4 })
    desk.facts = [...desk.facts, retcon]
    desk.sync()
    desk.facts = [...desk.facts, fact('said', { utterance: 'U3', text: 'More' }, ANNA), fact('struck', { targets: [retcon.seq] })]
    desk.sync()
    expect(desk.text).toBe(`${before}@Anna\nMore\n\n`)
    desk.behind('Well met.', ' Friend.')
    expect(desk.corrections()).toEqual([{ kind: 'edit', target: 6, base: 6, text: 'Well met. Friend.' }])
  })

  it('unlock what was struck, when the strike is taken back', () => {
    const desk = new Desk(evening())
    const strike = fact('struck', { targets: [4] })
    desk.facts = [...desk.facts, strike]
    desk.sync()
    desk.facts = [...desk.facts, fact('struck', { targets: [strike.seq] })]
    desk.sync()
    desk.behind('Good evening', '!')
    expect(desk.corrections()).toEqual([{ kind: 'edit', target: 4, base: 4, text: 'Good evening!' }])
  })

  it('lock what is struck', () => {
    const desk = new Desk(evening())
    desk.facts = [...desk.facts, fact('struck', { targets: [4] })]
    desk.sync()
    const before = desk.text
    desk.behind('Good evening', '!')
    expect(desk.text).toBe(before)
    expect(desk.state.field(tracked).find((one) => one.block.id === 4)?.block.badges).toContain('struck')
  })
})
