/** What stands behind the interception in tests: HTTP that sends and hashes octets, UDP echo, and a port that echoes. */
import { createCipheriv, createHash } from 'node:crypto'
import dgram from 'node:dgram'
import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const ADDRESSES = ['10.200.0.1', 'fd00:200::1']
const CHUNK = Buffer.alloc(256 * 1024)

/** Octets that look random and are the same each time. */
function* octets(length: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  for (let left = length; left > 0; left -= CHUNK.length) {
    yield cipher.update(CHUNK.subarray(0, Math.min(left, CHUNK.length)))
  }
}

const web = http.createServer(async (request, response) => {
  if (request.method === 'PUT') {
    const hash = createHash('sha256')
    await pipeline(request, hash)
    response.end(hash.digest('hex'))
    return
  }
  const length = Number(request.url?.slice(1))
  if (Number.isInteger(length)) await pipeline(Readable.from(octets(length)), response)
  else response.end(`${request.headers.host}\n`)
})
const echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
web.listen({ port: 80, host: '::' })
echo.listen({ port: 4711, host: '::' })
for (const address of ADDRESSES) {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (payload, from) => socket.send(payload, from.port, from.address))
  socket.bind(4712, address)
}
echo.on('listening', () => console.log('ready'))
