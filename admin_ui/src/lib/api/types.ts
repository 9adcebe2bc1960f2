/** Shapes that more than one feature reads from /api. */

export interface VoiceProfile {
  engine?: string
  name?: string
  language?: string
  rate?: number
  pitch?: number
  volume?: number
  options?: Record<string, unknown>
}

export interface CharacterSummary {
  slug: string
  name: string
  tagline: string
  language: string
  color: string
  tags: string[]
  voice: VoiceProfile
  sample: boolean
  updated_at: string
}

export interface EngineInfo {
  name: string
  available?: boolean
  detail?: string
}

export interface Banner {
  code: string
  severity: 'info' | 'warning' | 'error'
  detail: string
}

export interface Status {
  version: string
  ready: boolean
  engines: {
    stt?: { default?: string; engines?: (string | EngineInfo)[] }
    llm?: { chain?: string[]; engines?: (string | EngineInfo)[] }
    tts?: { default?: string; engines?: (string | EngineInfo)[] }
  }
  banners: Banner[]
}
