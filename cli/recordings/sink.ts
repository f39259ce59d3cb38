/** Takes what is written, in order; waits while the disk or the reader is slow. */
export type Sink = {
  write(chunk: string | Uint8Array): Promise<void>
  close(): Promise<void>
  /** There is nothing to write after all: a file is not left behind. */
  discard(): Promise<void>
}
