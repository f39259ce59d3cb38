import test from 'ava'
import { startAdminRig } from '../../support/admin-rig.ts'

const none = { answers: 0, failures: 0, failuresInARow: 0 }

test('G12: the admin API says how resolvers do', async (t) => {
  const well = { ...none, answers: 2, lastAnswerAtMs: 0, medianMs: 4 }
  const ill = { ...well, failures: 1, failuresInARow: 1, lastFailureAtMs: 1000 }
  const resolvers = () => [
    {
      zone: 'corp.test',
      resolvers: [
        { resolver: '10.0.0.1:53', health: well },
        { resolver: '10.0.0.2:53', health: ill },
      ],
    },
    { resolvers: [{ resolver: '127.0.0.1:53', health: none }] },
  ]
  const { get } = await startAdminRig(t, { change: { resolvers } })
  const { status, json } = await get('/api/v1/dns/resolvers')
  t.is(status, 200)
  const epoch = '1970-01-01T00:00:00.000Z'
  const told = { ...none, answers: 2, medianMs: 4, lastAnswerAt: epoch }
  const failing = { failures: 1, failuresInARow: 1, lastFailureAt: '1970-01-01T00:00:01.000Z' }
  t.deepEqual(json, {
    zones: [
      {
        zone: 'corp.test',
        resolvers: [
          { resolver: '10.0.0.1:53', state: 'answering', ...told },
          { resolver: '10.0.0.2:53', state: 'failing', ...told, ...failing },
        ],
      },
      { resolvers: [{ resolver: '127.0.0.1:53', state: 'unasked', ...none }] },
    ],
  })
})
