/** Everything the director writes: note, whisper, a character's words, narration, one's own words to a character, scene, dice. */
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { ulid } from '@/lib/realtime/ulid'
import type { Member } from '@/lib/transcript/view'
import { useObservable } from '@/lib/useObservable'

import { postRoll } from '../api/acts'
import type { DeskSession } from '../session/deskSession'
import { EMOTIONS, marked } from '../session/marks'
import type { Role } from '../session/ownVoice'
import { Sending } from '../session/sending'
import { type Tool, TOOLS } from '../session/stand'
import { castOf, Key } from './looks'
import { FeltSelect } from './MarkedEditor'
import { useParts } from './useParts'

export const TOOL_KEYS: Record<Tool, string> = { note: 'N', whisper: 'W', puppet: 'V', narrate: 'T', address: 'B', scene: 'G', roll: 'D' }
const TEST_IDS: Record<Tool, string> = { note: 'note-input', whisper: 'whisper-input', puppet: 'puppet-input', narrate: 'narrate-input', address: 'address-input', scene: 'scene-input', roll: 'roll-input' }
/** The gateway refuses longer texts. */
const LONGEST = 4000

type Scope = 'once' | 'turns' | 'until_removed'

export function Composer({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { at, view, current } = useParts(desk)
  const { tool } = at
  const [sending] = useState(() => new Sending())
  const { text = '', extra = '' } = useObservable(sending.words$)[tool] ?? {}
  const busy = useObservable(sending.busy$).has(tool)
  const [scope, setScope] = useState<Scope>('until_removed')
  const [turns, setTurns] = useState(3)
  const [whom, setWhom] = useState('')
  const [emotion, setEmotion] = useState('neutral')
  const field = useRef<HTMLTextAreaElement>(null)
  const composing = useObservable(desk.stand.compose$)
  useEffect(() => {
    if (composing > 0) field.current?.focus()
  }, [composing])
  const cast = castOf(view)
  const target = current?.id ?? ''
  const setExtra = (value: string) => sending.write(tool, { extra: value })
  const send = () => sending.send(tool, (words) => deliver(desk, tool, { words: words.text, extra: words.extra, target, whom, scope, turns, emotion }))
  return (
    <form
      className="shrink-0 border-t border-line/70 bg-velvet px-3 pt-2 pb-[max(0.6rem,env(safe-area-inset-bottom))]"
      data-testid="composer"
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
    >
      <div className="mb-1.5 flex items-center gap-1 overflow-x-auto [scrollbar-width:none] lg:flex-wrap" role="tablist" aria-label={t('desk.tools')}>
        {TOOLS.map((name) => (
          <button key={name} type="button" role="tab" aria-selected={tool === name} className={`btn-sm shrink-0 border-transparent ${tool === name ? 'btn-on' : 'btn-quiet'}`} data-testid={`tool-${name}`} onClick={() => desk.stand.take(name)}>
            {t(`desk.tool_${name}`)} <Key>{TOOL_KEYS[name]}</Key>
          </button>
        ))}
      </div>
      <div className="flex flex-wrap items-end gap-2 sm:flex-nowrap">
        {tool === 'note' && (
          <Options>
            <Whom value={whom} cast={cast} onChange={setWhom} all />
            <select className="field h-11 w-auto py-1 text-sm" data-testid="note-scope" aria-label={t('desk.scope')} value={scope} onChange={(event) => setScope(event.target.value as Scope)}>
              {(['until_removed', 'once', 'turns'] as const).map((value) => (
                <option key={value} value={value}>
                  {t(`desk.scope_${value}`)}
                </option>
              ))}
            </select>
            {scope === 'turns' && <input type="number" min={1} max={99} className="field h-11 w-16 py-1 text-sm" data-testid="note-turns" aria-label={t('desk.scope_turns')} value={turns} onChange={(event) => setTurns(Math.max(1, Number(event.target.value) || 1))} />}
          </Options>
        )}
        {(tool === 'whisper' || tool === 'puppet' || tool === 'address') && (
          <Options>
            <Whom value={target} cast={cast} onChange={(slug) => desk.stand.turn({ character: slug })} />
            {tool === 'puppet' && <FeltSelect label={t('desk.emotion')} family="emotion" values={EMOTIONS} value={emotion} testId="puppet-emotion" onChange={setEmotion} />}
          </Options>
        )}
        {tool === 'scene' && <input className="field h-11 sm:w-56" data-testid="scene-heading" aria-label={t('scene.heading')} placeholder={t('scene.heading_hint')} maxLength={300} value={extra} onChange={(event) => setExtra(event.target.value)} />}
        {tool === 'roll' && <input className="field h-11 sm:w-56" data-testid="roll-purpose" aria-label={t('desk.purpose')} placeholder={t('desk.purpose')} maxLength={200} value={extra} onChange={(event) => setExtra(event.target.value)} />}
        <textarea
          ref={field}
          rows={1}
          className="field field-sizing-content max-h-32 min-h-11 min-w-0 flex-1 resize-none py-2.5 max-sm:basis-40 placeholder:text-sm"
          data-testid={TEST_IDS[tool]}
          aria-label={t(`desk.tool_${tool}`)}
          placeholder={t(`desk.placeholder_${tool}`, { name: current?.name ?? '' })}
          maxLength={LONGEST}
          value={text}
          onChange={(event) => sending.write(tool, { text: event.target.value })}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
            event.preventDefault()
            if (!event.repeat) void send()
          }}
        />
        <button type="submit" className="icon-btn btn-primary" data-testid="compose-send" aria-label={t('type.send')} aria-disabled={busy}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}

function Options({ children }: { children: ReactNode }) {
  return <div className="flex shrink-0 gap-2 max-sm:w-full max-sm:*:min-w-0 max-sm:*:flex-1">{children}</div>
}

function Whom({ value, cast, onChange, all = false }: { value: string; cast: readonly Member[]; onChange: (slug: string) => void; all?: boolean }) {
  const { t } = useTranslation()
  return (
    <select className="field h-11 w-auto max-w-40 py-1 text-sm" data-testid="compose-whom" aria-label={t('desk.whom')} value={value} onChange={(event) => onChange(event.target.value)}>
      {all && <option value="">{t('desk.everybody')}</option>}
      {cast.map((member) => (
        <option key={member.id} value={member.id}>
          {member.name}
        </option>
      ))}
    </select>
  )
}

interface Written {
  words: string
  target: string
  whom: string
  scope: Scope
  turns: number
  emotion: string
  extra: string
}

async function say(desk: DeskSession, role: Role, words: string): Promise<boolean> {
  const gone = await desk.voice.say(role, `item_${ulid()}`, words)
  if (!gone) desk.tell('not_sent', '', 'error')
  return gone
}

async function deliver(desk: DeskSession, tool: Tool, { words, target, whom, scope, turns, emotion, extra }: Written): Promise<boolean> {
  switch (tool) {
    case 'note':
      return desk.correct({ kind: 'note', text: words, scope, ...(whom === '' ? {} : { character: whom }), ...(scope === 'turns' ? { turns } : {}) })
    case 'whisper':
      return desk.correct({ kind: 'whisper', character: target, text: words })
    case 'puppet':
      return desk.act({ kind: 'puppet', character: target, text: marked([{ text: words, emotion, intensity: emotion === 'neutral' ? 0.5 : 0.7, manner: 'plain' }]) })
    case 'narrate':
      return say(desk, { as: 'narrator' }, words)
    case 'address':
      return say(desk, { as: 'oneself', to: target }, words)
    case 'scene':
      return desk.correct({ kind: 'scene', heading: extra, description: words })
    case 'roll':
      return postRoll(desk.id, words, extra).then(
        () => true,
        (error: unknown) => {
          desk.failed(error)
          return false
        },
      )
  }
}
