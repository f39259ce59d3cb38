/**
 * Tests run on the compiled output, one process per file; ports are 0 and folders fresh, so files run in parallel. The
 * time only ends what hangs: a busy machine may be silent for minutes.
 */
export default {
  files: ['dist/test/**/*.test.js'],
  workerThreads: false,
  timeout: '300s',
  failWithoutAssertions: true,
  require: ['./dist/test/support/end-at-exit.js'],
}
