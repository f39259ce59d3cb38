/** A program that goes away while its flow is being opened: nobody needs the flow any more. */
import type { Duplex } from 'node:stream'
import type { OnGone } from '#lib/tunnel/tunnel-connection'

/** Sees the end of a client that nobody reads. `stop` before somebody does. */
export function watchGone(client: Duplex): { readonly onGone: OnGone; stop(): void } {
  let giveUp = (): void => undefined
  let isGone = false
  const gone = (): void => {
    isGone = true
    client.destroy()
    giveUp()
  }
  const look = (): void => {
    // Octets that came early stay; a client that sent them and then ended still wants its answer.
    if (client.readableLength === 0) client.read()
  }
  client.on('readable', look).on('end', gone).on('close', gone)
  if (client.destroyed) gone()
  return {
    // The tunnel may have to come up first: who left meanwhile, or before, is gone as well.
    onGone: (listener) => {
      giveUp = listener
      if (isGone) listener()
    },
    stop: () => void client.off('readable', look).off('end', gone).off('close', gone),
  }
}
