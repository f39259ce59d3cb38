/**
 * Every frame as one line of JSON: nothing is left out, nothing is interpreted.
 * Bytes that are UTF-8 stand as `text`, others as `base64url`.
 */
import { base64url } from 'jose'
import type { Frame } from './frame.ts'
import { secondsOf, toPrintableJson, type View, type ViewOptions } from './view.ts'

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class JsonLinesView implements View {
  readonly #options: ViewOptions

  constructor(options: ViewOptions) {
    this.#options = options
  }

  push(frame: Frame): string {
    const { channel = 'any', input = false } = this.#options
    const of = 'event' in frame ? frame.event.channel : frame.channel
    if (channel !== 'any' && of !== channel) return ''
    if ('stream' in frame && frame.stream === 'input' && !input) return ''
    return `${toPrintableJson(contentOf(frame))}\n`
  }

  end(): string {
    return ''
  }
}

function contentOf(frame: Frame): Readonly<Record<string, unknown>> {
  const time = Number(secondsOf(frame.timeUs))
  if ('event' in frame) return { time, ...frame.event }
  const { channel, stream, bytes } = frame
  return { time, type: 'data', channel, stream, ...content(bytes) }
}

function content(bytes: Uint8Array): { readonly text: string } | { readonly base64url: string } {
  try {
    return { text: strict.decode(bytes) }
  } catch {
    return { base64url: base64url.encode(bytes) }
  }
}
