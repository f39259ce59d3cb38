/**
 * Seals an export as an age file on its way out.
 */
import { Encrypter } from 'age-encryption'
import { err, ok, type Result } from '#lib/result'
import type { Sink } from './sink.ts'

/** Makes an encrypter for these recipients (`age1…`). What cannot be sealed to is refused before anything is opened. */
export async function ageEncrypter(
  recipients: readonly string[],
): Promise<Result<Encrypter, { readonly reason: 'bad_age_recipient' }>> {
  const encrypter = new Encrypter()
  try {
    for (const recipient of recipients) encrypter.addRecipient(recipient)
    await encrypter.encrypt('')
    return ok(encrypter)
  } catch {
    return err({ reason: 'bad_age_recipient' })
  }
}

/** A sink for the plaintext; `sink` gets the age file, and is closed with it. */
export async function sealedTo(encrypter: Encrypter, sink: Sink): Promise<Sink> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const sealed = await encrypter.encrypt(readable)
  const passedOn = passOn(sealed, sink)
  // A sink that fails ends the stream, so that the next write says so.
  passedOn.catch(() => {})
  const writer = writable.getWriter()
  return {
    write: (chunk) => writer.write(Buffer.from(chunk)),
    async close() {
      await writer.close()
      await passedOn
    },
    discard: () => sink.discard(),
  }
}

async function passOn(source: AsyncIterable<Uint8Array>, sink: Sink): Promise<void> {
  for await (const chunk of source) await sink.write(chunk)
  await sink.close()
}
