/** Tests run on the compiled output, one process per file; ports are 0 and folders fresh, so files run in parallel. */
export default {
  files: ['dist/test/**/*.test.js'],
  workerThreads: false,
  timeout: '120s',
  failWithoutAssertions: true,
  require: ['./dist/test/support/end-at-exit.js'],
}
