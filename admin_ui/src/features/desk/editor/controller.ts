/** The editor between the facts and the corrections: facts come in as changes of the text, changes of the text go out as corrections. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { highlightSelectionMatches, openSearchPanel, search, searchKeymap } from '@codemirror/search'
import { EditorState, Transaction as Step } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, placeholder, type ViewUpdate } from '@codemirror/view'
import { BehaviorSubject, Subscription } from 'rxjs'

import { Problem } from '@/lib/api/client'
import type { Transcript } from '@/lib/transcript/fold'
import type { SentenceEntry } from '@/lib/transcript/view'

import { type AnyCorrection, tell, type Told, undo } from './api'
import { type Block, type Words, writer } from './blocks'
import { asNew, changesOf, type Correction, type Outcome as Changes } from './changes'
import { type BadgeWords, dressing, setApplied, setWords, theme } from './dress'
import { type Outbox, outboxOf, type Outcome, wordsOf } from './outbox'
import { blockAt, reconciled, setFate, setTracked, stepOf, type Tracked, tracked, tracking } from './tracked'
import type { Trouble } from './unsent'

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
  private readonly subscription = new Subscription()
  private readonly outbox: Outbox
  /** What each block said when its corrections were sent. */
  private readonly sent = new Map<number, { text: string; corrections: readonly Correction[] }>()
  /** Told from cards, and not applied yet. */
  private cards = 0
  private blocks: Block[] = []
  private readonly write: ReturnType<typeof writer>
  private readonly onUnload = (event: BeforeUnloadEvent) => {
    const { changed, waiting, troubles } = this.shown$.value
    if (changed > 0 || waiting > 0 || troubles.length > 0) event.preventDefault()
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
    this.outbox = outboxOf(session)
    this.subscription.add(transcript$.subscribe(() => this.facts()))
    this.subscription.add(this.outbox.state$.subscribe(() => this.counted()))
  }

  destroy(): void {
    // What was not sent yet goes out; what cannot go out waits for somebody to decide, here or when the editor opens again.
    for (const one of this.view.state.field(tracked)) {
      if (!one.dirty) continue
      if (one.fate === '') void this.settle(one.block.id, true)
      else this.holdRest(one)
    }
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
      this.outbox.dropAll(one.block.id)
      this.outbox.hold(behind, asNew(text, behind, this.transcript$.value.view.members).map((correction) => ({ correction, theirs: '' })))
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
    this.sent.delete(id)
    this.rewrite((one) => one.block.id !== id && (one.dirty || one.fate !== ''))
  }

  /** Tell what was changed in a block; what is not written to its end waits, unless the editor is `leaving`. */
  private async settle(id: number, leaving = false): Promise<void> {
    const one = this.find(id)
    if (one?.dirty !== true || one.fate !== '') return
    const text = this.textOf(one)
    const { corrections, complete } = this.changesOf(one)
    if (!complete && !leaving) return
    if (corrections.length === 0) {
      if (!leaving) this.giveUp(id)
      return
    }
    this.mark(id, 'sending')
    this.sent.set(id, { text, corrections })
    const { troubles } = await this.awaited(this.outbox.send(id, corrections))
    if (troubles.length > 0) this.mark(id, fateOf(troubles))
    else this.finish(id, text)
  }

  private changesOf(one: Tracked): Changes {
    return changesOf(one.block, { text: this.textOf(one), parts: one.parts.map((part) => ({ from: part.from - one.from, to: part.to - one.from })) }, this.transcript$.value.view.members)
  }

  /** Written in a block after its corrections went out, and the editor is left. */
  private holdRest(one: Tracked): void {
    const sent = this.sent.get(one.block.id)
    if (sent === undefined || sent.text === this.textOf(one)) return
    const known = new Set(sent.corrections.map((correction) => JSON.stringify(correction)))
    const rest = this.changesOf(one).corrections.filter((correction) => !known.has(JSON.stringify(correction)))
    const theirs = (target: number) => sent.corrections.find((correction) => correction.kind === 'edit' && correction.target === target)
    this.outbox.hold(
      one.block.id,
      rest.map((correction) => {
        const told = correction.kind === 'edit' ? theirs(correction.target) : undefined
        return { correction, theirs: told === undefined ? '' : wordsOf(told) }
      }),
    )
  }

  private textOf(one: Tracked): string {
    return this.view.state.sliceDoc(one.from, one.to)
  }

  private mark(id: number, fate: Tracked['fate']): void {
    if (!this.gone) this.view.dispatch({ effects: setFate.of({ id, fate }), annotations: Step.addToHistory.of(false) })
  }

  /** With the facts of what was applied before the eyes. */
  private async awaited(outcome: Promise<Outcome>): Promise<Outcome> {
    const known = await outcome
    if (known.seq > 0) await this.seen(known.seq)
    this.tellShown({ applied: this.shown$.value.applied + known.applied })
    return known
  }

  private counted(): void {
    const { waiting, troubles } = this.outbox.state$.value
    this.tellShown({ waiting: waiting + this.cards, troubles })
  }

  private seen(seq: number): Promise<void> {
    if (this.gone) return Promise.resolve()
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
      this.sent.delete(id)
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
    const { block } = trouble
    const still = () => this.shown$.value.troubles.filter((other) => other.block === block)
    if (!keep) {
      this.outbox.drop(trouble.id)
      if (still().length === 0) this.giveUp(block)
      return
    }
    this.mark(block, 'sending')
    const one = this.find(block)
    const text = this.sent.get(block)?.text ?? (one === undefined ? '' : this.textOf(one))
    await this.awaited(this.outbox.again(trouble.id, (correction) => this.rebased(correction)))
    if (still().length > 0) this.mark(block, fateOf(still()))
    else this.finish(block, text)
  }

  /** The same correction, of what stands now. */
  private rebased(correction: Correction): Correction {
    if (correction.kind !== 'edit' && correction.kind !== 'strike') return correction
    const targets = new Set(correction.kind === 'edit' ? [correction.target] : correction.targets)
    const touched = this.transcript$.value.view.entries.flatMap((entry) => {
      if (entry.type === 'said' || entry.type === 'scene') return targets.has(entry.seq) ? [entry.touched] : []
      if (entry.type !== 'line') return []
      return entry.sentences.filter((sentence: SentenceEntry) => targets.has(sentence.seq) || targets.has(entry.seq)).map((sentence) => sentence.touched)
    })
    return { ...correction, base: Math.max(correction.base, ...touched) }
  }

  /** From a card in the margin. Throws `Problem`. */
  async tellCard(correction: AnyCorrection): Promise<Told> {
    this.cards += 1
    this.counted()
    try {
      const told = await tell(this.session, correction, { signal: this.left.signal })
      if (told.state !== 'applied') throw new Problem(409, told.state, told.detail || told.current)
      await this.seen(told.seq)
      this.tellShown({ applied: this.shown$.value.applied + 1 })
      return told
    } finally {
      this.cards -= 1
      this.counted()
    }
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

function fateOf(troubles: readonly Trouble[]): Tracked['fate'] {
  return troubles.some((trouble) => trouble.kind === 'conflict') ? 'conflict' : 'failed'
}
