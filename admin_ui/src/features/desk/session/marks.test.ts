import { describe, expect, it } from 'vitest'

import { marked, plain } from './marks'

const felt = (text: string, emotion = 'neutral', intensity = 0.5, manner = 'plain') => ({ text, emotion, intensity, manner })

describe('a line with its marks', () => {
  it('has none where nothing is felt', () => {
    expect(marked([felt(' One. '), felt(''), felt('Two.')])).toBe('One. Two.')
  })

  it('marks every sentence where anything is felt, so that a feeling also ends', () => {
    expect(marked([felt('Who is there?', 'fear', 0.8, 'whisper'), felt('Oh, you.'), felt('Well!', 'neutral', 0.5, 'shout')])).toBe('[fear:0.8 whisper] Who is there? [neutral] Oh, you. [neutral shout] Well!')
  })

  it('reads aloud as its words alone', () => {
    expect(plain([felt('One.', 'joy'), felt('Two.')])).toBe('One. Two.')
  })
})
