import test from 'ava'
import Fastify from 'fastify'
import { authenticate } from '../../../gateway/admin/admin-server.ts'
import { memoryLog } from '../../support/tunnel.ts'

test('S10 T68: addresses of one IPv6 customer share their wrong secrets', async (t) => {
  let checked = 0
  const checkSecret = async (): Promise<boolean> => {
    checked++
    return false
  }
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onRequest', authenticate({ checkSecret, log: memoryLog() }))
  app.get('/', async () => 'let in')
  const from = async (remoteAddress: string): Promise<number> => {
    const headers = { authorization: 'Bearer wrong' }
    return (await app.inject({ url: '/', headers, remoteAddress })).statusCode
  }
  for (let host = 1; host <= 10; host++) t.is(await from(`2001:db8::${host}`), 401)
  t.is(await from('2001:db8::ffff'), 429)
  t.is(checked, 10, 'the costly hash is not reached')
  t.is(await from('2001:db8:0:1::1'), 401, 'a neighbour has a share of its own')
})
