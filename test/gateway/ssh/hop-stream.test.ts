/** What a peer sends on a channel of ours while nobody reads it. */
import { buffer } from 'node:stream/consumers'
import test from 'ava'
import { MESSAGE } from '#lib/ssh/message-numbers'
import { HopStream } from '../../../gateway/ssh/hop-stream-server.ts'
import { FIRST_OWN_NUMBER, OwnEnds } from '../../../gateway/ssh/relay/own-ends.ts'
import { channelData, numbersMessage } from '../../support/ssh-messages.ts'

function rig() {
  const ends = new OwnEnds()
  const transport = { backlogged: false, send: () => undefined }
  const stream = new HopStream(ends, 'user', { transport }, { onOctets: () => undefined })
  stream.channel.accept({ sender: 5, windowBytes: 1000, packetBytes: 100 })
  return { stream, take: (payload: Buffer) => ends.take('user', payload) }
}

test('S7 T08: a window that comes octet by octet is kept in few pieces, in order', async (t) => {
  const { stream, take } = rig()
  const sent = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251))
  for (let at = 0; at < sent.length; at++) {
    take(channelData(FIRST_OWN_NUMBER, sent.subarray(at, at + 1)))
  }
  t.true(stream.readableLength <= stream.readableHighWaterMark)
  take(numbersMessage(MESSAGE.channelEof, FIRST_OWN_NUMBER))
  t.true((await buffer(stream)).equals(sent))
})

test('S7: what comes while it is read comes in order, whoever is faster', async (t) => {
  const { stream, take } = rig()
  const sent = Buffer.from(Array.from({ length: 400_000 }, (_, at) => at % 251))
  const read = buffer(stream)
  for (let at = 0; at < sent.length; at += 9_999) {
    take(channelData(FIRST_OWN_NUMBER, sent.subarray(at, at + 9_999)))
    if (at % 5 === 0) await new Promise(setImmediate)
  }
  take(numbersMessage(MESSAGE.channelEof, FIRST_OWN_NUMBER))
  t.true((await read).equals(sent))
})
