import test from 'ava'
import {
  localRefusal,
  printAnswer,
  refusalAnswer,
  socks5CodeFor,
} from '../../../daemon/listen/refusal.ts'

const target = { host: 'db.corp', port: 5432 }

const codes: Record<string, [number, string, number]> = {
  'a denial': [403, 'no_application', 2],
  'a login that is due': [407, 'session_expired', 2],
  'a name that does not resolve': [502, 'name_not_found', 4],
  'an unreachable target': [502, 'target_unreachable', 4],
  'a silent target': [504, 'target_timeout', 6],
  'an unreachable gateway': [503, 'gateway_unreachable', 3],
  'anything else': [502, 'something_new', 1],
}
for (const [title, [status, reason, code]] of Object.entries(codes)) {
  test(`D1 refusal: ${title} is SOCKS5 reply ${code}`, (t) => {
    t.is(socks5CodeFor({ status, reason }), code)
  })
}

test('D1 refusal: the page names reason, destination and remedy', (t) => {
  const answer = refusalAnswer(localRefusal('gateway_unreachable'), target, false)
  t.is(answer.status, 503)
  t.regex(answer.body, /reason: gateway_unreachable/)
  t.regex(answer.body, /zt explain db\.corp 5432/)
  t.regex(answer.headers['proxy-status'] ?? '', /^zt-daemon; reason=gateway_unreachable; details=/)
  t.regex(printAnswer(answer), /^HTTP\/1\.1 503 .*\r\n(.+\r\n)+\r\nzt: /)
})

test('D1 T93 refusal: text of the gateway is escaped in HTML and cannot split a header', (t) => {
  const refusal = { status: 407, reason: 'x\r\nset-cookie: a', detail: '<script>\r\né' }
  const answer = refusalAnswer(refusal, target, true)
  t.is(answer.status, 403)
  t.false(answer.body.includes('<script>'))
  t.notRegex(answer.headers['proxy-status'] ?? '', /[\r\n]/)
})
