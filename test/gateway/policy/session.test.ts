import test from 'ava'
import fc from 'fast-check'
import type { LoginContext } from '../../../gateway/identity/identity.ts'
import {
  judgeSession,
  type SessionLimits,
  type SessionVerdict,
} from '../../../gateway/policy/session.ts'

const NOW = 1_000_000
const over = (
  reason: 'session_expired' | 'session_revoked',
  youngerThanMs?: number,
): SessionVerdict => ({
  state: 'over',
  reason,
  ...(youngerThanMs !== undefined && { youngerThanMs }),
})

const cases: Record<string, [LoginContext | undefined, SessionLimits, SessionVerdict]> = {
  'nothing bounds it': [{ atMs: 1 }, {}, { state: 'alive' }],
  'nothing bounds it, no login known': [undefined, {}, { state: 'alive' }],
  'within its length': [
    { atMs: NOW - 999 },
    { lengthMs: 1000 },
    { state: 'alive', endsAtMs: NOW + 1 },
  ],
  'at the end of its length': [
    { atMs: NOW - 1000 },
    { lengthMs: 1000 },
    over('session_expired', 1000),
  ],
  'a length and no login known': [undefined, { lengthMs: 1000 }, over('session_expired', 1000)],
  'revoked after the login': [{ atMs: 5 }, { notBeforeMs: 6 }, over('session_revoked', NOW - 6)],
  'revoked in the same millisecond': [
    { atMs: 5 },
    { notBeforeMs: 5 },
    over('session_revoked', NOW - 5),
  ],
  'logged in after the revocation': [{ atMs: 7 }, { notBeforeMs: 6 }, { state: 'alive' }],
  'revoked and no login known': [undefined, { notBeforeMs: 6 }, over('session_expired', NOW - 6)],
  "past the provider's own end": [
    { atMs: NOW - 1, notAfterMs: NOW },
    { lengthMs: 1000 },
    over('session_expired', 1000),
  ],
  'revoked, and with a length: the login must satisfy both': [
    { atMs: 5 },
    { notBeforeMs: NOW - 10, lengthMs: 1000 },
    over('session_revoked', 10),
  ],
  "the provider's end comes first": [
    { atMs: NOW - 1, notAfterMs: NOW + 5 },
    { lengthMs: 1000 },
    { state: 'alive', endsAtMs: NOW + 5 },
  ],
}
for (const [title, [login, limits, wanted]] of Object.entries(cases)) {
  test(`A5: a session, ${title}`, (t) => t.deepEqual(judgeSession(login, limits, NOW), wanted))
}

test('A5: a session that is over stays over; only a later login brings it back', (t) => {
  const time = fc.nat(100)
  const optional = { requiredKeys: [] }
  fc.assert(
    fc.property(
      fc.record({ atMs: time, notAfterMs: time }, { requiredKeys: ['atMs'] }),
      fc.record({ lengthMs: time, notBeforeMs: time }, optional),
      time,
      time,
      (login, limits, nowMs, laterMs) => {
        const before = judgeSession(login, limits, nowMs)
        const after = judgeSession(login, limits, nowMs + laterMs)
        if (before.state === 'over') t.is(after.state, 'over')
        if (before.state === 'alive') {
          const ends = before.endsAtMs ?? Number.POSITIVE_INFINITY
          t.is(after.state, nowMs + laterMs < ends ? 'alive' : 'over')
        }
      },
    ),
  )
})
