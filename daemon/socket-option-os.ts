/** Options of a socket that Node does not offer, asked of the kernel through koffi. */
import type { Socket } from 'node:net'
import { loadKoffi } from '#lib/koffi-os'

/** Reads an option into `value`, which has its size. @returns whether it was read. */
export type ReadSocketOption = (
  socket: Socket,
  option: { readonly level: number; readonly name: number },
  value: Buffer,
) => boolean

/** undefined where koffi is missing. */
export function socketOptionReader(): ReadSocketOption | undefined {
  const getsockopt: ((...args: unknown[]) => number) | undefined = loadKoffi()
    ?.load(null)
    .func(
      'int getsockopt(int fd, int level, int name, _Out_ uint8_t *value, _Inout_ uint32_t *length)',
    )
  if (getsockopt === undefined) return undefined
  return (socket, { level, name }, value) => {
    const fd = fileDescriptorOf(socket)
    return fd >= 0 && getsockopt(fd, level, name, value, [value.length]) === 0
  }
}

/** Node has no public way to the descriptor; -1 once the socket is closed. */
function fileDescriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } }
  return handle?.fd ?? -1
}
