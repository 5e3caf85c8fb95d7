// A component of the user's: uploaded, run, its server reached by getHost. The first argument is its file.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { Sandbox } from '@e2b/code-interpreter'

const wasm = await readFile(globalThis.process.argv[2])
const sandbox = await Sandbox.create()
await sandbox.files.write('/home/user/guest', wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length))
await sandbox.commands.run('chmod +x guest')
const said = await sandbox.commands.run('./guest arguments one "two three" && echo in | ./guest upper')
assert.equal(said.stdout, 'one\ntwo three\nIN\n')
await assert.rejects(sandbox.commands.run('./guest nothing'), (error) => {
  assert.equal(error.exitCode, 1)
  assert.equal(error.stderr, 'unknown: nothing\n')
  return true
})

let listening
const ready = new Promise((resolve) => { listening = resolve })
const server = await sandbox.commands.run('./guest http-server 8080', {
  background: true,
  onStdout: (text) => text.includes('listening') && listening(),
})
await ready
const host = sandbox.getHost(8080)
for (let n = 0; n < 20; n++) {
  const response = await fetch(`https://${host}/path?n=${n}`, { method: 'POST', body: `body ${n}` })
  assert.equal(response.status, 200)
  assert.equal(await response.text(), `POST /path?n=${n} HTTP/1.1 body ${n}`)
}
assert.equal(await server.kill(), true)
const closed = await fetch(`https://${host}/`)
assert.equal(closed.status, 502)
assert.equal(await sandbox.kill(), true)
console.log('component ok')
