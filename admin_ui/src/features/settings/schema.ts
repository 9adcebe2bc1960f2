/** Reads the settings' JSON Schema: which fields may be changed while everything runs, and how to ask for them. Pure. */

export interface SchemaNode {
  type?: string
  enum?: unknown[]
  anyOf?: SchemaNode[]
  allOf?: SchemaNode[]
  items?: SchemaNode
  $ref?: string
  $defs?: Record<string, SchemaNode>
  properties?: Record<string, SchemaNode>
  title?: string
  description?: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  live?: boolean
}

export type Control = { kind: 'switch' } | { kind: 'choice'; options: string[] } | { kind: 'number'; whole: boolean; min?: number; max?: number } | { kind: 'text' } | { kind: 'list' }

export interface LiveField {
  section: string
  name: string
  control: Control
  /** May be empty: the engine decides. */
  nullable: boolean
  description: string
}

export interface LiveSection {
  name: string
  description: string
  fields: LiveField[]
}

/** Sections with at least one live field, in the schema's order. */
export function liveSections(schema: SchemaNode): LiveSection[] {
  return Object.entries(schema.properties ?? {})
    .map(([section, node]) => {
      const target = resolved(node, schema)
      const fields = Object.entries(target.properties ?? {})
        .filter(([, field]) => field.live === true)
        .map(([name, field]) => fieldOf(section, name, field, schema))
      return { name: section, description: target.description ?? '', fields }
    })
    .filter((section) => section.fields.length > 0)
}

function resolved(node: SchemaNode, root: SchemaNode): SchemaNode {
  const ref = node.$ref ?? node.allOf?.[0]?.$ref
  return ref === undefined ? node : (root.$defs?.[ref.replace('#/$defs/', '')] ?? node)
}

function fieldOf(section: string, name: string, field: SchemaNode, root: SchemaNode): LiveField {
  const options = (field.anyOf ?? [field]).map((option) => resolved(option, root))
  const nullable = options.some((option) => option.type === 'null')
  const real = options.find((option) => option.type !== 'null') ?? field
  return { section, name, control: controlOf(real), nullable, description: field.description ?? '' }
}

function controlOf(node: SchemaNode): Control {
  if (node.enum !== undefined) return { kind: 'choice', options: node.enum.map(String) }
  if (node.type === 'boolean') return { kind: 'switch' }
  if (node.type === 'array') return { kind: 'list' }
  if (node.type === 'number' || node.type === 'integer') {
    const min = node.minimum ?? node.exclusiveMinimum
    const max = node.maximum ?? node.exclusiveMaximum
    return { kind: 'number', whole: node.type === 'integer', ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
  }
  return { kind: 'text' }
}

/** `hang_over_s` as words, where the page has none of its own. */
export function humanised(name: string): string {
  const words = name.replace(/_s$/, ' (s)').replace(/_/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
