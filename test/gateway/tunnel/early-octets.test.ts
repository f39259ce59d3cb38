import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { EARLY_LIMIT, takeEarly } from '../../../gateway/tunnel/early-octets-server.ts'

/** Longer than what is written here: nothing waits for a reader. */
const ROOMY = { highWaterMark: 4 * EARLY_LIMIT }

async function textOf(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

test('D9: what came early is there for whoever reads next, with its end', async (t) => {
  for (const parts of [[], ['x'], ['one ', 'two'], ['a'.repeat(EARLY_LIMIT)]]) {
    const stream = new PassThrough(ROOMY)
    const putBack = takeEarly(stream, () => t.fail())
    for (const part of parts) {
      stream.write(part)
      await setImmediate()
    }
    stream.write('!')
    stream.end()
    await setImmediate()
    putBack()
    t.is(await textOf(stream), `${parts.join('')}!`)
  }
})

test('D9: more than the limit is told once, however it comes', async (t) => {
  for (const size of [1000, EARLY_LIMIT * 2]) {
    const stream = new PassThrough(ROOMY)
    let told = 0
    const over = new Promise<void>((resolve) => {
      takeEarly(stream, () => {
        told += 1
        resolve()
      })
    })
    for (let sent = 0; sent < EARLY_LIMIT + 1000; sent += size) {
      stream.write(Buffer.alloc(size))
      await setImmediate()
    }
    await over
    stream.write('more')
    await setImmediate()
    t.is(told, 1)
    stream.destroy()
    await once(stream, 'close')
  }
})
