/** A session in figures, from its facts: what each line took and cost, and what was done about it. Pure. */
import type { TurnTimed } from '@/lib/realtime/protocol'
import { RECOVERED, type Fact } from '@/lib/transcript/fact'
import type { Transcript } from '@/lib/transcript/fold'
import { isOpen, type LineEntry } from '@/lib/transcript/view'

/** In the order in which they lie end to end. */
export const PARTS = ['end_of_turn_delay', 'stt_final_delay', 'llm_ttft', 'first_sentence', 'tts_ttfa', 'hold_time', 'rest'] as const
export type Part = (typeof PARTS)[number]
export type Times = Readonly<Record<string, number | undefined>>

export interface Segment {
  part: Part
  ms: number
}

export interface LineFigures {
  seq: number
  line: string
  name: string
  state: string
  live: boolean
  segments: readonly Segment[]
  totalMs: number
  prompt: number
  completion: number
  cost: number
  engine: string
  model: string
}

export interface Spread {
  part: Part | 'total'
  p50: number
  p95: number
  count: number
}

export interface SessionFigures {
  lines: readonly LineFigures[]
  spreads: readonly Spread[]
  prompt: number
  completion: number
  cost: number
  interruptions: number
  corrections: number
  adviceTaken: number
  adviceDecided: number
  fallbacks: readonly { seq: number; part: string; from: string; to: string; reason: string }[]
  engines: readonly string[]
}

const STEERING: ReadonlySet<string> = new Set(['corrected', 'struck', 'inserted', 'noted', 'whispered', 'retconned', 'revealed'])

/** `first_sentence` counts from the same moment as `llm_ttft`: only what lies behind the first token is its own. */
export function segmentsOf(ms: Times): Segment[] {
  const of = (value: number | undefined) => Math.max(0, value ?? 0)
  const parts: Segment[] = [
    { part: 'end_of_turn_delay', ms: of(ms['end_of_turn_delay']) },
    { part: 'stt_final_delay', ms: of(ms['stt_final_delay']) },
    { part: 'llm_ttft', ms: of(ms['llm_ttft']) },
    { part: 'first_sentence', ms: of(of(ms['first_sentence']) - of(ms['llm_ttft'])) },
    { part: 'tts_ttfa', ms: of(ms['tts_ttfa']) },
    { part: 'hold_time', ms: of(ms['hold_time']) },
  ]
  const known = parts.reduce((sum, segment) => sum + segment.ms, 0)
  return [...parts, { part: 'rest' as const, ms: of(of(ms['e2e']) - known) }].filter((segment) => segment.ms >= 0.5)
}

/** `turns` are those told live; a line's own figures, which come with its end, count more. */
export function figuresOf({ facts, view }: Transcript, turns: ReadonlyMap<string, TurnTimed> = new Map()): SessionFigures {
  const lines = view.entries.flatMap((entry) => (entry.type === 'line' && !entry.inserted ? [lineFigures(entry, turns.get(entry.line))] : []))
  const sum = (value: (line: LineFigures) => number) => lines.reduce((total, line) => total + value(line), 0)
  const decided = new Map(facts.flatMap((fact) => (fact.kind === 'recommendation_decided' ? [[fact.body.recommendation, fact.body.state] as const] : [])))
  const taken = [...decided.values()].filter((state) => state === 'accepted' || state === 'pinned')
  return {
    lines,
    spreads: spreadsOf(lines),
    prompt: sum((line) => line.prompt),
    completion: sum((line) => line.completion),
    cost: sum((line) => line.cost),
    interruptions: facts.filter((fact) => fact.kind === 'line_closed' && fact.body.state === 'cut' && fact.body.reason === 'barge_in').length,
    corrections: facts.filter(corrects).length,
    adviceTaken: taken.length,
    adviceDecided: decided.size,
    fallbacks: facts.flatMap((fact) => (fact.kind === 'degraded' && fact.body.reason !== RECOVERED ? [{ seq: fact.seq, part: fact.body.part, from: fact.body.from_engine, to: fact.body.to_engine, reason: fact.body.reason }] : [])),
    engines: [...new Set(lines.map((line) => [line.engine, line.model].filter((word) => word !== '').join(' · ')).filter((word) => word !== ''))],
  }
}

/** A player may strike their own words: that is no correction of the director's. */
function corrects(fact: Fact): boolean {
  return STEERING.has(fact.kind) && fact.by.role !== 'player'
}

function lineFigures(line: LineEntry, turn: TurnTimed | undefined): LineFigures {
  const own = line.figures
  const times: Times = own !== null && Object.keys(own.ms).length > 0 ? own.ms : { ...turn?.ms }
  const segments = segmentsOf(times)
  return {
    seq: line.seq,
    line: line.line,
    name: line.name,
    state: line.state,
    live: isOpen(line.state),
    segments,
    totalMs: segments.reduce((sum, segment) => sum + segment.ms, 0),
    prompt: own?.tokens[0] ?? 0,
    completion: own?.tokens[1] ?? 0,
    cost: own?.cost ?? 0,
    engine: (own?.engine ?? '') || (turn?.llm_engine ?? ''),
    model: (own?.model ?? '') || (turn?.llm_model ?? ''),
  }
}

function spreadsOf(lines: readonly LineFigures[]): Spread[] {
  const timed = lines.filter((line) => line.segments.length > 0)
  const spread = (part: Part | 'total', values: readonly number[]): Spread[] => (values.length === 0 ? [] : [{ part, p50: quantile(values, 0.5), p95: quantile(values, 0.95), count: values.length }])
  const parts = PARTS.flatMap((part) => spread(part, timed.flatMap((line) => line.segments.filter((segment) => segment.part === part).map((segment) => segment.ms))))
  return [...parts, ...spread('total', timed.map((line) => line.totalMs))]
}

/** Linear between the two values around it. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  const at = (sorted.length - 1) * share
  const low = sorted[Math.floor(at)] ?? 0
  return low + ((sorted[Math.ceil(at)] ?? low) - low) * (at % 1)
}
