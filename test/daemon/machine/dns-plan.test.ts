import test from 'ava'
import { asksResolved, dnsModes } from '../../../daemon/machine/dns-plan.ts'
import { withoutUid } from '../../../daemon/machine/nft-table.ts'

test('D3: what leaves the least behind is tried first, and what is written is tried alone', (t) => {
  const stub = 'nameserver 127.0.0.53\noptions edns0\n'
  t.deepEqual(dnsModes('auto', stub), ['resolved', 'port53', 'resolv_conf'])
  t.deepEqual(dnsModes('auto', 'nameserver 192.0.2.1\n'), ['port53', 'resolv_conf'])
  t.deepEqual(dnsModes('resolv_conf', stub), ['resolv_conf'])
})

test('D3: systemd-resolved that runs beside another server is not what programs ask', (t) => {
  t.false(asksResolved('nameserver 127.0.0.53\nnameserver 192.0.2.1\n'))
  t.false(asksResolved(''))
})

test('D3: a user is taken out of ranges wherever it stands', (t) => {
  const range = [{ first: 1000, last: 1002 }]
  t.deepEqual(withoutUid(range, 999), range)
  t.deepEqual(withoutUid(range, 1000), [{ first: 1001, last: 1002 }])
  t.deepEqual(withoutUid(range, 1001), [
    { first: 1000, last: 1000 },
    { first: 1002, last: 1002 },
  ])
  t.deepEqual(withoutUid(range, 1002), [{ first: 1000, last: 1001 }])
  t.deepEqual(withoutUid([{ first: 0, last: 0 }], 0), [])
})
