import test from 'ava'
import fc from 'fast-check'
import { parseCommandLine } from '../../daemon/arguments.ts'
import { completeConfig, decodeSettings } from '../../daemon/config.ts'
import { defaultPaths } from '../../lib/api/default-paths.ts'

const MACHINE = { state: '/s', control: '/c', proxy: '127.0.0.1:7080', owner_uid: 1000 }

test('D1 configuration: an empty file gives the defaults, flags win over the file', (t) => {
  const empty = decodeSettings('', 'zt.yaml')
  if (!empty.ok) return t.fail()
  t.like(completeConfig(MACHINE, { source: 'file', settings: empty.value }), {
    ...{ stateDir: '/s', controlPath: '/c', proxyPort: 7080, ownerUid: 1000 },
    ...{ others: 'direct', sharePort: false, mode: 'proxy', tunName: 'zt0', allowUsers: [] },
    ...{ lockdown: false, dns: 'auto', sources: {} },
  })
  const file = decodeSettings('proxy: 127.0.0.1:1\nothers: refuse\nshare_port: true\n', 'zt.yaml')
  const line = parseCommandLine(['run', '--proxy', '127.0.0.1:2', '--owner-uid', '7'])
  if (!file.ok || !line.ok || line.value.command !== 'run') return t.fail()
  const config = completeConfig(
    MACHINE,
    { source: 'file', settings: file.value },
    { source: 'flag', settings: line.value.flags },
  )
  t.like(config, { proxyPort: 2, others: 'refuse', sharePort: true, ownerUid: 7 })
  t.deepEqual(config.sources, {
    ...{ proxy: 'flag', owner_uid: 'flag', others: 'file', share_port: 'file' },
  })
})

test('D1 configuration: what transparent mode needs, by flags', (t) => {
  const line = parseCommandLine([
    ...['run', '--mode', 'transparent', '--tun-name', 'zt7', '--synthetic-v4', '10.99.0.0/16'],
    ...['--allow-users', '1000,1001', '--lockdown', '--dns', 'port53', '--captive-portal', '60'],
  ])
  if (!line.ok || line.value.command !== 'run') return t.fail()
  t.deepEqual(line.value.flags, {
    ...{ mode: 'transparent', tun_name: 'zt7', synthetic_v4: '10.99.0.0/16' },
    ...{ allow_users: [1000, 1001], lockdown: true, dns: 'port53', captive_portal: 60 },
  })
})

test('D1 configuration: all mistakes at once, each with its line, and no value repeated', (t) => {
  const text = [
    'state: ""',
    'proxy: 0.0.0.0:7080',
    'others: maybe',
    'share_port: "yes"',
    'owner_uid: -1',
    'upstream_proxi: http://me:hunter2@x',
  ].join('\n')
  const decoded = decodeSettings(text, 'zt.yaml')
  if (decoded.ok) return t.fail()
  const places = decoded.error.map(({ place }) => place).sort()
  t.deepEqual(places, [
    'zt.yaml:1 state',
    'zt.yaml:2 proxy',
    'zt.yaml:3 others',
    'zt.yaml:4 share_port',
    'zt.yaml:5 owner_uid',
    'zt.yaml:6 upstream_proxi',
  ])
  t.false(JSON.stringify(decoded.error).includes('hunter2'))
})

const refused: Record<string, string[]> = {
  'no command': [],
  'another command': ['start'],
  'an unknown flag': ['run', '--verbose'],
  'a proxy for the whole network': ['run', '--proxy', '0.0.0.0:7080'],
  'a port above 65535': ['run', '--proxy', '127.0.0.1:65536'],
  'a uid that is no number': ['run', '--owner-uid', 'root'],
  'a flag without its value': ['run', '--state'],
  'a mode that there is not': ['run', '--mode', 'vpn'],
  'a device name that is a path': ['run', '--tun-name', '../zt0'],
  'a public synthetic range': ['run', '--synthetic-v4', '8.8.0.0/16'],
  'a synthetic range of the other version': ['run', '--synthetic-v4', 'fd00::/64'],
  'a synthetic range that is too small': ['run', '--synthetic-v4', '10.0.0.0/30'],
  'a user that is no number': ['run', '--allow-users', '1000,'],
}
for (const [title, argv] of Object.entries(refused)) {
  test(`D1 command line: refuses ${title}`, (t) => {
    const parsed = parseCommandLine(argv)
    t.false(parsed.ok)
    if (!parsed.ok) t.true(parsed.error.length > 0)
  })
}

test('D1 configuration: neither decoder ever throws', (t) => {
  const total = fc.property(fc.string(), fc.array(fc.string()), (text, argv) => {
    decodeSettings(text, 'f')
    parseCommandLine(argv)
  })
  t.notThrows(() => fc.assert(total, { numRuns: process.env['ZT_FULL'] ? 5000 : 200 }))
})

const paths: Record<string, [Parameters<typeof defaultPaths>[0], string, string]> = {
  root: [{ uid: 0, home: '/root' }, '/var/lib/zt', '/run/zt/control.sock'],
  'a user': [{ uid: 1, home: '/h' }, '/h/.local/state/zt', '/h/.local/state/zt/control.sock'],
  'a user with a session': [
    { uid: 1, home: '/h', runtimeDir: '/run/user/1', stateHome: '/x' },
    '/x/zt',
    '/run/user/1/zt/control.sock',
  ],
}
for (const [title, [facts, stateDir, controlPath]] of Object.entries(paths)) {
  test(`default paths of ${title}`, (t) =>
    t.deepEqual(defaultPaths(facts), { stateDir, controlPath }))
}
