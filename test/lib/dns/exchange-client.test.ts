import { createSocket } from 'node:dgram'
import test from 'ava'
import { writeAnswer } from '#lib/dns/answer-writer'
import { RCODE, TYPE } from '#lib/dns/codes'
import { askInTurn, askServer } from '#lib/dns/exchange-client'
import { writeName } from '#lib/dns/name'
import { readQuery, writeQuery } from '#lib/dns/query'

const QUERY = writeQuery({
  name: writeName('wiki.corp.internal'),
  type: TYPE.A,
  dnssecOk: false,
  flags: 0,
})
/** The kernel connects no socket to it that did not ask to broadcast: as without a route, nothing can be sent. */
const UNREACHABLE = { host: '255.255.255.255', port: 53 }

/** A server that answers every question with no records. */
async function serve(): Promise<{ readonly port: number; close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (message, { port, address }) => {
    const query = readQuery(message)
    if (query?.ok) socket.send(writeAnswer(query.value, { rcode: RCODE.NOERROR }), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return { port: socket.address().port, close: () => socket.close() }
}

for (const via of ['udp', 'tcp'] as const) {
  test(`a server that cannot be reached gives no answer by ${via}, and stops nothing`, async (t) => {
    t.is(await askServer(UNREACHABLE, QUERY, via, { attemptMs: 5_000 }), undefined)
  })
}

test('behind a server that cannot be reached the next one is asked', async (t) => {
  const { port, close } = await serve()
  t.teardown(close)
  const servers = [UNREACHABLE, { host: '127.0.0.1', port }]
  const answered = await askInTurn(servers, QUERY, 'udp', { attempts: 2, attemptMs: 5_000 })
  t.is(answered?.index, 1)
})
