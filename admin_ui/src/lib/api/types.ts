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
  ready: boolean
  /** Why it is not ready, or an honest word on its quality. */
  remark: string
  /** Language models only. */
  model?: string
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
    stt: { default: string; engines: EngineInfo[] }
    llm: { chain: string[]; engines: EngineInfo[] }
    tts: { default: string; engines: EngineInfo[] }
  }
  banners: Banner[]
  /** Whether this server takes calls by WebRTC. */
  webrtc: boolean
}
