import test from 'ava'
import type { Finding } from '#lib/api/doctor-api'
import { EXIT } from '../../cli/cli-io.ts'
import { doctorExitCode, doctorText } from '../../cli/doctor-text.ts'

const FOUND: Finding = { check: 'tun', verdict: 'ok', code: 'tun_usable', cause: 'It is there.' }

test('D11: a finding has verdict, cause and code, then what was seen, then the remedy', (t) => {
  const problem: Finding = {
    ...{ check: 'gateway', verdict: 'problem', code: 'gateway_not_reached', cause: 'Away.' },
    ...{ detail: 'evil\u001b[2J', remedy: 'Look.' },
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: styles are what is taken off
  const plain = doctorText([FOUND, problem]).replace(/\u001b\[\d+m/g, '')
  t.deepEqual(plain.split('\n'), [
    'ok      tun     It is there. (tun_usable)',
    'PROBLEM gateway Away. (gateway_not_reached)',
    '                seen: evil?[2J',
    '                remedy: Look.',
  ])
})

test('D11: only a problem fails', (t) => {
  for (const verdict of ['ok', 'warning', 'not_checked'] as const) {
    t.is(doctorExitCode([{ ...FOUND, verdict }]), EXIT.ok)
  }
  t.is(doctorExitCode([FOUND, { ...FOUND, verdict: 'problem' }]), EXIT.failed)
})
