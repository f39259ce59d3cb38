/**
 * A captive portal: HTTP on every address, which sends whoever asks for another host to its own page, and DNS that gives
 * its own addresses for every name.
 *
 *   node portal-process.js HOST IPV4 IPV6 [PORT…]
 */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:http'
import { type OwnAnswer, writeAnswer } from '#lib/dns/answer-writer'
import { RCODE, TYPE } from '#lib/dns/codes'
import { readQuery } from '#lib/dns/query'
import { parseAddress } from '#lib/net/address'

const [host = '', v4 = '', v6 = '', ...ports] = process.argv.slice(2)

function octetsOf(text: string): Uint8Array {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(`${text} is no address`)
  return parsed.value.bytes
}

function answerTo(type: number): OwnAnswer {
  const texts: Readonly<Record<number, string>> = { [TYPE.A]: v4, [TYPE.AAAA]: v6 }
  const text = texts[type]
  const answers = text === undefined ? [] : [{ type, ttl: 1, data: octetsOf(text) }]
  return { rcode: RCODE.NOERROR, answers }
}

const web = createServer((request, response) => {
  if (request.headers.host !== host) {
    response.writeHead(302, { location: `http://${host}/` }).end()
    return
  }
  response.writeHead(200, { 'content-type': 'text/plain' }).write('Welcome to the hotel.\n')
  // A page that never ends.
  if (request.url !== '/long') response.end()
})
const dns = createSocket('udp6', (message, from) => {
  const query = readQuery(message)
  if (query?.ok)
    dns.send(writeAnswer(query.value, answerTo(query.value.type)), from.port, from.address)
})
dns.bind(53, '::')
web.listen(80, '::', () => console.log('ready'))
for (const port of ports)
  createServer((_, response) => response.end('open\n')).listen(Number(port), '::')
