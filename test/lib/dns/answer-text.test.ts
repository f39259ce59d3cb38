import test from 'ava'
import fc from 'fast-check'
import { answerText } from '#lib/dns/answer-text'
import { TYPE } from '#lib/dns/codes'
import { writeName } from '#lib/dns/name'
import { address, answerFrom, queryFor } from '../../support/dns.ts'

const RECORDS = [
  { type: TYPE.CNAME, ttl: 9, data: writeName('cdn.test') },
  { type: TYPE.A, ttl: 9, data: address('10.0.0.1').bytes },
  { type: TYPE.AAAA, ttl: 9, data: address('fd00::1').bytes },
  { type: TYPE.A, ttl: 9, data: Buffer.alloc(3) },
  { type: TYPE.TXT, ttl: 9, data: Buffer.from('\u0001x') },
]

test('D12: an answer as text', (t) => {
  const table = { 'a.test 1': { rcode: 0, answers: RECORDS } }
  t.deepEqual(answerText(answerFrom(table, queryFor('a.test'))), {
    answer: 'NOERROR',
    records: [
      { type: 'CNAME', value: 'cdn.test' },
      { type: 'A', value: '10.0.0.1' },
      { type: 'AAAA', value: 'fd00::1' },
      { type: 'A' },
      { type: 'TXT' },
    ],
  })
  const error = { code: 15, text: 'no' }
  const blocked = answerFrom({ 'a.test 1': { rcode: 5, error } }, queryFor('a.test'))
  t.deepEqual(answerText(blocked), { answer: 'REFUSED', records: [], error })
  t.is(answerText(queryFor('a.test')), undefined)
})

test('D12: any octets are an answer or none', (t) => {
  const whole = answerFrom({ 'a.test 1': { rcode: 0, answers: RECORDS } }, queryFor('a.test'))
  const spoilt = fc.tuple(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length))
  const property = fc.property(spoilt, ([at, octet, end]) => {
    const message = Buffer.from(whole)
    message[at] = octet
    answerText(message.subarray(0, end))
  })
  t.notThrows(() => fc.assert(property))
})
