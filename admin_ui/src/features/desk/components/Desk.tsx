/** The director's desk: cast, transcript with drafts and tools, panels; on a narrow screen one at a time. */
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon, type IconName } from '@/components/Icon'
import { notesInForce } from '@/lib/transcript/steering'
import { useObservable } from '@/lib/useObservable'

import { TurnFigures } from '../metrics'
import { Advice } from '../panels/Advice'
import { Memories } from '../panels/Memories'
import { Notes } from '../panels/Notes'
import { Queue } from '../panels/Queue'
import { QuickCharacter } from '../panels/QuickCharacter'
import { Sound } from '../panels/Sound'
import type { DeskSession } from '../session/deskSession'
import { type Attention, type Panel, PANELS } from '../session/stand'
import { Cast } from './Cast'
import { Composer } from './Composer'
import { DeedStrip, Words } from './Deeds'
import { HeldTray } from './HeldTray'
import { KeyHelp } from './KeyHelp'
import { HaltedBar } from './Panic'
import { OwnVoiceFault } from './OwnVoiceLamp'
import { Prompter } from './Prompter'
import { Steers } from './Steers'
import { Transcript } from './Transcript'
import { useDeskKeys } from './useDeskKeys'
import { useParts } from './useParts'

const PARTS: readonly { part: Attention['part']; icon: IconName }[] = [
  { part: 'cast', icon: 'people' },
  { part: 'live', icon: 'edit' },
  { part: 'panels', icon: 'settings' },
]

export function Desk({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const at = useObservable(desk.stand.at$)
  useDeskKeys(desk)
  const shownAt = (part: Attention['part']) => (at.part === part ? '' : 'max-lg:hidden')
  return (
    <div className="relative flex min-h-0 flex-1 flex-col" data-testid="desk">
      <HaltedBar desk={desk} />
      <div className="grid min-h-0 flex-1 lg:grid-cols-[16.5rem_minmax(0,1fr)_20.5rem]">
        <aside aria-label={t('desk.cast')} className={`min-h-0 overflow-y-auto border-line/70 lg:border-r bg-velvet p-3 ${shownAt('cast')}`}>
          <Cast desk={desk} />
        </aside>
        <main className={`flex min-h-0 min-w-0 flex-col ${shownAt('live')}`}>
          <Transcript desk={desk} />
          <HeldTray desk={desk} />
          <DeedStrip desk={desk} />
          <OwnVoiceFault desk={desk} />
          <Steers desk={desk} />
          <Composer desk={desk} />
        </main>
        <aside aria-label={t('desk.panels')} className={`flex min-h-0 flex-col border-line/70 lg:border-l bg-velvet ${shownAt('panels')}`}>
          <Panels desk={desk} />
        </aside>
      </div>
      <PartBar desk={desk} />
      <Words desk={desk} />
      {at.prompter && <Prompter desk={desk} />}
      {at.help && <KeyHelp onClose={() => desk.stand.turn({ help: false })} />}
    </div>
  )
}

function Panels({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { at, view } = useParts(desk)
  const deeds = useObservable(desk.ledger.deeds$)
  const counts: Partial<Record<Panel, number>> = {
    notes: notesInForce(view).length,
    advice: view.recommendations.filter((one) => one.state === 'proposed').length,
    queue: deeds.filter((deed) => deed.state !== 'applied').length,
  }
  const bodies: Record<Panel, () => ReactNode> = {
    notes: () => <Notes desk={desk} />,
    advice: () => <Advice desk={desk} />,
    queue: () => <Queue desk={desk} />,
    memory: () => <Memories desk={desk} />,
    character: () => <QuickCharacter desk={desk} />,
    figures: () => <Figures desk={desk} />,
    sound: () => <Sound />,
  }
  return (
    <>
      <div role="tablist" aria-label={t('desk.panels')} className="flex shrink-0 flex-wrap gap-1 border-b border-line/70 p-2">
        {PANELS.map((panel) => (
          <button key={panel} type="button" role="tab" aria-selected={at.panel === panel} data-testid={`panel-${panel}`} className={`btn-sm border-transparent ${at.panel === panel ? 'btn-on' : 'btn-quiet'}`} onClick={() => desk.stand.turn({ panel })}>
            {t(`desk.panel_${panel}`)}
            {(counts[panel] ?? 0) > 0 && <span className="rounded-full bg-accent/25 px-1.5 text-[10px] leading-4 text-ink tabular-nums">{counts[panel]}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" className="min-h-0 flex-1 overflow-y-auto p-3">
        {bodies[at.panel]()}
      </div>
    </>
  )
}

function Figures({ desk }: { desk: DeskSession }) {
  const transcript = useObservable(desk.transcript$)
  const turns = useObservable(desk.turns$)
  return <TurnFigures transcript={transcript} turns={turns} onLine={(seq) => desk.stand.turn({ entry: seq, doing: 'menu', part: 'live' })} />
}

/** A phone shows one part at a time. */
function PartBar({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { at, shown } = useParts(desk)
  const waiting = shown.held.filter((held) => !held.queued).length
  return (
    <nav aria-label={t('desk.parts')} className="grid shrink-0 grid-cols-3 border-t border-line bg-velvet pb-[env(safe-area-inset-bottom)] lg:hidden">
      {PARTS.map(({ part, icon }) => (
        <button key={part} type="button" aria-current={at.part === part} data-testid={`part-${part}`} className={`flex min-h-12 items-center justify-center gap-2 text-sm ${at.part === part ? 'text-accent' : 'text-muted'}`} onClick={() => desk.stand.turn({ part })}>
          <Icon name={icon} className="size-5" />
          {t(`desk.part_${part}`)}
          {part === 'live' && waiting > 0 && <span className="rounded-full bg-foot px-1.5 text-xs text-foot-ink tabular-nums">{waiting}</span>}
        </button>
      ))}
    </nav>
  )
}
