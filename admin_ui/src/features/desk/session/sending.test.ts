import { describe, expect, it } from 'vitest'

import { Sending, type Words } from './sending'

/** Deliveries that end when they are told to. */
function wire() {
  const sent: Words[] = []
  const ends: ((arrived: boolean) => void)[] = []
  return {
    sent,
    end: (arrived: boolean) => ends.shift()?.(arrived),
    deliver: (words: Words) => {
      sent.push(words)
      return new Promise<boolean>((resolve) => ends.push(resolve))
    },
  }
}

describe('what is written at the desk', () => {
  it('goes out once, however often Enter is pressed while it is on its way', async () => {
    const sending = new Sending()
    const { sent, end, deliver } = wire()
    sending.write('note', { text: ' Be quick. ' })
    const first = sending.send('note', deliver)
    await sending.send('note', deliver)
    end(true)
    await first
    await sending.send('note', deliver)
    expect(sent).toEqual([{ text: 'Be quick.', extra: '' }])
    expect(sending.of('note').text).toBe('')
  })

  it('keeps what is typed meanwhile, and what did not arrive', async () => {
    const sending = new Sending()
    const { end, deliver } = wire()
    sending.write('scene', { text: 'Rain.', extra: 'INT. INN' })
    const lost = sending.send('scene', deliver)
    end(false)
    await lost
    expect(sending.of('scene')).toEqual({ text: 'Rain.', extra: 'INT. INN' })
    const gone = sending.send('scene', deliver)
    sending.write('scene', { text: 'Rain. Thunder.' })
    end(true)
    await gone
    expect(sending.of('scene')).toEqual({ text: 'Rain. Thunder.', extra: '' })
  })

  it('lets one tool wait without the others', async () => {
    const sending = new Sending()
    const { sent, end, deliver } = wire()
    sending.write('narrate', { text: 'Night falls.' })
    sending.write('note', { text: 'Be quick.' })
    const narrated = sending.send('narrate', deliver)
    const noted = sending.send('note', deliver)
    expect(sent.map((words) => words.text)).toEqual(['Night falls.', 'Be quick.'])
    end(false)
    end(true)
    await Promise.all([narrated, noted])
    expect([sending.of('narrate').text, sending.of('note').text]).toEqual(['Night falls.', ''])
    expect(sending.busy$.value.size).toBe(0)
  })
})
