/** Two outputs: the table's voices, and what only the master hears; and the master's own microphone. */
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Field } from '@/components/Field'
import { Switch } from '@/components/Switch'
import { outputs, outputsCanBeChosen } from '@/lib/audio/context'
import { setPrefs, usePrefs } from '@/lib/prefs'

import { Key } from '../components/looks'
import { PanelTitle } from './parts'

function useOutputs(): MediaDeviceInfo[] {
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([])
  useEffect(() => {
    const look = () => void outputs().then(setDevices)
    look()
    if (!('mediaDevices' in navigator)) return
    navigator.mediaDevices.addEventListener('devicechange', look)
    return () => navigator.mediaDevices.removeEventListener('devicechange', look)
  }, [])
  return devices
}

export function Sound() {
  const { t } = useTranslation()
  const prefs = usePrefs()
  const devices = useOutputs()
  return (
    <div className="flex flex-col gap-5">
      <section className="flex flex-col gap-3">
        <PanelTitle title={t('desk.sound')} />
        <Switch label={t('desk.hear_table')} hint={t('desk.hear_table_hint')} on={prefs.deskVoices} testId="desk-voices" onChange={(deskVoices) => setPrefs({ deskVoices })} />
        <Output label={t('desk.table_output')} testId="table-output" devices={devices} value={prefs.tableOutput} onChange={(tableOutput) => setPrefs({ tableOutput })} />
        <Output label={t('desk.private_output')} hint={t('desk.private_output_hint')} testId="private-output" devices={devices} value={prefs.privateOutput} onChange={(privateOutput) => setPrefs({ privateOutput })} />
        {!outputsCanBeChosen && <p className="text-xs text-muted">{t('desk.outputs_fixed')}</p>}
      </section>
      <section>
        <PanelTitle title={t('desk.own_voice')} />
        <ul className="flex flex-col gap-1.5 text-sm text-muted">
          {(['narrator', 'address', 'character'] as const).map((role) => (
            <li key={role}>
              <Key>{{ narrator: t('keys.space_key'), address: 'A', character: 'C' }[role]}</Key> {t(`desk.hold_${role}`)}
            </li>
          ))}
        </ul>
      </section>
    </div>
  )
}

interface OutputProps {
  label: string
  hint?: string
  testId: string
  devices: readonly MediaDeviceInfo[]
  value: string
  onChange: (device: string) => void
}

function Output({ label, hint, testId, devices, value, onChange }: OutputProps) {
  const { t } = useTranslation()
  return (
    <Field label={label} hint={hint}>
      {(ids) => (
        <select {...ids} className="field" data-testid={testId} disabled={!outputsCanBeChosen} value={value} onChange={(event) => onChange(event.target.value)}>
          <option value="">{t('desk.default_output')}</option>
          {devices.map((device, index) => (
            <option key={device.deviceId} value={device.deviceId}>
              {device.label || t('desk.output_nth', { n: index + 1 })}
            </option>
          ))}
          {value !== '' && !devices.some((device) => device.deviceId === value) && <option value={value}>{t('desk.output_away')}</option>}
        </select>
      )}
    </Field>
  )
}
