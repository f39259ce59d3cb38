import test from 'ava'
import { writeBoolean } from '#lib/ssh/writer'
import { DEFAULT_SSH_GRANT } from '../../../../gateway/policy/ssh-grant.ts'
import { send } from '../../../../gateway/ssh/relay/relay-action.ts'
import { openRelayRig, relayRig, TARGET, USER } from '../../../support/relay-rig.ts'
import {
  channelOpen,
  channelRequest,
  fields,
  globalRequest,
} from '../../../support/ssh-messages.ts'

const NO_VERBS = { allow: [] } as const
const PTY = fields('xterm', 80, 24, 0, 0, '')
const flag = (value: boolean) => writeBoolean(value)

/** Name of the request, its fields, the verb it needs and the event it is told as. */
const granted = {
  'pty-req': ['pty-req', PTY, 'pty', { type: 'pty', term: 'xterm', columns: 80, rows: 24 }],
  shell: ['shell', fields(), 'shell', { type: 'shell' }],
  exec: ['exec', fields('ls -l'), 'exec', { type: 'exec', command: 'ls -l' }],
  'subsystem sftp': ['subsystem', fields('sftp'), 'sftp', { type: 'subsystem', name: 'sftp' }],
  'env LANG': ['env', fields('LANG', 'C'), 'env', { type: 'env', name: 'LANG', value: 'C' }],
  'env LC_ALL': ['env', fields('LC_ALL', 'C'), 'env', { type: 'env', name: 'LC_ALL', value: 'C' }],
  signal: ['signal', fields('TERM'), 'signal', { type: 'signal', name: 'TERM' }],
  break: ['break', fields(500), 'signal', { type: 'signal', name: 'BREAK' }],
  'window-change': [
    'window-change',
    fields(132, 41, 0, 0),
    'pty',
    { type: 'resize', columns: 132, rows: 41 },
  ],
} as const
for (const [title, [name, rest, verb, event]] of Object.entries(granted)) {
  test(`S5 T40: ${title} passes and is told`, (t) => {
    const { relay, events } = openRelayRig()
    t.deepEqual(relay.take('user', channelRequest(TARGET, name, rest)), { kind: 'forward' })
    t.like(events[0], { channel: 0, ...event })
  })
  test(`S5 T40: ${title} without its verb is refused in order and told`, (t) => {
    const without = { allow: DEFAULT_SSH_GRANT.allow.filter((other) => other !== verb) }
    for (const grant of [without, NO_VERBS]) {
      const { relay, events } = openRelayRig({ grant })
      const action = relay.take('user', channelRequest(TARGET, name, rest))
      t.deepEqual(action, send('target', channelRequest(TARGET, 'denied@zt')))
      t.like(events[0], { type: 'refused', what: name, reason: 'verb_not_granted' })
    }
  })
}

for (const name of ['eow@openssh.com', 'keepalive@openssh.com']) {
  test(`S5 T40: ${name} of the user passes and leaves no event`, (t) => {
    const { relay, events } = openRelayRig({ grant: NO_VERBS })
    t.deepEqual(relay.take('user', channelRequest(TARGET, name)), { kind: 'forward' })
    t.deepEqual(events, [])
  })
}

/** Request, fields, what the refusal says. */
const refused = {
  'agent forwarding': ['auth-agent-req@openssh.com', fields(), { reason: 'verb_not_granted' }],
  X11: ['x11-req', fields('x'), { reason: 'verb_not_granted' }],
  'another subsystem': [
    'subsystem',
    fields('netconf'),
    { reason: 'verb_not_granted', target: 'netconf' },
  ],
  'an unknown request': ['pizza@example.com', fields(1), { reason: 'unknown_type' }],
  'a name of Object.prototype': ['constructor', fields(), { reason: 'unknown_type' }],
  'exit-status from the user': ['exit-status', fields(0), { reason: 'unknown_type' }],
  'env LD_PRELOAD (T47)': ['env', fields('LD_PRELOAD', 'x'), env('LD_PRELOAD')],
  'env PATH (T47)': ['env', fields('PATH', '/tmp'), env('PATH')],
  'env BASH_ENV (T47)': ['env', fields('BASH_ENV', 'x'), env('BASH_ENV')],
  'env SSH_AUTH_SOCK (T47)': ['env', fields('SSH_AUTH_SOCK', 'x'), env('SSH_AUTH_SOCK')],
  'env DYLD_INSERT_LIBRARIES (T47)': [
    'env',
    fields('DYLD_INSERT_LIBRARIES', 'x'),
    env('DYLD_INSERT_LIBRARIES'),
  ],
  'env LC_ALL with a newline (T47)': ['env', fields('LC_ALL\nPATH', 'x'), env('LC_ALL\nPATH')],
  'env lang in lower case (T47)': ['env', fields('lang', 'x'), env('lang')],
} as const
function env(target: string) {
  return { reason: 'env_not_listed', target }
}
for (const [title, [name, rest, refusal]] of Object.entries(refused)) {
  test(`S5 T40: ${title} is refused in order and told`, (t) => {
    const { relay, events } = openRelayRig()
    for (const wantReply of [true, false]) {
      const action = relay.take('user', channelRequest(TARGET, name, rest, wantReply))
      const payload = channelRequest(TARGET, 'denied@zt', fields(), wantReply)
      t.deepEqual(action, send('target', payload))
    }
    t.deepEqual(events[0], { type: 'refused', channel: 0, what: name, ...refusal } as never)
  })
}

/** Kind, its fields, the target in the event. */
const opens = {
  'direct-tcpip': [fields('10.0.0.9', 5432, '127.0.0.1', 4000), '10.0.0.9:5432'],
  'direct-streamlocal@openssh.com': [fields('/run/docker.sock', '', 0), '/run/docker.sock'],
  'tun@openssh.com': [fields(1, 2), undefined],
} as const
for (const [kind, [rest, target]] of Object.entries(opens)) {
  test(`S5 T40 T42: a ${kind} channel is refused with sshd's own words and told`, (t) => {
    const { relay, events } = relayRig()
    const action = relay.take('user', channelOpen(USER, kind, rest))
    const words = Buffer.concat([Buffer.of(92), fields(USER, 1, 'open failed', '')])
    t.deepEqual(action, send('user', words))
    t.like(events[0], { type: 'refused', channel: -1, what: kind, target })
  })
}

const fromTarget = {
  x11: fields('10.0.0.1', 6010),
  'auth-agent@openssh.com': fields(),
  'forwarded-tcpip': fields('127.0.0.1', 80, '10.0.0.1', 90),
  'forwarded-streamlocal@openssh.com': fields('/tmp/s', ''),
  session: fields(),
}
for (const [kind, rest] of Object.entries(fromTarget)) {
  test(`S5 T40: a ${kind} channel that the target opens is refused and told`, (t) => {
    const { relay, events } = openRelayRig()
    const action = relay.take('target', channelOpen(9, kind, rest))
    t.deepEqual(
      action,
      send('target', Buffer.concat([Buffer.of(92), fields(9, 1, 'open failed', '')])),
    )
    t.like(events[0], { type: 'refused', what: kind, reason: 'opened_by_target' })
  })
}

const globals = {
  'tcpip-forward': [fields('0.0.0.0', 8080), '0.0.0.0:8080'],
  'cancel-tcpip-forward': [fields('0.0.0.0', 8080), '0.0.0.0:8080'],
  'streamlocal-forward@openssh.com': [fields('/tmp/s'), '/tmp/s'],
  'hostkeys-prove-00@openssh.com': [fields('key'), undefined],
  'unknown@example.com': [fields(), undefined],
} as const
for (const [name, [rest, target]] of Object.entries(globals)) {
  test(`S5 T40 T44: global ${name} is refused in order and told`, (t) => {
    const { relay, events } = openRelayRig()
    const action = relay.take('user', globalRequest(name, rest))
    t.deepEqual(action, send('target', globalRequest('denied@zt')))
    t.like(events[0], { type: 'refused', channel: -1, what: name, target })
  })
}

for (const name of ['keepalive@openssh.com', 'no-more-sessions@openssh.com']) {
  test(`S5 T40: global ${name} passes`, (t) => {
    const { relay, events } = openRelayRig()
    t.deepEqual(relay.take('user', globalRequest(name)), { kind: 'forward' })
    t.deepEqual(events, [])
  })
}

test('S5: the target cannot teach the user its own host keys', (t) => {
  const { relay } = openRelayRig()
  const keys = globalRequest('hostkeys-00@openssh.com', fields('key'), false)
  t.deepEqual(relay.take('target', keys), { kind: 'drop' })
  const asked = relay.take('target', globalRequest('hostkeys-00@openssh.com', fields('key')))
  t.deepEqual(asked, send('user', globalRequest('denied@zt')))
})

const endings = {
  'exit-status': [fields(3), { type: 'exit_status', channel: 0, code: 3 }],
  'exit-signal': [
    Buffer.concat([fields('TERM'), flag(true), fields('', '')]),
    { type: 'exit_signal', channel: 0, name: 'TERM', coreDumped: true },
  ],
} as const
for (const [name, [rest, event]] of Object.entries(endings)) {
  test(`S5 T48: ${name} of the target passes and is told`, (t) => {
    const { relay, events } = openRelayRig({ grant: NO_VERBS })
    const action = relay.take('target', channelRequest(USER, name, rest, false))
    t.deepEqual(action, { kind: 'forward' })
    t.deepEqual(events, [event])
  })
}

test('S5 T40: an unknown request of the target is renamed', (t) => {
  const { relay } = openRelayRig()
  const action = relay.take('target', channelRequest(USER, 'shell'))
  t.deepEqual(action, send('user', channelRequest(USER, 'denied@zt')))
})
