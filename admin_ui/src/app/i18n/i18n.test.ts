import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import en from './en.json'
import ru from './ru.json'
import zh from './zh.json'

type Tree = { [key: string]: string | Tree }

function flat(tree: Tree, prefix = ''): Map<string, string> {
  return new Map(Object.entries(tree).flatMap(([key, value]) => (typeof value === 'string' ? [[`${prefix}${key}`, value] as const] : [...flat(value, `${prefix}${key}.`)])))
}

const PLURAL = /_(zero|one|two|few|many|other)$/
const keysOf = (words: Map<string, string>) => new Set([...words.keys()].map((key) => key.replace(PLURAL, '')))
const holes = (text: string) => [...text.matchAll(/{{\s*(\w+)\s*}}/g)].map((match) => match[1]).sort()

const english = flat(en)
const others: [string, Map<string, string>][] = [
  ['ru', flat(ru)],
  ['zh', flat(zh)],
]

describe.each(others)('%s', (language, words) => {
  it('has words for exactly the same keys as English', () => {
    expect([...keysOf(words)].sort()).toEqual([...keysOf(english)].sort())
  })

  it('fills the same holes', () => {
    for (const [key, text] of words) {
      const original = english.get(key) ?? english.get(`${key.replace(PLURAL, '')}_other`) ?? ''
      expect(holes(text), key).toEqual(holes(original))
    }
  })

  it('has every plural form that the language needs', () => {
    const needed = new Intl.PluralRules(language).resolvedOptions().pluralCategories
    const plurals = [...english.keys()].filter((key) => key.endsWith('_other')).map((key) => key.replace(PLURAL, ''))
    for (const key of plurals) for (const form of needed) expect(words.has(`${key}_${form}`), `${key}_${form}`).toBe(true)
  })
})

describe('the page', () => {
  const root = join(import.meta.dirname, '../..')
  const sources = (readdirSync(root, { recursive: true }) as string[]).filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts')).map((name) => readFileSync(join(root, name), 'utf8'))
  const used = new Set(sources.flatMap((text) => [...text.matchAll(/\bt\(\s*'([\w.]+)'/g)].map((match) => match[1] ?? '')))

  it('asks only for words that there are', () => {
    const known = keysOf(english)
    expect(used.size).toBeGreaterThan(60)
    expect([...used].filter((key) => !known.has(key) && !known.has(key.replace(PLURAL, '')))).toEqual([])
  })

  it('leaves no words unused', () => {
    const mentioned = (key: string) => used.has(key) || sources.some((text) => text.includes(`'${key}'`) || text.includes(`\`${key.slice(0, key.lastIndexOf('.'))}.`) || text.includes(`${key.slice(0, key.lastIndexOf('.'))}.\${`))
    const families = ['screenplay.state_', 'prefs.theme_', 'setting.', 'editor.', 'keys.', 'settings.tab_', 'microphone.', 'notice.', 'banner.']
    expect([...keysOf(english)].filter((key) => !mentioned(key) && !families.some((family) => key.startsWith(family)))).toEqual([])
  })
})
