import test from 'ava'
import { completeConfig, type WrittenSettings } from '../../daemon/config.ts'
import { jointSettings, listSettings, type PushedSettings } from '../../daemon/settings.ts'
import { formatPrefix } from '../../lib/net/prefix.ts'

const MACHINE = { state: '/s', control: '/c', proxy: '127.0.0.1:7080', owner_uid: 1000 }
const configOf = (settings: WrittenSettings = {}) =>
  completeConfig(MACHINE, { source: 'file', settings })
const PUSHED: PushedSettings = { domains: ['corp'], prefixes: ['10.0.0.0/8'], others: 'direct' }

function listed(settings: WrittenSettings, pushed?: PushedSettings, environmentProxy?: string) {
  const list = listSettings({ config: configOf(settings), pushed, environmentProxy })
  return Object.fromEntries(list.map(({ name, value, source }) => [name, [value, source]]))
}

test('D1 settings: each has its value and where it came from', (t) => {
  t.like(listed({ others: 'refuse', mode: 'transparent' }, PUSHED), {
    ...{ state: ['/s', 'default'], others: ['refuse', 'file'], mode: ['transparent', 'file'] },
    ...{ domains: [['corp'], 'gateway'], prefixes: [['10.0.0.0/8'], 'gateway'] },
    ...{ upstream_proxy: [null, 'default'], dns: ['auto', 'default'] },
  })
})

test('D1 settings: no user name and no password of a proxy is shown', (t) => {
  const secret = 'http://me:hunter2@proxy:3128'
  t.deepEqual(listed({ upstream_proxy: secret })['upstream_proxy'], [
    'http://***@proxy:3128',
    'file',
  ])
  const byEnvironment = listed({}, undefined, 'socks5://token@proxy:1080')['upstream_proxy']
  t.deepEqual(byEnvironment, ['socks5://***@proxy:1080', 'environment'])
  t.deepEqual(listed({ upstream_proxy: 'http://[hunter2' })['upstream_proxy'], [
    '(not a URL)',
    'file',
  ])
})

test('D13 settings: the lock is listed without its key', (t) => {
  const overrideKey = 'A'.repeat(43)
  const listed = (pushed: PushedSettings) =>
    listSettings({ config: configOf({}), pushed, environmentProxy: undefined })
  const locked = listed({ ...PUSHED, lock: { overrideKey } })
  t.deepEqual(locked.at(-1), { name: 'lock', value: true, source: 'gateway' })
  t.false(JSON.stringify(locked).includes(overrideKey))
  t.deepEqual(listed(PUSHED).at(-1), { name: 'lock', value: false, source: 'default' })
})

test('D1 settings: of lockdown and others the stricter one holds', (t) => {
  const strict = { ...PUSHED, others: 'refuse', lockdown: true } as const
  t.like(jointSettings(configOf(), strict), {
    others: { value: 'refuse', source: 'gateway' },
    lockdown: { value: true, source: 'gateway' },
  })
  const mild = { ...PUSHED, lockdown: false }
  t.like(jointSettings(configOf({ others: 'refuse', lockdown: true }), mild), {
    others: { value: 'refuse', source: 'file' },
    lockdown: { value: true, source: 'file' },
  })
})

test('D13 settings: the shorter time of a captive portal holds', (t) => {
  const joint = (written: WrittenSettings, captivePortalMs: number) =>
    jointSettings(configOf(written), { ...PUSHED, captivePortalMs }).captivePortalSeconds
  t.deepEqual(joint({}, 600_000), { value: 180, source: 'default' })
  t.deepEqual(joint({}, 0), { value: 0, source: 'gateway' })
  t.deepEqual(joint({ captive_portal: 60 }, 90_000), { value: 60, source: 'file' })
  t.deepEqual(joint({ captive_portal: 300 }, 90_000), { value: 90, source: 'gateway' })
})

const ranges: Record<string, [WrittenSettings, string, string]> = {
  'the gateway wins over the default': [{}, '10.99.0.0/16', '10.99.0.0/16'],
  'this machine wins over the gateway': [
    { synthetic_v4: '10.88.0.0/16' },
    '10.99.0.0/16',
    '10.88.0.0/16',
  ],
  'a public range of the gateway is left aside (T105)': [{}, '8.8.0.0/16', '100.80.0.0/16'],
  'so is what is no range': [{}, 'all', '100.80.0.0/16'],
}
for (const [title, [written, v4, expected]] of Object.entries(ranges)) {
  test(`D3 synthetic range: ${title}`, (t) => {
    const { syntheticV4 } = jointSettings(configOf(written), { ...PUSHED, synthetic: { v4 } })
    t.is(formatPrefix(syntheticV4.value), expected)
  })
}
