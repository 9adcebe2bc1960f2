/** What can be done with a chosen entry: edit, strike, take once more, insert behind, go back to it, erase it for good. */
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { type Entry, isOpen, type LineEntry, type SentenceEntry } from '@/lib/transcript/view'

import type { DeskSession } from '../session/deskSession'
import { EMOTIONS, type Felt, MANNERS } from '../session/marks'
import type { Doing } from '../session/stand'
import { lastOf } from '../session/states'
import { castOf, Key } from './looks'
import { FeltSelect } from './MarkedEditor'
import { useParts } from './useParts'

/** Said to the model; the page's own words stand on the buttons. */
export const DIRECTIONS = { angrier: 'angrier', softer: 'softer', shorter: 'shorter', lie: 'as a lie', funnier: 'with humour' } as const

export type Changeable = Extract<Entry, { type: 'line' | 'said' }>

interface Props {
  desk: DeskSession
  entry: Changeable
  doing: Doing
}

export function EntryTools({ desk, entry, doing }: Props) {
  const back = () => desk.stand.turn({ doing: 'menu' })
  const done = () => desk.stand.turn({ entry: 0, doing: 'menu' })
  return (
    <div
      className="mt-1.5"
      data-testid="entry-tools"
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || doing === 'menu') return
        event.stopPropagation()
        back()
      }}
    >
      {doing === 'menu' && <Menu desk={desk} entry={entry} />}
      {doing === 'edit' && entry.type === 'line' && <EditLine desk={desk} line={entry} onDone={done} />}
      {doing === 'edit' && entry.type !== 'line' && <EditSaid desk={desk} said={entry} onDone={done} />}
      {doing === 'retake' && entry.type === 'line' && <Retake desk={desk} line={entry} onDone={done} />}
      {doing === 'insert' && <Insert desk={desk} entry={entry} onDone={done} />}
      {doing === 'retcon' && <Retcon desk={desk} entry={entry} onDone={done} onBack={back} />}
      {doing === 'erase' && <Erase desk={desk} entry={entry} onDone={done} onBack={back} />}
    </div>
  )
}

export function strike(desk: DeskSession, entry: Changeable): void {
  void desk.correct({ kind: 'strike', targets: [entry.seq] })
  desk.stand.turn({ entry: 0, doing: 'menu' })
}

function Menu({ desk, entry }: { desk: DeskSession; entry: Changeable }) {
  const { t } = useTranslation()
  const turn = (doing: Doing) => () => desk.stand.turn({ entry: entry.seq, doing })
  return (
    <div className="flex flex-wrap gap-1.5">
      <button type="button" className="btn-sm" data-testid="entry-edit" onClick={turn('edit')}>
        {t('desk.edit')} <Key>E</Key>
      </button>
      <button type="button" className="btn-sm" data-testid="entry-strike" onClick={() => strike(desk, entry)}>
        {t('desk.strike')} <Key>X</Key>
      </button>
      {entry.type === 'line' && !entry.inserted && (
        <button type="button" className="btn-sm" data-testid="entry-retake" onClick={turn('retake')}>
          {t('desk.retake')} <Key>T</Key>
        </button>
      )}
      <button type="button" className="btn-sm" data-testid="entry-insert" onClick={turn('insert')}>
        {t('desk.insert')} <Key>I</Key>
      </button>
      <button type="button" className="btn-sm text-danger" data-testid="entry-retcon" onClick={turn('retcon')}>
        {t('desk.retcon')} <Key>C</Key>
      </button>
      <button type="button" className="btn-sm text-danger" data-testid="entry-erase" onClick={turn('erase')}>
        {t('desk.erase')} <Key>Del</Key>
      </button>
      {entry.type === 'line' && isOpen(entry.state) && (
        <button type="button" className="btn-sm" data-testid="entry-hold" onClick={() => void desk.act({ kind: 'hold', line: entry.line })}>
          {t('desk.hold')}
        </button>
      )}
    </div>
  )
}

interface SentenceProps {
  label: string
  first?: string
  testId: string
  onSend: (text: string) => unknown
  onDone: () => void
  children?: ReactNode
}

/** One text and a way to send it. */
function Sentence({ label, first = '', testId, onSend, onDone, children }: SentenceProps) {
  const { t } = useTranslation()
  const [text, setText] = useState(first)
  const send = () => {
    if (text.trim() === '') return
    onSend(text.trim())
    onDone()
  }
  return (
    <form
      className="flex flex-wrap items-start gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {children}
      <textarea
        autoFocus
        rows={1}
        className="field field-sizing-content max-h-40 min-h-9 flex-1 basis-60 resize-none py-1.5"
        aria-label={t(label)}
        data-testid={testId}
        maxLength={4000}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
          event.preventDefault()
          send()
        }}
      />
      <button type="submit" className="btn-sm btn-primary h-9" data-testid={`${testId}-send`}>
        {t(label)} <Key>⏎</Key>
      </button>
    </form>
  )
}

/** Against what was seen when the edit began: whoever was quicker is not overwritten unseen. */
function EditSaid({ desk, said, onDone }: { desk: DeskSession; said: Exclude<Changeable, LineEntry>; onDone: () => void }) {
  const [seen] = useState(said)
  return <Sentence label="desk.edit" first={seen.text} onSend={(text) => text !== seen.text && void desk.correct({ kind: 'edit', target: seen.seq, text, base: seen.touched })} onDone={onDone} testId="edit-text" />
}

/** Every sentence with its feeling; only what changed is sent, each against what was seen here. */
function EditLine({ desk, line, onDone }: { desk: DeskSession; line: LineEntry; onDone: () => void }) {
  const { t } = useTranslation()
  const [seen] = useState(line.sentences)
  const [rows, setRows] = useState<readonly Felt[]>(() => seen.map(({ text, emotion, intensity, manner }) => ({ text, emotion, intensity, manner })))
  const set = (index: number, patch: Partial<Felt>) => setRows(rows.map((row, at) => (at === index ? { ...row, ...patch } : row)))
  const send = () => {
    for (const [index, sentence] of seen.entries()) change(desk, sentence, rows[index])
    onDone()
  }
  return (
    <form
      className="flex flex-col gap-1.5"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.shiftKey || !(event.target instanceof HTMLTextAreaElement) || event.nativeEvent.isComposing) return
        event.preventDefault()
        send()
      }}
    >
      {rows.map((row, index) => (
        <div key={seen[index]?.seq} className="flex items-start gap-1.5 max-sm:flex-col">
          <div className="flex gap-1">
            <FeltSelect label={t('desk.emotion')} family="emotion" values={EMOTIONS} value={row.emotion} testId={`edit-emotion-${index}`} onChange={(emotion) => set(index, { emotion })} />
            <FeltSelect label={t('desk.manner')} family="manner" values={MANNERS} value={row.manner} testId={`edit-manner-${index}`} onChange={(manner) => set(index, { manner })} />
          </div>
          <textarea autoFocus={index === 0} rows={1} className="field field-sizing-content max-h-40 min-h-9 resize-none py-1.5" aria-label={t('desk.sentence_nth', { n: index + 1 })} data-testid={`edit-text-${index}`} maxLength={2000} value={row.text} onChange={(event) => set(index, { text: event.target.value })} />
        </div>
      ))}
      <button type="submit" className="btn-sm btn-primary self-start" data-testid="edit-send">
        {t('common.save')} <Key>⏎</Key>
      </button>
    </form>
  )
}

/** Against what was seen as the edit began, also where the sentence goes. */
export function change(desk: Pick<DeskSession, 'correct'>, was: SentenceEntry, now: Felt | undefined): void {
  if (now === undefined) return
  const text = now.text.trim()
  const felt = now.emotion !== was.emotion || now.manner !== was.manner
  if (text === '') void desk.correct({ kind: 'strike', targets: [was.seq], base: was.touched })
  else if (text !== was.text || felt) void desk.correct({ kind: 'edit', target: was.seq, text, base: was.touched, ...(felt ? { emotion: now.emotion, manner: now.manner } : {}) })
}

function Retake({ desk, line, onDone }: { desk: DeskSession; line: LineEntry; onDone: () => void }) {
  const { t } = useTranslation()
  const again = (direction: string) => {
    void desk.act({ kind: 'retake', line: line.line, direction })
    onDone()
  }
  return (
    <Sentence label="desk.retake" testId="retake-direction" onSend={again} onDone={onDone}>
      <div className="flex w-full flex-wrap gap-1.5">
        {(Object.keys(DIRECTIONS) as (keyof typeof DIRECTIONS)[]).map((name) => (
          <button key={name} type="button" className="btn-sm" data-testid={`retake-${name}`} onClick={() => again(DIRECTIONS[name])}>
            {t(`desk.direction_${name}`)}
          </button>
        ))}
      </div>
    </Sentence>
  )
}

function Insert({ desk, entry, onDone }: { desk: DeskSession; entry: Changeable; onDone: () => void }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const [who, setWho] = useState('')
  const insert = (text: string) => void desk.correct({ kind: 'insert', after: lastOf(entry), block: who === '' ? 'action' : 'line', text, ...(who === '' ? {} : { member: who }) })
  return (
    <Sentence label="desk.insert" testId="insert-text" onSend={insert} onDone={onDone}>
      <select className="field h-9 w-auto py-1 text-sm" aria-label={t('desk.whom')} data-testid="insert-who" value={who} onChange={(event) => setWho(event.target.value)}>
        <option value="">{t('desk.action')}</option>
        {castOf(view).map((member) => (
          <option key={member.id} value={member.id}>
            {member.name}
          </option>
        ))}
      </select>
    </Sentence>
  )
}

interface SureProps {
  label: string
  question: string
  yes: string
  testId: string
  disabled?: boolean
  onYes: () => void
  onBack: () => void
}

/** Asked once more: it takes much away at once. */
function Sure({ label, question, yes, testId, disabled = false, onYes, onBack }: SureProps) {
  const { t } = useTranslation()
  const button = useRef<HTMLButtonElement>(null)
  useEffect(() => button.current?.focus(), [])
  return (
    <div className="flex flex-wrap items-center gap-2 text-sm" role="alertdialog" aria-label={label}>
      <span>{question}</span>
      <button ref={button} type="button" className="btn-sm border-danger/60 text-danger" data-testid={testId} disabled={disabled} onClick={onYes}>
        {yes} <Key>⏎</Key>
      </button>
      <button type="button" className="btn-sm btn-quiet" onClick={onBack}>
        {t('common.cancel')} <Key>Esc</Key>
      </button>
    </div>
  )
}

interface SureOf {
  desk: DeskSession
  entry: Changeable
  onDone: () => void
  onBack: () => void
}

function Retcon({ desk, entry, onDone, onBack }: SureOf) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const last = lastOf(entry)
  const count = view.entries.filter((other) => (other.type === 'line' || other.type === 'said') && other.seq > last).length
  const take = () => {
    void desk.correct({ kind: 'retcon', to: last })
    onDone()
  }
  return <Sure label={t('desk.retcon')} question={t('desk.retcon_sure', { count })} yes={t('desk.retcon_yes')} testId="retcon-yes" disabled={count === 0} onYes={take} onBack={onBack} />
}

/** The words of an entry, for good: of a line every sentence. */
export function wordsOf(entry: Changeable): number[] {
  return entry.type === 'line' && !entry.inserted ? entry.sentences.map((sentence) => sentence.seq) : [entry.seq]
}

function Erase({ desk, entry, onDone, onBack }: SureOf) {
  const { t } = useTranslation()
  const erase = () => {
    void desk.correct({ kind: 'erase', seqs: wordsOf(entry) })
    onDone()
  }
  return <Sure label={t('desk.erase')} question={t('desk.erase_sure')} yes={t('desk.erase_yes')} testId="erase-yes" disabled={wordsOf(entry).length === 0} onYes={erase} onBack={onBack} />
}
