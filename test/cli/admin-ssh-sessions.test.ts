import test from 'ava'
import { EXIT } from '../../cli/cli-io.ts'
import { adminCommands, viewer } from '../support/admin-commands.ts'
import { makeRecording } from '../support/recording-sample.ts'

const row = {
  ...{ id: 's1', startedAt: '2026-11-20T00:00:00Z', user: 'ann@x', unixUser: 'root' },
  ...{ host: 'db1.corp', application: 'db\u001b[2J', recorded: true, watch: 'told' },
  passedOctets: 1234,
}

test('S12: admin ssh-sessions list prints a table, or JSON', async (t) => {
  const zt = adminCommands({ sessions: [row] })
  t.is(await zt.run('admin', 'ssh-sessions', 'list'), EXIT.ok)
  t.regex(zt.printed.join('\n'), /s1.*ann@x.*root.*db1\.corp.*yes.*1234/)
  t.false(zt.printed.join('').includes('\u001b[2J'))
  const json = adminCommands({ sessions: [row] })
  t.is(await json.run('admin', 'ssh-sessions', 'list', '--json'), EXIT.ok)
  t.deepEqual(JSON.parse(json.printed[0] ?? ''), [row])
})

test('S12 T65: admin ssh-sessions watch shows what is printed, and nothing that acts on the terminal', async (t) => {
  const { file } = await makeRecording({ output: [await viewer] }, (writer) => {
    writer.event(1, { type: 'channel_opened', channel: 0, kind: 'session' })
    writer.data(2, 0, 'output', Buffer.from('hello\u001b]52;c;ZXZpbA==\u0007 there'))
  })
  const zt = adminCommands([file])
  t.is(await zt.run('admin', 'ssh-sessions', 'watch', 's1', '--key', 'k'), EXIT.ok)
  t.is(zt.shown.join(''), 'hello there')
  t.regex(
    String(zt.asked[0]),
    /^\/api\/v1\/ssh-sessions\/s1\/watch\?recipient=zt-recipient%3Ax25519%3A/,
  )
  const cut = adminCommands([file.subarray(0, file.length - 20)])
  t.is(await cut.run('admin', 'ssh-sessions', 'watch', 's1', '--key', 'k'), EXIT.incomplete)
})

test('S12: admin ssh-sessions end names the session in the path', async (t) => {
  const zt = adminCommands({})
  t.is(await zt.run('admin', 'ssh-sessions', 'end', 'a/b'), EXIT.ok)
  t.deepEqual(zt.asked, [['/api/v1/ssh-sessions/a%2Fb/end', {}]])
})

test('S12 T69: admin ssh-sessions watch --moderate says who moderates', async (t) => {
  const { file } = await makeRecording({ output: [await viewer] }, () => undefined)
  const zt = adminCommands([file])
  const watch = ['admin', 'ssh-sessions', 'watch', 's1', '--key', 'k']
  t.is(await zt.run(...watch, '--moderate', '--as', 'bob+x@example.com'), EXIT.ok)
  t.regex(String(zt.asked[0]), /&moderator=bob%2Bx%40example\.com$/)
  t.is(await zt.run(...watch, '--moderate'), EXIT.usage)
  t.is(await zt.run(...watch, '--as', 'bob@example.com'), EXIT.usage)
  t.is(zt.asked.length, 1)
})
