/** The editor between the facts and the corrections: facts come in as changes of the text, changes of the text go out as corrections. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from '@codemirror/search'
import { EditorState, Transaction as Step } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, placeholder, type ViewUpdate } from '@codemirror/view'
import { BehaviorSubject, type Subscription } from 'rxjs'

import { Problem } from '@/lib/api/client'
import type { Transcript } from '@/lib/transcript/fold'
import type { SentenceEntry } from '@/lib/transcript/view'

import { type AnyCorrection, tell, type Told, undo } from './api'
import { type Block, type Words, writer } from './blocks'
import { asNew, changesOf, type Correction } from './changes'
import { type BadgeWords, dressing, setApplied, setWords, theme } from './dress'
import { blockAt, reconciled, setFate, setTracked, stepOf, type Tracked, tracked, tracking } from './tracked'

/** A correction that did not go through. */
export interface Trouble {
  block: number
  correction: Correction
  kind: 'conflict' | 'failed'
  /** What the editor wrote, and what stands meanwhile. */
  mine: string
  theirs: string
  error: unknown
}

export interface Shown {
  following: boolean
  changed: number
  /** Told, and not applied yet. */
  waiting: number
  applied: number
  troubles: readonly Trouble[]
  /** Why the last undo was refused. */
  refused: unknown
}

const NEAR_PX = 48
const GLOW_MS = 2500
/** A scrolling goes on that long after the hand that began it. */
const HAND_MS = 1000

export interface Language {
  words: Words
  badge: BadgeWords
  label: string
  empty: string
  phrases: Record<string, string>
}

export class EditorController {
  readonly shown$ = new BehaviorSubject<Shown>({ following: true, changed: 0, waiting: 0, applied: 0, troubles: [], refused: null })
  /** Emits whenever lines may have moved. */
  readonly moved$ = new BehaviorSubject(0)
  readonly margin = document.createElement('div')
  readonly view: EditorView
  private readonly left = new AbortController()
  private readonly subscription: Subscription
  private blocks: Block[] = []
  private readonly write: ReturnType<typeof writer>
  private readonly onUnload = (event: BeforeUnloadEvent) => {
    if (this.shown$.value.changed > 0 || this.shown$.value.waiting > 0) event.preventDefault()
  }
  private glowing = new Set<number>()
  private handled = -Infinity
  private gone = false

  constructor(
    parent: HTMLElement,
    private readonly session: string,
    private readonly transcript$: BehaviorSubject<Transcript>,
    private readonly language: Language,
  ) {
    this.write = writer(language.words)
    window.addEventListener('beforeunload', this.onUnload)
    this.margin.className = 'screenplay-margin'
    this.view = new EditorView({ parent, state: EditorState.create({ extensions: this.extensions() }) })
    this.view.scrollDOM.append(this.margin)
    const { scrollDOM } = this.view
    scrollDOM.addEventListener('scroll', () => this.scrolled(), { passive: true })
    for (const hand of ['wheel', 'touchmove', 'pointerdown', 'keydown']) scrollDOM.addEventListener(hand, () => (this.handled = performance.now()), { passive: true })
    this.view.dispatch({ effects: setWords.of({ badge: language.badge }) })
    this.subscription = transcript$.subscribe(() => this.facts())
  }

  destroy(): void {
    // What was not sent yet goes out before the page is left.
    for (const one of this.view.state.field(tracked)) if (one.dirty && one.fate === '') void this.settle(one.block.id)
    window.removeEventListener('beforeunload', this.onUnload)
    this.subscription.unsubscribe()
    setTimeout(() => this.left.abort(), 5000)
    this.gone = true
    this.view.destroy()
  }

  private extensions() {
    const { label, empty, phrases } = this.language
    const own = [
      { key: 'Mod-Enter', run: () => this.settleHere() },
      { key: 'Escape', run: () => this.revert() },
      { key: 'Mod-Alt-z', run: () => (void this.undo(), true) },
      { key: 'Mod-End', run: () => (this.jump(), false) },
    ]
    return [
      tracking(),
      dressing(),
      theme,
      history(),
      search({ top: true }),
      highlightSelectionMatches(),
      drawSelection(),
      highlightActiveLine(),
      placeholder(empty),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({ 'aria-label': label, 'data-testid': 'screenplay-text', spellcheck: 'true' }),
      EditorState.phrases.of(phrases),
      keymap.of([...own, ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
      EditorView.updateListener.of((update) => this.updated(update)),
    ]
  }

  /** Facts have come: everything that nobody is at is written anew. */
  private facts(): void {
    this.blocks = this.write(this.transcript$.value.view)
    this.rescue()
    this.rewrite((one) => one.dirty || one.fate !== '')
  }

  /** What somebody was writing in a block that is no more (a retcon took it) is kept before their eyes. */
  private rescue(): void {
    const standing = new Set(this.blocks.map((block) => block.id))
    const lost = this.view.state.field(tracked).filter((one) => one.dirty && one.fate !== 'sending' && !standing.has(one.block.id))
    for (const one of lost) {
      const behind = this.blocks.findLast((block) => block.id < one.block.id)?.id ?? 0
      const text = this.textOf(one)
      const troubles = asNew(text, behind, this.transcript$.value.view.members).map((correction) => ({ block: behind, correction, kind: 'conflict' as const, mine: wordsOf(correction), theirs: '', error: null }))
      this.tellShown({ troubles: [...this.shown$.value.troubles.filter((trouble) => trouble.block !== one.block.id), ...troubles] })
    }
  }

  private rewrite(at: (one: Tracked) => boolean): void {
    const sync = reconciled(this.view.state, this.blocks, at)
    if (sync !== null) this.view.dispatch(stepOf(sync))
    if (this.shown$.value.following && !this.editing()) this.toEnd()
  }

  private editing(): boolean {
    return this.view.hasFocus && this.view.state.field(tracked).some((one) => one.dirty)
  }

  private updated(update: ViewUpdate): void {
    if (update.docChanged || update.geometryChanged) this.moved$.next(this.moved$.value + 1)
    const all = update.state.field(tracked)
    const changed = all.filter((one) => one.dirty && one.fate === '')
    if (changed.length !== this.shown$.value.changed) queueMicrotask(() => this.tellShown({ changed: changed.length }))
    if (changed.length === 0 || !(update.selectionSet || update.docChanged || update.focusChanged)) return
    const here = this.view.hasFocus ? blockAt(all, update.state.selection.main.head) : undefined
    // What was deleted stands in the editor's own history until the cursor moves on and it is told as a strike. Nothing is rewritten around it meanwhile.
    const deleted = changed.some((one) => update.state.sliceDoc(one.from, one.to).trim() === '')
    if (deleted && update.docChanged && here !== undefined) return
    const leaving = changed.filter((one) => one !== here).map((one) => one.block.id)
    // Not from within an update: the editor allows no change there.
    if (leaving.length > 0) setTimeout(() => leaving.forEach((id) => void this.settle(id)))
  }

  private find(id: number): Tracked | undefined {
    return this.view.state.field(tracked).find((one) => one.block.id === id)
  }

  private settleHere(): boolean {
    const here = blockAt(this.view.state.field(tracked), this.view.state.selection.main.head)
    if (here?.dirty !== true || here.fate !== '') return false
    void this.settle(here.block.id)
    return true
  }

  /** Back to what was handed out. */
  private revert(): boolean {
    const here = blockAt(this.view.state.field(tracked), this.view.state.selection.main.head)
    if (here?.dirty !== true || here.fate !== '') return false
    this.giveUp(here.block.id)
    return true
  }

  private giveUp(id: number): void {
    this.rewrite((one) => one.block.id !== id && (one.dirty || one.fate !== ''))
  }

  /** Tell what was changed in a block. */
  private async settle(id: number): Promise<void> {
    const one = this.find(id)
    if (one?.dirty !== true || one.fate !== '') return
    const text = this.textOf(one)
    const { corrections, complete } = changesOf(one.block, { text, parts: one.parts.map((part) => ({ from: part.from - one.from, to: part.to - one.from })) }, this.transcript$.value.view.members)
    if (!complete) return
    if (corrections.length === 0) {
      this.giveUp(id)
      return
    }
    this.mark(id, 'sending')
    const troubles = await this.tellAll(id, corrections)
    if (troubles.length > 0) {
      this.mark(id, troubles.some((trouble) => trouble.kind === 'conflict') ? 'conflict' : 'failed')
      this.tellShown({ troubles: [...this.shown$.value.troubles, ...troubles] })
    } else this.finish(id, text)
  }

  private textOf(one: Tracked): string {
    return this.view.state.sliceDoc(one.from, one.to)
  }

  private mark(id: number, fate: Tracked['fate']): void {
    if (!this.gone) this.view.dispatch({ effects: setFate.of({ id, fate }), annotations: Step.addToHistory.of(false) })
  }

  /** One after the other: what is inserted stands behind what was inserted before it. */
  private async tellAll(block: number, corrections: readonly Correction[]): Promise<Trouble[]> {
    const troubles: Trouble[] = []
    let after = 0
    for (const given of corrections) {
      const correction = given.kind === 'insert' && after > 0 ? { ...given, after } : given
      try {
        const told = await this.told(correction)
        if (correction.kind === 'insert' && told.state === 'applied') after = told.seq
        if (told.state !== 'applied') troubles.push({ block, correction, kind: told.state === 'conflicted' ? 'conflict' : 'failed', mine: wordsOf(correction), theirs: told.current, error: new Problem(409, told.state, told.detail) })
      } catch (error) {
        if (this.left.signal.aborted) return []
        troubles.push({ block, correction, kind: 'failed', mine: wordsOf(correction), theirs: '', error })
      }
    }
    return troubles
  }

  /** Tell one correction, wait for its end and for its fact. Throws `Problem`. */
  private async told(correction: AnyCorrection): Promise<Told> {
    this.tellShown({ waiting: this.shown$.value.waiting + 1 })
    try {
      const told = await tell(this.session, correction, this.left.signal)
      if (told.state === 'applied') {
        await this.seen(told.seq)
        this.tellShown({ applied: this.shown$.value.applied + 1 })
      }
      return told
    } finally {
      this.tellShown({ waiting: this.shown$.value.waiting - 1 })
    }
  }

  private seen(seq: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        subscription?.unsubscribe()
        resolve()
      }
      // A feed that is down must not hold the editor: what it lacks comes when it is back.
      const timer = setTimeout(done, 5000)
      let subscription: Subscription | undefined = undefined
      subscription = this.transcript$.subscribe(({ view }) => {
        if (view.seq >= seq) queueMicrotask(done)
      })
    })
  }

  /** Applied: the block is what the facts say, unless it was edited on meanwhile. */
  private finish(id: number, sent: string): void {
    const one = this.find(id)
    const block = this.blocks.find((candidate) => candidate.id === id)
    if (one === undefined || this.gone) return
    const again = this.textOf(one) !== sent && block !== undefined && block.parts.length === one.parts.length
    if (again) {
      const all = this.view.state.field(tracked).map((other) => (other === one ? { ...one, block, fate: '' as const, dirty: true } : other))
      this.view.dispatch({ effects: setTracked.of(all), annotations: Step.addToHistory.of(false) })
    } else this.giveUp(id)
    this.glow(id)
  }

  private glow(id: number): void {
    const show = () => {
      if (!this.gone) this.view.dispatch({ effects: setApplied.of(new Set(this.glowing)) })
    }
    this.glowing.add(id)
    show()
    setTimeout(() => {
      this.glowing.delete(id)
      show()
    }, GLOW_MS)
  }

  /** A conflict or a failure: once more, over what stands now; or leave it as it stands. */
  async resolve(trouble: Trouble, keep: boolean): Promise<void> {
    this.tellShown({ troubles: this.shown$.value.troubles.filter((other) => other !== trouble) })
    const still = () => this.shown$.value.troubles.some((other) => other.block === trouble.block)
    if (!keep) {
      if (!still()) this.giveUp(trouble.block)
      return
    }
    this.mark(trouble.block, 'sending')
    const one = this.find(trouble.block)
    const troubles = await this.tellAll(trouble.block, [this.rebased(trouble.correction)])
    if (troubles.length > 0) this.tellShown({ troubles: [...this.shown$.value.troubles, ...troubles] })
    if (still()) this.mark(trouble.block, 'conflict')
    else this.finish(trouble.block, one === undefined ? '' : this.textOf(one))
  }

  /** The same correction, of what stands now. */
  private rebased(correction: Correction): Correction {
    if (correction.kind !== 'edit' && correction.kind !== 'strike') return correction
    const targets = new Set(correction.kind === 'edit' ? [correction.target] : correction.targets)
    const touched = this.transcript$.value.view.entries.flatMap((entry) => {
      if (entry.type === 'said') return targets.has(entry.seq) ? [entry.touched] : []
      if (entry.type !== 'line') return []
      return entry.sentences.filter((sentence: SentenceEntry) => targets.has(sentence.seq) || targets.has(entry.seq)).map((sentence) => sentence.touched)
    })
    return { ...correction, base: Math.max(correction.base, ...touched) }
  }

  /** From a card in the margin. Throws `Problem`. */
  async tellCard(correction: AnyCorrection): Promise<Told> {
    const told = await this.told(correction)
    if (told.state !== 'applied') throw new Problem(409, told.state, told.detail || told.current)
    return told
  }

  /** Take back the last act of this director. */
  async undo(): Promise<void> {
    try {
      await undo(this.session)
      this.tellShown({ refused: null })
    } catch (error) {
      this.tellShown({ refused: error })
    }
  }

  search(): void {
    openSearchPanel(this.view)
  }

  jump(): void {
    this.tellShown({ following: true })
    this.toEnd()
  }

  /** To the block of a fact, with the cursor in it. */
  reveal(id: number): void {
    const one = this.find(id)
    if (one === undefined) return
    this.tellShown({ following: false })
    this.view.dispatch({ selection: { anchor: one.parts[0]?.from ?? one.from }, effects: EditorView.scrollIntoView(one.from, { y: 'center' }) })
    this.view.focus()
  }

  setFollowing(following: boolean): void {
    this.tellShown({ following })
    if (following) this.toEnd()
  }

  /** Where a block begins, in pixels from the top of the margin. */
  topOf(id: number): number {
    const one = this.find(id)
    return one === undefined ? 0 : this.view.lineBlockAt(Math.min(one.from, this.view.state.doc.length)).top + this.view.documentPadding.top
  }

  private toEnd(): void {
    this.view.requestMeasure({ key: this, read: () => null, write: () => { this.view.scrollDOM.scrollTop = this.view.scrollDOM.scrollHeight } })
  }

  private scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.view.scrollDOM
    const near = scrollHeight - scrollTop - clientHeight < NEAR_PX
    // Text that grows above moves the place too; only a hand that scrolled up has had enough of the end.
    if (near !== this.shown$.value.following && performance.now() - this.handled < HAND_MS) this.tellShown({ following: near })
  }

  private tellShown(patch: Partial<Shown>): void {
    this.shown$.next({ ...this.shown$.value, ...patch })
  }
}

function wordsOf(correction: Correction): string {
  if (correction.kind === 'strike') return ''
  return correction.kind === 'scene' ? [correction.heading, correction.description].filter((text) => text !== '').join('\n') : correction.text
}
