import test from 'ava'
import { openLog } from '../../gateway/log-os.ts'

function logged(write: (log: ReturnType<typeof openLog>) => void): Record<string, unknown> {
  const lines: string[] = []
  write(openLog({ write: (line: string) => lines.push(line) }))
  return JSON.parse(lines[0] ?? '')
}

test('a line is JSON with level, time, program, fields and message', (t) => {
  const line = logged((log) => log.warn({ device: 'd1' }, 'device revoked'))
  t.like(line, { level: 'warn', program: 'zt-gateway', device: 'd1', msg: 'device revoked' })
  t.regex(String(line['time']), /^\d{4}-\d\d-\d\dT.*Z$/)
})

test('a secret that slips in is not written', (t) => {
  const line = logged((log) => log.error({ token: 'abc', request: { cookie: 'abc' } }, 'x'))
  t.false(JSON.stringify(line).includes('abc'))
})
