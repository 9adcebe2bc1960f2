import { describe, expect, it } from 'vitest'

import { humanised, liveSections, type SchemaNode } from './schema'

const SCHEMA: SchemaNode = {
  $defs: {
    Stage: {
      description: 'Turn-taking.',
      properties: {
        endpointing: { enum: ['fixed', 'text-aware'], type: 'string', live: true },
        hang_over_s: { type: 'number', minimum: 0.1, maximum: 5, live: true, description: 'Silence' },
        speculation: { type: 'boolean', live: true },
        lease_s: { type: 'number' },
      },
    },
    Llm: {
      properties: {
        chain: { type: 'array', items: { type: 'string' }, live: true },
        temperature: { anyOf: [{ type: 'number', minimum: 0, exclusiveMaximum: 2 }, { type: 'null' }], live: true },
        max_tokens: { type: 'integer', live: true },
        style: { type: 'string', live: true },
      },
    },
    Redis: { properties: { url: { type: 'string' } } },
  },
  properties: { data_dir: { type: 'string' }, redis: { $ref: '#/$defs/Redis' }, llm: { allOf: [{ $ref: '#/$defs/Llm' }] }, stage: { $ref: '#/$defs/Stage' } },
}

describe('the settings schema', () => {
  it('offers live fields only, by section', () => {
    expect(liveSections(SCHEMA).map((section) => [section.name, section.fields.map((field) => field.name)])).toEqual([
      ['llm', ['chain', 'temperature', 'max_tokens', 'style']],
      ['stage', ['endpointing', 'hang_over_s', 'speculation']],
    ])
  })

  it('chooses the control by type and keeps the limits', () => {
    const [llm, stage] = liveSections(SCHEMA)
    expect(llm?.fields.map((field) => field.control)).toEqual([{ kind: 'list' }, { kind: 'number', whole: false, min: 0, max: 2 }, { kind: 'number', whole: true }, { kind: 'text' }])
    expect(llm?.fields.map((field) => field.nullable)).toEqual([false, true, false, false])
    expect(stage?.fields.map((field) => field.control.kind)).toEqual(['choice', 'number', 'switch'])
  })

  it('makes words of a name it has no words for', () => {
    expect(humanised('hang_over_s')).toBe('Hang over (s)')
  })
})
