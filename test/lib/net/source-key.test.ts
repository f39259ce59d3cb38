import test from 'ava'
import { sourceKey } from '#lib/net/source-key'

test('T122: IPv6 callers count by /64, IPv4 callers by address however it is written', (t) => {
  t.is(sourceKey('2001:db8::1'), sourceKey('2001:db8::ffff'))
  t.not(sourceKey('2001:db8::1'), sourceKey('2001:db8:0:1::1'))
  t.is(sourceKey('::ffff:192.0.2.1'), sourceKey('192.0.2.1'))
  t.not(sourceKey('192.0.2.1'), sourceKey('192.0.2.2'))
  t.is(sourceKey(''), sourceKey('no address'))
})
