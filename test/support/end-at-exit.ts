/**
 * Test processes end by process.exit(): at an end that comes by itself Node 20 takes its event loop down, and sometimes
 * turns in it for ever (nodejs/node issue 47748).
 */
process.on('exit', () => process.exit())
