/** What concerns this browser alone. */
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { Segmented } from '@/components/Segmented'
import { Switch } from '@/components/Switch'
import { useStatus } from '@/lib/api/status'
import { inputs } from '@/lib/audio/microphone'
import { type Prefs, setPrefs, usePrefs } from '@/lib/prefs'
import { callsAreKnown } from '@/lib/realtime/callTransport'

function useInputs(): MediaDeviceInfo[] {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([])
  useEffect(() => {
    const look = () => void inputs().then(setDevices)
    look()
    if (!('mediaDevices' in navigator)) return
    navigator.mediaDevices.addEventListener('devicechange', look)
    return () => navigator.mediaDevices.removeEventListener('devicechange', look)
  }, [])
  return devices
}

export function BrowserPrefs() {
  const { t } = useTranslation()
  const prefs = usePrefs()
  const devices = useInputs()
  const status = useStatus()
  return (
    <div className="flex flex-col gap-6">
      <Field label={t('prefs.name')} hint={t('prefs.name_hint')}>
        {(ids) => <input {...ids} className="field" value={prefs.name} maxLength={60} placeholder={t('prefs.name_placeholder')} onChange={(event) => setPrefs({ name: event.target.value })} />}
      </Field>
      <div>
        <p className="mb-1 text-sm font-medium">{t('prefs.theme')}</p>
        <Segmented className="w-full" label={t('prefs.theme')} value={prefs.theme} onChange={(theme) => setPrefs({ theme })} options={(['system', 'light', 'dark'] as const).map((value) => ({ value, label: t(`prefs.theme_${value}`) }))} />
      </div>
      <Field label={t('prefs.language')}>
        {(ids) => (
          <select {...ids} className="field" value={prefs.language} data-testid="language-select" onChange={(event) => setPrefs({ language: event.target.value as Prefs['language'] })}>
            <option value="">{t('prefs.language_auto')}</option>
            <option value="en">English</option>
            <option value="ru">Русский</option>
            <option value="zh">中文</option>
          </select>
        )}
      </Field>
      <Field label={t('prefs.microphone')} hint={t('prefs.microphone_hint')}>
        {(ids) => (
          <select {...ids} className="field" value={prefs.microphone} data-testid="microphone-select" onChange={(event) => setPrefs({ microphone: event.target.value })}>
            <option value="">{t('prefs.microphone_default')}</option>
            {devices
              .filter((device) => device.deviceId !== 'default')
              .map((device, index) => (
                <option key={device.deviceId} value={device.deviceId}>
                  {device.label || t('prefs.microphone_nth', { n: index + 1 })}
                </option>
              ))}
          </select>
        )}
      </Field>
      <Switch label={t('prefs.loudspeakers')} hint={t('prefs.loudspeakers_hint')} on={prefs.loudspeakers} testId="loudspeakers-switch" onChange={(loudspeakers) => setPrefs({ loudspeakers })} />
      {status.data?.webrtc === true && callsAreKnown() && (
        <div>
          <p className="mb-1 text-sm font-medium">{t('prefs.transport')}</p>
          <Segmented className="w-full" label={t('prefs.transport')} value={prefs.transport} onChange={(transport) => setPrefs({ transport })} options={(['websocket', 'webrtc'] as const).map((value) => ({ value, label: t(`prefs.transport_${value}`) }))} />
          <p className="mt-1 text-sm text-muted">{t('prefs.transport_hint')}</p>
        </div>
      )}
      <Switch label={t('prefs.voices')} hint={t('prefs.voices_hint')} on={prefs.voices} onChange={(voices) => setPrefs({ voices })} />
      <section>
        <h3 className="eyebrow mb-2">{t('keys.title')}</h3>
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1.5 text-sm">
          {(['space', 't', 'm', 'esc', 'slash'] as const).map((key) => (
            <div key={key} className="contents">
              <dt>
                <kbd className="rounded border border-line bg-stage px-1.5 py-0.5 font-sans text-xs">{t(`keys.${key}_key`)}</kbd>
              </dt>
              <dd className="text-muted">{t(`keys.${key}`)}</dd>
            </div>
          ))}
        </dl>
      </section>
    </div>
  )
}
