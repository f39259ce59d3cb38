/**
 * The formats that a recording is exported in, and the files that each consists of.
 */
import { AsciicastView } from '#lib/recording/asciicast'
import { type CloudflareHead, CloudflareLogView } from '#lib/recording/cloudflare-log'
import { JsonLinesView } from '#lib/recording/json-lines'
import { TextView } from '#lib/recording/text-view'
import { TypescriptTimingView, TypescriptView } from '#lib/recording/typescript'
import type { View, ViewOptions } from '#lib/recording/view'
import type { HpkeSender } from '#lib/seal/hpke-seal'

/** Formats that need nothing but the recording. */
export const PLAIN_FORMATS = ['asciicast', 'asciicast-v3', 'text', 'jsonl', 'typescript'] as const
export type PlainFormat = (typeof PLAIN_FORMATS)[number]
/** `cloudflare` needs someone to seal to, and the recording twice. */
export type Format = PlainFormat | 'cloudflare'

/** One file of an export. */
export type ExportFile = {
  /** What its name has after the name of the export. */
  readonly suffix: '' | '.timing'
  readonly view: View<string | Uint8Array>
}

/** Makes the files of an export as soon as it is known when the session was opened. */
export type MakeFiles = (options: ViewOptions) => readonly ExportFile[]

/** The files of a format; the first one is the only one, unless the format is `typescript`. */
export function filesOf(format: PlainFormat): MakeFiles {
  switch (format) {
    case 'asciicast':
      return (options) => [{ suffix: '', view: new AsciicastView(options, 2) }]
    case 'asciicast-v3':
      return (options) => [{ suffix: '', view: new AsciicastView(options, 3) }]
    case 'text':
      return (options) => [{ suffix: '', view: new TextView(options) }]
    case 'jsonl':
      return (options) => [{ suffix: '', view: new JsonLinesView(options) }]
    case 'typescript':
      return (options) => [
        { suffix: '', view: new TypescriptView(options) },
        { suffix: '.timing', view: new TypescriptTimingView(options) },
      ]
  }
}

/** The file of a log of Cloudflare's. */
export function cloudflareFileOf(head: CloudflareHead, sender: HpkeSender): MakeFiles {
  return (options) => [{ suffix: '', view: new CloudflareLogView(options, head, sender) }]
}
