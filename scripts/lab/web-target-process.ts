/**
 * A private web application: one page, and a log line per connection so that a test can see who reached it.
 *
 *   node web-target-process.js ADDRESS PORT
 */
import { createServer } from 'node:http'

const [address = '127.0.0.1', port = '8080'] = process.argv.slice(2)
const PAGE = '<!doctype html><title>Wiki</title><h1>Private wiki</h1><p>Only zt leads here.</p>\n'

const server = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
  response.end(request.method === 'HEAD' ? '' : PAGE)
})
server.on('connection', (socket) => console.log(`connection from ${socket.remoteAddress}`))
server.listen(Number(port), address, () => console.log(`ready on ${address}:${port}`))
