/** Who is on stage: speaks next, muted, by approval, read out by the master; and the people at the table with their words so far. */
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Portrait } from '@/components/Portrait'
import type { DeskShown } from '@/lib/realtime/protocol'
import { isWithheld, type Member } from '@/lib/transcript/view'
import { useObservable } from '@/lib/useObservable'

import { bringIn, sendOff, useHouse } from '../api/panels'
import type { DeskSession } from '../session/deskSession'
import { lineIn, modeOf } from '../session/states'
import { places } from '../session/whereabouts'
import { castOf, Key, peopleOf } from './looks'
import { ModeSwitch } from './ModeSwitch'
import { OperatorName } from './OperatorName'
import { useParts } from './useParts'

export function Cast({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view, shown, current } = useParts(desk)
  const open = view.openLine === null ? undefined : lineIn(view, view.openLine)
  const speaker = open !== undefined && !isWithheld(open.state) && !shown.held.some((held) => held.line === open.line) ? open.character : ''
  return (
    <div className="flex flex-col gap-4">
      <ModeSwitch desk={desk} />
      <Whereabouts desk={desk} />
      <section aria-label={t('desk.cast')}>
        <h2 className="eyebrow mb-1.5">{t('desk.cast')}</h2>
        <ul className="flex flex-col gap-2">
          {castOf(view).map((member, index) => (
            <CastCard key={member.id} desk={desk} member={member} number={index + 1} shown={shown} chosen={current?.id === member.id} speaking={speaker === member.id} />
          ))}
        </ul>
        <Wings desk={desk} />
      </section>
      <People desk={desk} />
      <OperatorName desk={desk} />
    </div>
  )
}

interface CardProps {
  desk: DeskSession
  member: Member
  number: number
  shown: DeskShown
  chosen: boolean
  speaking: boolean
}

function CastCard({ desk, member, number, shown, chosen, speaking }: CardProps) {
  const { t } = useTranslation()
  const slug = member.id
  const muted = shown.muted.includes(slug)
  const next = Object.values(shown.next).includes(slug)
  const prompted = shown.teleprompted.includes(slug)
  const { mode, own } = modeOf(shown, slug)
  const waits = shown.held.some((held) => held.character === slug && !held.queued)
  const state = muted || shown.halted ? 'muted' : speaking ? 'speaking' : waits ? 'waits' : next ? 'next' : 'quiet'
  return (
    <li data-testid={`cast-${slug}`} data-state={state} className={`rounded-xl border p-2 ${chosen ? 'border-accent/70 bg-accent/8' : 'border-line bg-raised/60'}`}>
      <div className="flex items-center gap-1">
        <button type="button" aria-pressed={chosen} className="flex min-w-0 flex-1 items-center gap-2.5 text-left" data-testid={`choose-${slug}`} onClick={() => desk.stand.turn({ character: slug })}>
        <Portrait name={member.name} color={member.color} className="h-11 w-9 text-base" lit={speaking} dim={muted} />
        <span className="min-w-0 flex-1">
          <span className="block truncate font-serif text-base leading-tight">{member.name}</span>
          <span className={`block text-xs ${state === 'muted' ? 'text-danger' : state === 'speaking' ? 'text-good' : state === 'quiet' ? 'text-muted' : 'text-accent'}`}>{t(`desk.cast_${state}`)}</span>
        </span>
        <Key>⇧{number}</Key>
        </button>
        <button type="button" className="shrink-0 rounded-md p-1 text-muted hover:bg-stage hover:text-danger" data-testid={`leave-${slug}`} aria-label={t('desk.send_off', { name: member.name })} title={t('desk.send_off', { name: member.name })} onClick={() => void sendOff(desk.id, slug).catch((error: unknown) => desk.failed(error))}>
          <Icon name="close" className="size-4" />
        </button>
      </div>
      <div className="mt-2 flex items-center gap-1">
        <button type="button" className={`btn-sm flex-1 ${next ? 'btn-on' : ''}`} data-testid={`next-${slug}`} aria-pressed={next} onClick={() => void desk.act({ kind: 'next', character: slug })} title={t('desk.next_hint')}>
          {t('desk.next')} <Key>{number}</Key>
        </button>
        <button type="button" className={`btn-sm ${muted ? 'btn-on text-danger' : ''}`} data-testid={`mute-${slug}`} aria-pressed={muted} aria-label={t(muted ? 'desk.unmute' : 'desk.mute', { name: member.name })} title={t(muted ? 'desk.unmute' : 'desk.mute', { name: member.name })} onClick={() => void desk.act({ kind: muted ? 'unmute' : 'mute', character: slug })}>
          <Icon name={muted ? 'speakerOff' : 'speaker'} className="size-4" />
        </button>
        <button type="button" className={`btn-sm ${prompted ? 'btn-on' : ''}`} data-testid={`prompt-${slug}`} aria-pressed={prompted} aria-label={t('desk.teleprompt', { name: member.name })} title={t('desk.teleprompt', { name: member.name })} onClick={() => void desk.act({ kind: 'deliver', character: slug, text: prompted ? 'voice' : 'teleprompter' })}>
          <Icon name="prompter" className="size-4" />
        </button>
        <select className="btn-sm min-w-0 flex-1 appearance-none text-center" data-testid={`mode-${slug}`} aria-label={t('desk.mode_of', { name: member.name })} value={own ? mode : 'inherit'} onChange={(event) => void desk.act({ kind: 'mode', character: slug, text: event.target.value })}>
          <option value="inherit">{t('desk.mode_inherit')}</option>
          <option value="auto">{t('desk.mode_auto')}</option>
          <option value="approve">{t('desk.mode_approve')}</option>
        </select>
      </div>
      <PlaceBox key={member.place} desk={desk} member={member} className="mt-1 w-full" />
    </li>
  )
}

/** Where somebody is; whoever is sent elsewhere hears and is heard there. */
function PlaceBox({ desk, member, className }: { desk: DeskSession; member: Member; className: string }) {
  const { t } = useTranslation()
  const go = (text: string) => {
    if (text.trim() !== member.place) void desk.act({ kind: 'move', character: member.id, text: text.trim() })
  }
  return (
    <input
      className={`field min-w-0 rounded-md px-1.5 py-0.5 text-xs ${className}`}
      data-testid={`place-${member.id}`}
      aria-label={t('desk.place_of', { name: member.name })}
      title={t('desk.place_hint')}
      placeholder={t('desk.place')}
      maxLength={80}
      defaultValue={member.place}
      onBlur={(event) => go(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') event.currentTarget.blur()
      }}
    />
  )
}

/** Where the desk itself is, once there is more than one place. */
function Whereabouts({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const here = useObservable(desk.place$)
  const all = [...new Set([here, ...places(view)])]
  if (all.length < 2) return null
  return (
    <label className="block" title={t('desk.stands_hint')}>
      <span className="eyebrow mb-1.5 block">{t('desk.stands')}</span>
      <select className="btn-sm w-full" data-testid="desk-place" value={here} onChange={(event) => desk.goTo(event.target.value)}>
        {all.toSorted().map((place) => (
          <option key={place} value={place}>
            {place === '' ? t('desk.main_place') : place}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Characters of the house that are not on stage. */
function Wings({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const house = useHouse()
  const waiting = (house.data ?? []).filter((one) => view.members.get(one.slug)?.present !== true)
  if (waiting.length === 0) return null
  return (
    <select className="btn-sm mt-2 w-full" data-testid="bring-in" aria-label={t('desk.bring')} value="" onChange={(event) => void bringIn(desk.id, event.target.value).catch((error: unknown) => desk.failed(error))}>
      <option value="">+ {t('desk.bring')}</option>
      {waiting.map((one) => (
        <option key={one.slug} value={one.slug}>
          {one.name}
        </option>
      ))}
    </select>
  )
}

function People({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { view } = useParts(desk)
  const { speaking } = useObservable(desk.live$)
  const people = peopleOf(view)
  return (
    <section aria-label={t('stage.people')}>
      <h2 className="eyebrow mb-1.5">{t('stage.people')}</h2>
      {people.length === 0 && <p className="text-sm text-muted">{t('desk.nobody')}</p>}
      <ul className="flex flex-col gap-1">
        {people.map((person) => (
          <li key={person.id} className="flex items-center gap-2 text-sm">
            <span className={`size-2 shrink-0 rounded-full ${speaking.has(person.id) ? 'animate-pulse bg-good' : 'bg-line'}`} />
            <span className="min-w-0 flex-1 truncate">{person.name || t('stage.someone')}</span>
            {speaking.has(person.id) && <span className="text-xs text-good">{t('desk.speaks')}</span>}
            <PlaceBox key={person.place} desk={desk} member={person} className="w-24" />
          </li>
        ))}
      </ul>
    </section>
  )
}
