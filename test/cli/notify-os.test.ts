import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { notifyDesktop } from '../../cli/notify-os.ts'

const before = process.env['PATH'] ?? ''

test.serial(
  'D9: a notification is plain text, whatever the gateway calls its applications',
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'zt-notify-'))
    t.teardown(() => {
      process.env['PATH'] = before
      rmSync(folder, { recursive: true, force: true })
    })
    const script = join(folder, 'notify-send')
    writeFileSync(script, `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/argv\n`)
    chmodSync(script, 0o755)
    process.env['PATH'] = `${folder}:${before}`
    t.true(await notifyDesktop('--help', '-u critical; $(touch x) <b>&`id`</b>'))
    t.deepEqual(readFileSync(join(folder, 'argv'), 'utf8').split('\n'), [
      '--app-name=zt',
      '--',
      '--help',
      '-u critical; $(touch x) &lt;b&gt;&amp;`id`&lt;/b&gt;',
      '',
    ])
  },
)

test.serial('D9: without notify-send there is no notification, and no error', async (t) => {
  process.env['PATH'] = '/nowhere'
  t.teardown(() => {
    process.env['PATH'] = before
  })
  t.false(await notifyDesktop('a', 'b'))
})
