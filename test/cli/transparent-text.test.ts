import test from 'ava'
import { transparentLines } from '../../cli/transparent-text.ts'

test('zt status says what was taken and dropped, and which names were refused', (t) => {
  const lines = transparentLines({
    ...{ state: 'on', mode: 'redirect', leftOut: ['10.1.0.0/16 (own_subnet)'] },
    counters: { packets: 7, dropped: { fragment: 2 }, open: { tcp: 1, udp: 2, icmp: 3 } },
    resolver: {
      ...{ mode: 'port53', addresses: ['100.80.0.53'], queries: 5, ours: 3, forwarded: 2 },
      ...{ refused: { rebinding: 1 }, strayAnswers: 4 },
    },
  })
  t.deepEqual(lines, [
    ['transparent', 'on (redirect); left out: 10.1.0.0/16 (own_subnet)'],
    ['taken', '7 packets; open: 1 TCP, 2 UDP, 3 ping; dropped: fragment 2'],
    [
      'names',
      '100.80.0.53 (port53); 5 questions, 3 ours, 2 forwarded; refused: rebinding 1; stray answers: 4',
    ],
  ])
})

test('zt status says why traffic is not taken, and how names are reached only by hand', (t) => {
  const detail = 'made\u001b[2Jup'
  t.deepEqual(transparentLines({ state: 'refused', reason: 'not_permitted', detail }), [
    ['transparent', 'refused (not_permitted); made?[2Jup'],
  ])
  const resolver = { addresses: ['100.80.0.53'], queries: 0, ours: 0, forwarded: 0, refused: {} }
  const lines = transparentLines({
    state: 'on',
    resolver: { reason: 'dns_not_taken', ...resolver },
  })
  t.deepEqual(lines[1], [
    'names',
    'only at 100.80.0.53 (dns_not_taken); 0 questions, 0 ours, 0 forwarded',
  ])
})
