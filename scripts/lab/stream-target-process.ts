/**
 * A target that sends and receives small pieces all the time, and says when the last one of a connection came in:
 * one JSON line `{"flow":"UUID","lastAtMs":…}` for each connection that ended. Times are Unix milliseconds.
 *
 *   node stream-target-process.js ADDRESS PORT
 */
import { createServer } from 'node:net'

const PIECE = Buffer.alloc(512, 'z')
const EVERY_MS = 5
/** Each connection begins with a UUID, which names it. */
const LABEL_LENGTH = 36

const [address = '127.0.0.1', port = '0'] = process.argv.slice(2)
const server = createServer((socket) => {
  let lastAtMs = 0
  let flow = ''
  socket.once('data', (first) => {
    flow = first.toString('latin1').slice(0, LABEL_LENGTH)
  })
  socket.on('data', () => {
    lastAtMs = Date.now()
  })
  const timer = setInterval(() => socket.write(PIECE), EVERY_MS)
  socket.on('error', () => undefined)
  socket.on('close', () => {
    clearInterval(timer)
    console.log(JSON.stringify({ flow, lastAtMs }))
  })
})
server.listen(Number(port), address, () => console.log(`ready on ${address}:${port}`))
