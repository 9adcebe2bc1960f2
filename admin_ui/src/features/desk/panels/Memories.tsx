/** What the current character remembers from evening to evening: read, reword, weigh, forget. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '@/components/Icon'
import { Failure, Skeleton } from '@/components/States'

import { Latest } from '../api/latest'
import { type Memory, useMemories, useMemoryActs } from '../api/panels'
import { useParts } from '../components/useParts'
import type { DeskSession } from '../session/deskSession'
import { DeskNothing, PanelTitle } from './parts'

export function Memories({ desk }: { desk: DeskSession }) {
  const { t } = useTranslation()
  const { current } = useParts(desk)
  const [words, setWords] = useState('')
  const memories = useMemories(current?.id ?? '', words.trim())
  return (
    <section>
      <PanelTitle title={t('desk.memories_of', { name: current?.name ?? '' })} />
      <input type="search" className="field mb-3 h-9 py-1 text-sm" data-testid="memory-search" aria-label={t('desk.memory_search')} placeholder={t('desk.memory_search')} value={words} onChange={(event) => setWords(event.target.value)} />
      {memories.isLoading && <Skeleton className="h-24" />}
      {memories.isError && <Failure error={memories.error} onRetry={() => void memories.refetch()} />}
      {memories.data?.length === 0 && <DeskNothing>{t('desk.memories_empty')}</DeskNothing>}
      <ul className="flex flex-col gap-2">
        {(memories.data ?? []).map((memory) => (
          <Row key={memory.id} memory={memory} />
        ))}
      </ul>
      {memories.hasNextPage && (
        <button type="button" className="btn-sm mt-2 w-full justify-center" data-testid="memory-more" aria-disabled={memories.isFetchingNextPage} onClick={() => !memories.isFetchingNextPage && void memories.fetchNextPage()}>
          {t('desk.memories_more')}
        </button>
      )}
    </section>
  )
}

/** Moved as one likes; what it is when the hand lets go is told. */
function Importance({ value, onWeigh }: { value: number; onWeigh: (value: number) => Promise<unknown> }) {
  const { t } = useTranslation()
  const [moved, setMoved] = useState<number | null>(null)
  const [latest] = useState(() => new Latest(onWeigh))
  const letGo = () => {
    if (moved === null) return
    // Told or failed: what stands is shown again, unless the hand has moved on.
    void latest.put(moved).then(() => setMoved((now) => (now === moved ? null : now)))
  }
  return (
    <label className="flex min-w-0 flex-1 items-center gap-2 text-xs text-muted">
      {t('desk.importance')}
      <input
        type="range"
        min={0}
        max={1}
        step={0.1}
        value={moved ?? value}
        className="min-w-0 flex-1 accent-(--accent)"
        data-testid="memory-importance"
        onChange={(event) => setMoved(Number(event.target.value))}
        onPointerUp={letGo}
        onPointerCancel={letGo}
        onKeyUp={letGo}
        onBlur={letGo}
      />
    </label>
  )
}

function Row({ memory }: { memory: Memory }) {
  const { t } = useTranslation()
  const acts = useMemoryActs()
  const [text, setText] = useState<string | null>(null)
  const save = () => {
    if (text !== null && text.trim() !== '' && text.trim() !== memory.text) acts.save.mutate({ id: memory.id, text: text.trim() })
    setText(null)
  }
  return (
    <li data-testid={`memory-${memory.id}`} className="rounded-lg border border-line bg-raised/60 p-2.5 text-sm">
      {text === null ? (
        <p className="break-words">{memory.text}</p>
      ) : (
        <textarea
          autoFocus
          className="field field-sizing-content max-h-40 text-sm"
          data-testid="memory-text"
          aria-label={t('desk.edit')}
          maxLength={2000}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Escape') setText(null)
            if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault()
              save()
            }
          }}
        />
      )}
      <div className="mt-1.5 flex items-center gap-2">
        <Importance value={memory.importance} onWeigh={(importance) => acts.save.mutateAsync({ id: memory.id, importance })} />
        <button type="button" className="btn-sm" data-testid="memory-edit" aria-label={text === null ? t('desk.edit') : t('common.save')} onClick={() => (text === null ? setText(memory.text) : save())}>
          <Icon name={text === null ? 'edit' : 'check'} className="size-4" />
        </button>
        <button type="button" className="btn-sm text-danger" data-testid="memory-forget" aria-label={t('desk.forget')} title={t('desk.forget')} onClick={() => acts.forget.mutate(memory.id)}>
          <Icon name="trash" className="size-4" />
        </button>
      </div>
      {(acts.save.isError || acts.forget.isError) && <Failure error={acts.save.error ?? acts.forget.error} />}
    </li>
  )
}
