/** Where the time of a turn went, as parts that lie end to end. Pure. */
import type { TurnTimes } from '@/lib/realtime/protocol'

export type Part = 'waiting' | 'hearing' | 'thinking' | 'phrasing' | 'voicing' | 'rest'

export interface Segment {
  part: Part
  ms: number
}

/** `first_sentence` counts from the same moment as `llm_ttft`, so only what lies behind the first token is phrasing. */
export function segmentsOf(times: TurnTimes): Segment[] {
  const of = (value: number | undefined) => Math.max(0, value ?? 0)
  const thinking = of(times.llm_ttft)
  const parts: Segment[] = [
    { part: 'waiting', ms: of(times.end_of_turn_delay) },
    { part: 'hearing', ms: of(times.stt_final_delay) },
    { part: 'thinking', ms: thinking },
    { part: 'phrasing', ms: of(of(times.first_sentence) - thinking) },
    { part: 'voicing', ms: of(times.tts_ttfa) },
  ]
  const known = parts.reduce((sum, segment) => sum + segment.ms, 0)
  return [...parts, { part: 'rest' as const, ms: of(of(times.e2e) - known) }].filter((segment) => segment.ms >= 0.5)
}

/** End of speech to first sound; where the server does not give it, the sum of its parts. */
export function totalMs(times: TurnTimes): number {
  return times.e2e ?? segmentsOf(times).reduce((sum, segment) => sum + segment.ms, 0)
}
