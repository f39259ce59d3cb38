/**
 * A target that says what it is told, over TCP and UDP.
 *
 *   node echo-target-process.js ADDRESS PORT
 */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const [address = '127.0.0.1', text = '0'] = process.argv.slice(2)
const port = Number(text)
const udp = createSocket('udp4')
udp.on('message', (payload, from) => udp.send(payload, from.port, from.address))
const tcp = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => undefined)
  socket.pipe(socket)
})
udp.bind(port, address, () => tcp.listen(port, address, () => console.log(`ready on ${address}`)))
