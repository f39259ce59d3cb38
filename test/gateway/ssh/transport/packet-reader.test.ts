import test from 'ava'
import { PacketReader } from '../../../../gateway/ssh/transport/packet-reader.ts'
import { clearPacket } from '../../../support/raw-ssh-peer.ts'

const packet = clearPacket(Buffer.from('payload'))

test('S1: a sequence number is never used twice under one key', (t) => {
  const reader = new PacketReader()
  reader.packets = 2 ** 32 - 2
  let delivered = 0
  const deliver = () => ++delivered > 0
  t.is(reader.receive(Buffer.from(packet), deliver), undefined)
  t.is(reader.receive(Buffer.from(packet), deliver), 'sequence_exhausted')
  t.is(delivered, 1)
})

test('S1: when the owner stops, what is left of the chunk is not read', (t) => {
  const reader = new PacketReader()
  let delivered = 0
  const three = Buffer.concat([packet, packet, packet])
  t.is(
    reader.receive(three, () => ++delivered < 2),
    undefined,
  )
  t.is(delivered, 2)
  t.is(reader.sequence, 2)
})

test('S1: a packet that lies whole in a chunk is not copied', (t) => {
  const reader = new PacketReader()
  const chunk = Buffer.concat([packet, packet])
  const bodies: Buffer[] = []
  reader.receive(chunk, (body) => bodies.push(body) > 0)
  t.deepEqual(
    bodies.map((body) => body.buffer === chunk.buffer),
    [true, true],
  )
})
