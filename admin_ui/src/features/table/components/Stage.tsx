/** The stage: who is there, who speaks, what is heard. */
import { useTranslation } from 'react-i18next'

import { Portrait } from '@/components/Portrait'
import type { Member, View } from '@/lib/transcript/view'
import { useObservable } from '@/lib/useObservable'

import type { TableSession } from '../session/tableSession'
import { Caption } from './Caption'
import { EngineBadge, Latency } from './TurnBar'

/** The character whose line sounds; one that is only read counts while its line is open. */
function useSpeaker(table: TableSession, view: View): string | null {
  const connected = useObservable(table.state$).kind === 'open'
  const spoken = useObservable(table.playback.spoken$)
  const busy = useObservable(table.playback.player.busy$)
  const line = busy ? spoken?.line : connected ? view.openLine : null
  const entry = line == null ? undefined : view.entries.findLast((candidate) => candidate.type === 'line' && candidate.line === line)
  return entry?.type === 'line' ? entry.character : null
}

export function Stage({ table }: { table: TableSession }) {
  const { t } = useTranslation()
  const { view } = useObservable(table.transcript$)
  const attached = useObservable(table.attached$)
  const { speaking } = useObservable(table.captions$)
  const speaker = useSpeaker(table, view)
  const present = [...view.members.values()].filter((member) => member.present)
  const folded = present.filter((member) => member.role === 'character')
  const characters: Pick<Member, 'id' | 'name' | 'color'>[] = folded.length > 0 ? folded : (attached?.cast ?? []).map(({ slug, name, color = '' }) => ({ id: slug, name, color }))
  const people = present.filter((member) => member.role !== 'character')
  return (
    <section aria-label={t('stage.label')} className="relative flex min-h-0 flex-1 flex-col items-center justify-center gap-5 px-4 py-5 max-lg:flex-row max-lg:items-start max-lg:justify-start max-lg:gap-4 max-lg:py-2.5 max-sm:gap-3">
      <ul className="flex flex-wrap justify-center gap-6 max-lg:gap-3 max-sm:flex-nowrap max-sm:gap-2">
        {characters.map((character) => (
          <li key={character.id} className="flex flex-col items-center gap-2 max-lg:gap-1" data-speaking={speaker === character.id}>
            <Portrait name={character.name} color={character.color} lit={speaker === character.id} dim={speaker !== null && speaker !== character.id} className="h-52 w-40 text-6xl max-xl:h-44 max-xl:w-34 max-lg:h-24 max-lg:w-20 max-lg:text-3xl max-sm:h-18 max-sm:w-15 max-sm:text-2xl" />
            <span className={`font-serif text-lg max-lg:text-sm max-sm:max-w-20 max-sm:truncate max-sm:text-xs${characters.length === 1 ? ' max-lg:hidden' : ''}`}>{character.name}</span>
          </li>
        ))}
      </ul>
      <div className="w-full min-w-0 max-lg:w-auto max-lg:flex-1">
        <Caption table={table} alone={characters.length === 1} />
        <div className="flex items-center gap-3 max-lg:mt-1.5 lg:absolute lg:inset-x-4 lg:top-3 lg:justify-between">
          <EngineBadge table={table} />
          <Latency table={table} />
        </div>
      </div>
      {people.length > 1 && (
        <ul className="flex flex-wrap justify-center gap-1.5 max-lg:hidden" aria-label={t('stage.people')}>
          {people.map((person) => (
            <li key={person.id} className={`chip ${speaking.has(person.id) ? 'border-accent text-ink' : ''}`}>
              {person.id === attached?.participant ? t('stage.you') : person.name || t('stage.someone')}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
