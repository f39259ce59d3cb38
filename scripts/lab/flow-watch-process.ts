/**
 * A program on the laptop: it keeps one connection through the proxy, and opens another one every so often. Says
 * what it sees in JSON lines; times are Unix milliseconds.
 *
 *   node flow-watch-process.js PROXY_PORT HOST PORT EVERY_MS
 *
 *   {"open":"alive"|"ended","atMs"}                              the connection it keeps, while data comes in
 *   {"new":"ok"|REASON,"startedAtMs","atMs"}                     each of the others, once data came in
 */
import { request } from 'node:http'
import type { Duplex } from 'node:stream'

const [proxyPort = '', host = '', port = '', everyMs = ''] = process.argv.slice(2)
/** A connection that says nothing for so long is not waited for. */
const LIMIT_MS = 20_000
const TELL_MS = 100

const say = (line: object): void => console.log(JSON.stringify({ ...line, atMs: Date.now() }))

/** A connection that data has come in on. @throws {Error} whose message is the reason of a refusal. */
function open(): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const asking = request({ method: 'CONNECT', port: Number(proxyPort), path: `${host}:${port}` })
    const timer = setTimeout(() => asking.destroy(new Error('silent')), LIMIT_MS)
    asking.on('error', reject)
    asking.on('connect', ({ statusCode, headers }, socket) => {
      clearTimeout(timer)
      const [, reason = 'refused'] = /reason=([a-z_]+)/.exec(String(headers['proxy-status'])) ?? []
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('ended')))
      if (statusCode !== 200) reject(new Error(reason))
      else socket.once('data', () => resolve(socket))
    })
    asking.end()
  })
}

async function openAnother(): Promise<void> {
  const startedAtMs = Date.now()
  try {
    const socket = await open()
    say({ new: 'ok', startedAtMs })
    socket.destroy()
  } catch (error) {
    say({ new: error instanceof Error ? error.message : String(error), startedAtMs })
  }
}

const kept = await open()
let lastAtMs = Date.now()
kept.on('data', () => {
  lastAtMs = Date.now()
})
kept.on('close', () => say({ open: 'ended' }))
setInterval(() => {
  if (Date.now() - lastAtMs < TELL_MS && !kept.destroyed) say({ open: 'alive' })
}, TELL_MS)
setInterval(openAnother, Number(everyMs))
console.log('ready')
